"""A request that changes the cloud: sent, and sent again where neither an answer nor a look tells of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runner.errors import CloudUnavailable, Conflict, NotFound, SignInRefused, StepFailed
from runner.execute import waiting
from runner.execute.run import Run
from runner.journal import Event
from runner.steps.step import Action, Observation, Status

_FIRST_PAUSE = 2.0
_LONGEST_PAUSE = 60.0

# What the request is about may not be visible yet, or something else is under way there; a name that somebody
# else has, or a parent that is gone, does not come by waiting longer.
_LONGEST: Mapping[type[StepFailed], float] = {NotFound: waiting.GRACE_SECONDS, Conflict: 300.0}


class Refused(StepFailed):
    """The service took the request, and will not do it."""


@dataclass
class Request:
    """One request of a step, whose intent is on disk; it may be sent as often as need be.

    `acknowledged`: it was answered well, by this process or an earlier one.
    """

    run: Run
    step: str
    action: Action
    create: Callable[[], None]
    acknowledged: bool = False
    _error: StepFailed | CloudUnavailable | None = None
    _since: float = 0.0
    _due: float = 0.0
    _pause: float = field(default=_FIRST_PAUSE)

    def send(self) -> None:
        """Send it. Where it is not answered, only looks tell what it did."""
        try:
            self.create()
        except (CloudUnavailable, StepFailed) as error:
            now = self.run.clock.monotonic()  # an upload may have taken longer than the patience
            self._since = self._since if self._error else now
            self._error, self._due = error, now + self._pause
            self._pause = min(_LONGEST_PAUSE, 2 * self._pause)
            return
        self._error, self.acknowledged = None, True
        self.run.record(Event.ACKNOWLEDGED, step=self.step)

    def insist(self, seen: Observation) -> bool:
        """Tell whether it was answered; if not, and if a look shows nothing of it, send it when it is time.

        Raises what kept it from being answered, once that is decided or has gone on for too long.
        """
        if not self.acknowledged and self.action is Action.CREATE and seen.status is Status.DIFFERS:
            self.acknowledged = True  # it is there: this is what came of it
        if self.acknowledged:
            return True
        if self._error:
            self._give_up(self._error)
        if self.run.clock.monotonic() >= self._due:
            self.send()
        return self.acknowledged

    def _give_up(self, error: StepFailed | CloudUnavailable) -> None:
        if isinstance(error, StepFailed) and not isinstance(error, tuple(_LONGEST)):
            raise Refused(error.message, hint=error.hint, log_tail=error.log_tail) from error
        longest = next((each for kind, each in _LONGEST.items() if isinstance(error, kind)), None)
        longest = waiting.PATIENCE_SECONDS if longest is None else longest
        if isinstance(error, SignInRefused) or self.run.clock.monotonic() - self._since > longest:
            raise error
