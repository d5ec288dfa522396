"""What a training that has ended asks for: again and again, but not for ever."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runner.errors import CloudUnavailable, SignInRefused, StepFailed

# A training that has ended waits no longer than this for what is told of it.
PATIENCE_SECONDS = 300.0


class GivingUp:
    """Since when the cloud has been silent, by what it was asked."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._silent_since: dict[str, float] = {}

    @contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """Raise StepFailed in place of CloudUnavailable once there was no answer for too long."""
        try:
            yield
        except SignInRefused:
            raise
        except CloudUnavailable as error:
            silent = self._clock() - self._silent_since.setdefault(what, self._clock())
            if silent > PATIENCE_SECONDS:
                raise StepFailed(f"{error.message} (for {silent / 60:.0f} minutes)") from error
            raise
        self._silent_since.pop(what, None)
