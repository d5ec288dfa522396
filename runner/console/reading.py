"""How far rows are on their way, said now and then to those who watch."""

import threading
from collections.abc import Callable

from runner.clock import Clock

_SECONDS = 2.0
_MEGA = 1_000_000


class Reading:
    """Is told from any thread, and says something every two seconds at most."""

    def __init__(self, write: Callable[[str], None], clock: Clock) -> None:
        self._write = write
        self._clock = clock
        self._told = clock.monotonic()
        self._lock = threading.Lock()

    def __call__(self, doing: str, done: int, total: int | None) -> None:
        """Say what is being done, and how many megabytes of it are."""
        with self._lock:
            now = self._clock.monotonic()
            if now - self._told < _SECONDS:
                return
            self._told = now
            of = f" of {total / _MEGA:,.1f}" if total else ""
            self._write(f"{doing}: {done / _MEGA:,.1f}{of} MB")
