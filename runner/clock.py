"""Time as the runner sees it: wall time to write down, monotonic time to wait by; tests bring their own."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Protocol

# So often it is looked whether a clock that is followed was put forward.
_LOOK_SECONDS = 0.05


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


class FollowingClock:
    """The time of an emulator in test mode, which goes at a rate of its own and can be put forward.

    Its file says what time it was at a moment of the machine's monotonic clock, which all processes share,
    and how fast it goes; so one knows without asking. If it is gone, the time goes on as it went last.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        # One value: it is set from several threads, and half of one with half of another is no time at all.
        self._course = (time.time(), time.monotonic(), 1.0)

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.fromtimestamp(self.monotonic(), UTC)

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        virtual, since, rate = self._look()
        return virtual + (time.monotonic() - since) * rate

    def wait(self, seconds: float, stop: Event) -> bool:
        """See `Clock.wait`; if that time stands still, so does this until it is put forward."""
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            rate = self._course[-1]
            if stop.wait(min(_LOOK_SECONDS, left / rate) if rate else _LOOK_SECONDS):
                return True
        return stop.is_set()

    def _look(self) -> tuple[float, float, float]:
        """Give a time, the machine's moment it was at, and how fast it goes: as said last."""
        try:
            said = json.loads(self._file.read_text(encoding="utf-8"))
            self._course = course = (said["virtual"], said["monotonic"], said["rate"])
        except (OSError, ValueError, KeyError):  # the emulator has ended, and its folder may be gone
            return self._course
        return course


def stamp(moment: datetime) -> str:
    """Write a UTC time as manifests and journals have it: `2026-11-21T08:23:00.123Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
