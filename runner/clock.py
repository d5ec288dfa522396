"""Time as the runner sees it: wall time to write down, monotonic time to wait by; tests bring their own."""

import time
from datetime import UTC, datetime
from threading import Event
from typing import Protocol


class Clock(Protocol):
    """What the runner needs of time. Waiting ends early when `stop` is set."""

    def now(self) -> datetime:
        """Give the UTC wall time: shown, written, and compared only over the end of a process."""

    def monotonic(self) -> float:
        """Give seconds that never run backward."""

    def wait(self, seconds: float, stop: Event) -> bool:
        """Wait, and tell whether `stop` was set."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic()

    def wait(self, seconds: float, stop: Event) -> bool:
        """See `Clock.wait`."""
        return stop.wait(seconds)


def stamp(moment: datetime) -> str:
    """Write a UTC time as manifests and journals have it: `2026-11-21T08:23:00.123Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
