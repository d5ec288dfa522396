"""Which attempt of a step is the next, and whether the recipe has one left, both by the journal."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from runner.errors import RunnerError
from runner.execute.asking import Refused
from runner.execute.limits import Overdue
from runner.execute.waiting import Decided, Lost
from runner.journal import Event, Json, Record
from runner.recipe import OnPreempt, Recipe
from runner.steps import STEPS
from runner.steps.step import Status


class Cause(StrEnum):
    """Why an attempt failed, as the journal has it."""

    FAILED = "failed"
    PREEMPTED = "preempted"
    TAKEN = "taken"
    LOST = "lost"
    REFUSED = "refused"
    OVERDUE = "overdue"
    ERROR = "error"


# After these it was looked at, and is known not to be about to appear.
LOOKED_AT = frozenset({Cause.FAILED, Cause.PREEMPTED, Cause.TAKEN, Cause.LOST, Cause.REFUSED})


def cause_of(step: str, error: RunnerError) -> Cause:
    """Tell why an attempt failed."""
    if isinstance(error, Decided):
        if error.seen.status is Status.FOREIGN and STEPS[step].traits.renamed:
            return Cause.TAKEN
        return Cause.PREEMPTED if error.seen.preempted else Cause.FAILED
    known: Mapping[type[RunnerError], Cause] = {
        Lost: Cause.LOST,
        Refused: Cause.REFUSED,
        Overdue: Cause.OVERDUE,
    }
    return known.get(type(error), Cause.ERROR)


def failures(records: Sequence[Record], step: str) -> list[Record]:
    """Give a step's failures since the run was last closed: who takes a closed run up again allows anew."""
    closed = max((place for place, each in enumerate(records) if each.event is Event.RUN_CLOSED), default=0)
    return [each for each in records[closed:] if each.event is Event.FAILED and each.step == step]


def another_is_left(records: Sequence[Record], step: str, recipe: Recipe) -> bool:
    """Tell whether a step that has just failed may be tried under a new name, as the recipe has it."""
    causes = [Cause(each.data.get("cause", Cause.ERROR)) for each in failures(records, step)]
    return bool(causes) and causes.count(causes[-1]) <= _most(causes[-1], step, recipe)


def _most(cause: Cause, step: str, recipe: Recipe) -> int:
    traits = STEPS[step].traits
    if cause is Cause.TAKEN:
        return traits.renamed
    if not traits.retried:
        return 0
    if cause is Cause.PREEMPTED:
        return recipe.retries.preempted if recipe.on_preempt is OnPreempt.RERUN else 0
    return recipe.retries.failed if cause is Cause.FAILED else 0


def first_intent(records: Sequence[Record], step: str) -> Mapping[str, Json]:
    """Give what a step's first attempt meant, of those that were not taken back; empty without one."""
    first: Mapping[str, Json] = {}
    for record in records:
        if record.event is Event.INTENT and record.step == step:
            first = first or record.data["intent"]
        elif record.event is Event.DELETE_DONE and step in {record.step, *record.data.get("with", ())}:
            first = {}
    return first


def unseen(records: Sequence[Record], step: str) -> bool:
    """Tell whether a resource was asked for and nothing is known of it yet: it may still appear."""
    for record in reversed([each for each in records if each.step == step]):
        if record.event is Event.INTENT:
            return True
        if _tells(record):
            return False
    return False


def _tells(record: Record) -> bool:
    """Tell whether a record is of a look that showed what is there."""
    if record.event is Event.OBSERVED:
        return not record.data.get("unanswered")
    if record.event is Event.FAILED:
        return record.data.get("cause") in LOOKED_AT
    return record.event in {Event.DONE, Event.DELETE_INTENT, Event.DELETE_DONE}
