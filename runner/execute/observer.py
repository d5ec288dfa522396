"""Who is told what happens while steps are carried out; the console decides how it looks."""

from typing import Protocol

from runner.errors import RunnerError
from runner.steps.step import Action, Change, Observation


class Observer(Protocol):
    """Is called from several threads."""

    def started(self, change: Change) -> None:
        """Tell that a step has begun."""

    def acting(self, change: Change, action: Action) -> None:
        """Tell that a step now changes the cloud."""

    def preparing(self, change: Change, detail: str, fraction: float | None) -> None:
        """Tell how far a step is with what comes before it acts, about once a second."""

    def waiting(self, change: Change, seen: Observation, seconds: float) -> None:
        """Tell what the latest look showed, this many seconds into the wait."""

    def succeeded(self, change: Change, action: Action, seen: Observation) -> None:
        """Tell that a step has succeeded."""

    def failed(self, change: Change, error: RunnerError) -> None:
        """Tell that a step has failed."""

    def deleting(self, kind: str, name: str) -> None:
        """Tell that a resource is being taken back."""

    def deleted(self, kind: str, name: str) -> None:
        """Tell that a resource is gone."""

    def not_deleted(self, kind: str, name: str, reason: str) -> None:
        """Tell that a resource may still be there."""
