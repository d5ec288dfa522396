"""An observer whose listener may go away: a closed pipe stops the run like a Ctrl-C, and fails no step.

So does a terminal that is gone (EIO), or a log on a disk that is full.
"""

from collections.abc import Callable
from threading import Event as StopEvent
from typing import cast

from runner.execute.observer import Observer


class _Heard:
    """Passes on whatever it is told, until nobody listens any more; then it sets `stop`."""

    def __init__(self, observer: Observer, stop: StopEvent) -> None:
        self._observer = observer
        self._stop = stop
        self._gone = False

    def __getattr__(self, name: str) -> Callable[..., None]:
        tell = getattr(self._observer, name)

        def told(*given: object, **named: object) -> None:
            if self._gone:
                return
            try:
                tell(*given, **named)
            except OSError:
                self._gone = True
                self._stop.set()

        return told


def heard(observer: Observer, stop: StopEvent) -> Observer:
    """Wrap an observer."""
    return cast("Observer", _Heard(observer, stop))
