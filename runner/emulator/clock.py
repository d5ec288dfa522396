"""The emulator's time: the machine's own or, in test mode, one that can be put forward."""

import asyncio
import contextlib
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

CLOCK_FILE = "clock.json"


class Clock:
    """The machine's time."""

    def time(self) -> float:
        """Give seconds since 1970."""
        return time.time()

    def moment(self) -> datetime:
        """Give the UTC time."""
        return datetime.fromtimestamp(self.time(), UTC)

    def stamp(self) -> str:
        """Give the time as the service writes it."""
        return self.moment().isoformat()

    async def sleep(self, seconds: float) -> None:
        """Return when so much time has passed."""
        await asyncio.sleep(seconds)

    def expires_on(self, moment: float) -> float:
        """Give the second at which a client whose clock is the machine's sees `moment`."""
        return moment


class VirtualClock(Clock):
    """A time of its own: `rate` seconds in one of the machine's, 0 to stand still; it never runs backward.

    What it is at any moment follows from the file, so that other processes go by it without asking, and a
    later start on the same folder goes on from there.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._virtual, self.rate = _read(file)
        self._since = time.monotonic()
        self._moved = asyncio.Event()
        self._turn()

    def time(self) -> float:
        """See `Clock.time`."""
        return self._virtual + (time.monotonic() - self._since) * self.rate

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        until = self.time() + seconds
        while (left := until - self.time()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), left / self.rate if self.rate else None)

    def expires_on(self, moment: float) -> float:
        """See `Clock.expires_on`; if this one stands still, as if it went with the machine's."""
        return time.time() + (moment - self.time()) / (self.rate or 1.0)

    def advance(self, seconds: float) -> None:
        """Put the clock forward; who sleeps past that time wakes."""
        self._turn(seconds=seconds)

    def set_rate(self, rate: float) -> None:
        """Let it go faster or slower from now on."""
        self._turn(rate=rate)

    def _turn(self, seconds: float = 0.0, rate: float | None = None) -> None:
        self._virtual = self.time() + seconds
        self._since = time.monotonic()
        self.rate = self.rate if rate is None else rate
        self._write()
        self._moved.set()
        self._moved = asyncio.Event()

    def _write(self) -> None:
        temporary = self._file.with_suffix(".new")
        content = {"virtual": self._virtual, "monotonic": self._since, "rate": self.rate}
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(content, file)
        temporary.replace(self._file)


def _read(file: Path) -> tuple[float, float]:
    """Give the time that an earlier start had reached and its rate; without one, the machine's."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return time.time(), 1.0
    passed = max(0.0, time.monotonic() - said["monotonic"])  # less than 0: the machine was started anew
    return said["virtual"] + passed * said["rate"], said["rate"]
