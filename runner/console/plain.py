"""Progress as lines, for a log or a pipe: one when something changes, and one a minute while it does not."""

import threading
from collections.abc import Callable

from runner.clock import Clock
from runner.console.durations import seconds
from runner.console.lines import safe
from runner.console.texts import SYMBOLS
from runner.errors import RunnerError
from runner.steps.step import Action, Change, Observation

_REMINDER_SECONDS = 60.0
_PREPARING_SECONDS = 10.0

# A job is not deleted: it is asked to end, and stays to be looked at.
ENDED_BY = {"job": "cancel"}
ENDED = {"job": "has stopped"}


class PlainProgress:
    """An Observer that writes lines. May be called from several threads.

    With `links`, a job's page in the studio is shown as soon as it is known.
    """

    def __init__(self, write: Callable[[str], None], clock: Clock, *, links: bool) -> None:
        self._write = write
        self._clock = clock
        self._began = clock.monotonic()
        self._lock = threading.Lock()
        self._said: dict[str, tuple[str, float]] = {}
        self._prepared: dict[str, float] = {}
        self._links = links

    def started(self, change: Change) -> None:
        """See `Observer`."""
        self._line(change.step, change.reason)

    def acting(self, change: Change, action: Action) -> None:
        """See `Observer`."""
        self._line(change.step, f"{SYMBOLS[action]} {action.value} {change.kind} {change.name}")

    def preparing(self, change: Change, detail: str, fraction: float | None) -> None:
        """See `Observer`."""
        del fraction
        now = self._clock.monotonic()
        with self._lock:
            if now - self._prepared.get(change.step, self._began) < _PREPARING_SECONDS:
                return
            self._prepared[change.step] = now
        self._line(change.step, detail)

    def waiting(self, change: Change, seen: Observation, seconds: float) -> None:
        """See `Observer`."""
        self._link(change, seen)
        text = progress(seen)
        with self._lock:
            said, moment = self._said.get(change.step, ("", -_REMINDER_SECONDS))
            if not text or (text == said and seconds - moment < _REMINDER_SECONDS):
                return
            self._said[change.step] = (text, seconds)
        self._line(change.step, text)

    def _link(self, change: Change, seen: Observation) -> None:
        if self._links and seen.outputs.get("studio"):
            self._links = False
            self._line(change.step, f"in the studio: {seen.outputs['studio']}")

    def succeeded(self, change: Change, action: Action, seen: Observation) -> None:
        """See `Observer`."""
        self._line(change.step, f"✓ {action.value}{': ' if seen.detail else ''}{seen.detail}")
        for warning in seen.outputs.get("warnings") or ():
            self._line(change.step, f"warning: {warning}")

    def failed(self, change: Change, error: RunnerError) -> None:
        """See `Observer`."""
        self._line(change.step, f"✗ {error.message}")

    def deleting(self, kind: str, name: str) -> None:
        """See `Observer`."""
        self._line("cleanup", f"- {ENDED_BY.get(kind, 'delete')} {kind} {name}")

    def deleted(self, kind: str, name: str) -> None:
        """See `Observer`."""
        self._line("cleanup", f"✓ {kind} {name} {ENDED.get(kind, 'is gone')}")

    def not_deleted(self, kind: str, name: str, reason: str) -> None:
        """See `Observer`."""
        self._line("cleanup", f"✗ {kind} {name} may still be there: {reason}")

    def _line(self, step: str, text: str) -> None:
        passed = seconds(self._clock.monotonic() - self._began)
        self._write(safe(f"{passed:>11}  {step:<10}  {text}"))


def progress(seen: Observation) -> str:
    """Say what a wait is about: the stage, how far, and the newest loss."""
    share = "" if seen.fraction is None else f"{seen.fraction:.0%}"
    losses = [f"loss {seen.metrics['loss']:.3f}"] if "loss" in seen.metrics else []
    return "  ".join(part for part in (seen.detail, share, *losses) if part)
