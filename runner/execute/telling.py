"""How far a step is with what it does first, told to the observer about once a second."""

from runner.execute.run import Run
from runner.execute.waiting import Interrupted
from runner.steps.step import Change

_SECONDS = 1.0
_MIB = 1024 * 1024


class Telling:
    """A `Progress` of one step. Raises Interrupted once the run is to stop, which ends what it is told of."""

    def __init__(self, run: Run, change: Change) -> None:
        self._run = run
        self._change = change
        self._told = run.clock.monotonic()

    def __call__(self, doing: str, done: int, total: int | None) -> None:
        """See `Progress`."""
        if self._run.stop.is_set():
            raise Interrupted
        now = self._run.clock.monotonic()
        if now - self._told >= _SECONDS:
            self._told = now
            fraction = done / total if total else None
            self._run.observer.preparing(self._change, _said(doing, done, total), fraction)


def _said(doing: str, done: int, total: int | None) -> str:
    if total:
        return f"{doing} {done // _MIB} of {-(-total // _MIB)} MiB"
    return f"{doing} {done // _MIB} MiB" if done else doing
