"""No progress at all: for `--output json`, where the one value at the end says everything."""

from runner.errors import RunnerError
from runner.steps.step import Action, Change, Observation


class SilentProgress:
    """An Observer that says nothing."""

    def started(self, change: Change) -> None:
        """See `Observer`."""

    def acting(self, change: Change, action: Action) -> None:
        """See `Observer`."""

    def preparing(self, change: Change, detail: str, fraction: float | None) -> None:
        """See `Observer`."""

    def waiting(self, change: Change, seen: Observation, seconds: float) -> None:
        """See `Observer`."""

    def succeeded(self, change: Change, action: Action, seen: Observation) -> None:
        """See `Observer`."""

    def failed(self, change: Change, error: RunnerError) -> None:
        """See `Observer`."""

    def deleting(self, kind: str, name: str) -> None:
        """See `Observer`."""

    def deleted(self, kind: str, name: str) -> None:
        """See `Observer`."""

    def not_deleted(self, kind: str, name: str, reason: str) -> None:
        """See `Observer`."""
