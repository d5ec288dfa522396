"""How long a step, a queue and a whole run may take; what is over is told with what it has cost so far."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from runner.errors import StepFailed
from runner.execute.run import Run
from runner.journal import Event, Json, Record
from runner.recipe import Recipe
from runner.steps import STEPS
from runner.steps.step import Change, Observation

_SECONDS_AN_HOUR = 3600


class Overdue(StepFailed):
    """It has taken longer than it may."""


def end_of_run(run: Run, recipe: Recipe) -> float:
    """Give the moment, in the clock's monotonic seconds, at which the run has to be over.

    The recipe counts from the opening, across interruptions; only the wall's time knows of those.
    """
    longest = recipe.limits.max_duration
    if longest is None:
        return math.inf
    passed = (run.clock.now() - datetime.fromisoformat(run.manifest.started)).total_seconds()
    return run.clock.monotonic() + longest - passed


@dataclass
class Limits:
    """Judges the looks at one step's resource; `end` is the run's, in the clock's monotonic seconds."""

    run: Run
    recipe: Recipe
    change: Change
    intent: Mapping[str, Json]
    end: float
    _queued_since: float | None = None

    def judge(self, waited: float, seen: Observation) -> None:
        """Raise Overdue where the step, its queue or the run has taken too long."""
        reason = self._reason(waited, seen)
        if reason:
            raise Overdue(f"{reason}{self._cost()}")

    def _reason(self, waited: float, seen: Observation) -> str:
        deadline = STEPS[self.change.step].traits.deadline + float(self.intent.get("probe_delay", 0))
        if self.run.clock.monotonic() > self.end:
            return over(self.recipe)
        if self._queued(waited, seen):
            return f"{self._subject} has waited for nodes for {self.recipe.limits.queued_timeout} s"
        if STEPS[self.change.step].traits.deadline and waited > deadline:
            return f"{self._subject} has not come within {deadline:.0f} s"
        return ""

    @property
    def _subject(self) -> str:
        return f"{self.change.kind} {self.change.name}"

    def _queued(self, waited: float, seen: Observation) -> bool:
        if not seen.queued or self.recipe.limits.queued_timeout is None:
            self._queued_since = None
            return False
        if self._queued_since is None:
            self._queued_since = waited - self._queued_before()
        return waited - self._queued_since > self.recipe.limits.queued_timeout

    def _queued_before(self) -> float:
        """Give the seconds for which it was seen waiting before; a wait ends when it computes."""
        waits = list(takewhile(lambda each: each.data.get("queued"), reversed(self._observed())))
        return self._since(waits[-1].time) if waits else 0.0

    def _cost(self) -> str:
        """Tell what the nodes have cost so far; a job that waits for them has none."""
        nodes = self.intent.get("nodes")
        if nodes is None:
            return ""
        ran = next((each for each in self._observed() if not each.data.get("queued")), None)
        hours = self._since(ran.time) / _SECONDS_AN_HOUR if ran else 0.0
        return f"; it has taken {nodes * hours:.2f} node-hours"

    def _since(self, stamp: str) -> float:
        return max(0.0, (self.run.clock.now() - datetime.fromisoformat(stamp)).total_seconds())

    def _observed(self) -> list[Record]:
        records = [each for each in self.run.journal.records if each.step == self.change.step]
        begun = max((place for place, each in enumerate(records) if each.event is Event.INTENT), default=0)
        observed = [each for each in records[begun:] if each.event is Event.OBSERVED]
        return [each for each in observed if not each.data.get("unanswered")]


def over(recipe: Recipe) -> str:
    """Say that the run has taken too long."""
    return f"the run has taken longer than limits.max_duration, {recipe.limits.max_duration} s"
