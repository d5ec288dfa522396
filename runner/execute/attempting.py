"""Carry out one step: look, write the intent to disk, act, look until it is decided; again where it may.

A step that an earlier process began is taken up where the journal left it: the recorded intent is used again,
never computed anew, and what is there is adopted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Event as Flag

from runner import naming
from runner.errors import CloudUnavailable, NotWritten, RunnerError, StepFailed
from runner.execute.asking import Request
from runner.execute.attempts import Cause, another_is_left, cause_of, failures, first_intent, unseen
from runner.execute.deletion import take_back
from runner.execute.limits import Limits, Overdue, over
from runner.execute.mistakes import decisive, undecided
from runner.execute.noting import Notes
from runner.execute.run import Run
from runner.execute.telling import Telling
from runner.execute.waiting import (
    Decided,
    Interrupted,
    Watch,
    first_answer,
    until_settled,
    until_succeeded,
)
from runner.journal import Event, Json
from runner.manifest import StepRecord, StepStatus
from runner.steps import STEPS
from runner.steps.step import Action, Change, Context, Observation, Status


class _InAsking(Exception):
    """A mistake of ours in a request, which fails the step; one in looking does not."""

    def __init__(self, mistake: Exception) -> None:
        super().__init__()
        self.mistake = mistake


@dataclass(frozen=True, kw_only=True)
class Walk:
    """One walk over a plan: the steps that are left, those done that they need, and when the run has to end.

    `failed` is set with the first failure: nothing new begins then; what an earlier process began, `begun`,
    is waited for all the same, once what it needs has been looked at.
    """

    run: Run
    context: Context
    remaining: frozenset[str]
    needed: frozenset[str]
    begun: frozenset[str]
    end: float
    failed: Flag = field(default_factory=Flag)


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """One attempt of one step; `intent` and with it the change's name are fixed."""

    walk: Walk
    change: Change
    context: Context
    intent: Mapping[str, Json]

    @property
    def run(self) -> Run:
        return self.walk.run

    def look(self) -> Observation:
        """Look at the resource."""
        return STEPS[self.change.step].observe(self.context, self.intent)

    def look_before_acting(self) -> Observation:
        """Look, and believe that it is absent only if the list says so, too.

        Asking for what is there under that name would change it, and mark somebody else's as ours.
        """
        seen = self.look()
        step = STEPS[self.change.step]
        if seen.status is Status.ABSENT and step.listed(self.run.cloud, self.intent):
            raise CloudUnavailable(
                f"{self.change.kind} {self.change.name} is listed, but cannot be looked at"
            )
        return seen

    def watch(self, look: Callable[[], Observation] | None = None) -> Watch:
        """Look at the resource, write down what is new, and judge how long it takes."""
        limits = Limits(self.run, self.context.recipe, self.change, self.intent, self.walk.end)
        notes = Notes(self.run, self.change.step, look or self.look)
        return Watch(change=self.change, look=notes, judge=limits.judge)


def carry_out_step(walk: Walk, change: Change) -> None:
    """Bring a step to its end, or look again at one that is done and still needed."""
    try:
        _refuse_when_stopped(walk.run)
        if change.step in walk.remaining:
            _carry_out(walk, change)
        elif change.step in walk.needed:
            _look_again(walk, change)
    except BaseException as error:
        walk.failed.set()
        if isinstance(error, Exception) and not isinstance(error, RunnerError | Interrupted):
            raise undecided(walk.run, error) from error
        raise


def _refuse_when_stopped(run: Run) -> None:
    if run.stop.is_set():
        raise Interrupted


def _carry_out(walk: Walk, change: Change) -> None:
    attempt = _first_attempt(walk, change)
    while not _succeeds(walk, change, attempt):
        if _stands_in_the_way(walk.run, change.step):
            raise StepFailed(_told(walk.run, change.step))
        attempt += 1


def _succeeds(walk: Walk, change: Change, attempt: int) -> bool:
    """Make an attempt. Raises what it failed by, unless another one may be made."""
    try:
        _attempted(walk, change, attempt)
    except Overdue:
        _stop_in_the_cloud(walk.run, change.step)
        raise
    except StepFailed:
        others_failed = walk.failed.is_set() or walk.run.stop.is_set()
        if others_failed or not another_is_left(walk.run.journal.records, change.step, walk.context.recipe):
            raise
        return False
    return True


def _first_attempt(walk: Walk, change: Change) -> int:
    """Give the attempt to begin with. Raises a failure that was decided before this process began."""
    run, step = walk.run, change.step
    record = run.manifest.steps.get(step)
    if record is None:
        return 1
    if record.status is StepStatus.RUNNING:
        return record.attempt
    _fail_as_before(walk, step)
    if record.status is StepStatus.DELETED:
        return record.attempt + 1
    if _has_come(walk, change, record):
        return record.attempt
    if not _stands_in_the_way(run, step):
        return record.attempt + 1
    if record.status is StepStatus.SUCCEEDED:  # it was to go, would not, and is wanted again
        return record.attempt
    raise StepFailed(_told(run, step))


def _fail_as_before(walk: Walk, step: str) -> None:
    """End as the process that was cut off would have: a failure that it recorded is not forgotten."""
    records = walk.run.journal.records
    recorded = failures(records, step)
    if not recorded or another_is_left(records, step, walk.context.recipe):
        return
    if recorded[-1].data.get("cause") == Cause.OVERDUE.value:
        _stop_in_the_cloud(walk.run, step)
    raise StepFailed(_told(walk.run, step))


def _stop_in_the_cloud(run: Run, step: str) -> None:
    """End what has taken too long, where it would else go on and cost."""
    if STEPS[step].traits.stopped and any(each.step == step for each in run.manifest.alive):
        take_back(run, step)


def _told(run: Run, step: str) -> str:
    return run.manifest.steps[step].error or f"{step} has failed"


def _has_come(walk: Walk, change: Change, record: StepRecord) -> bool:
    """Tell whether it has come in the cloud, though we failed or meant it to go along, or is on its way."""
    deletion = next((each.deletion for each in walk.run.manifest.alive if each.step == change.step), None)
    if not record.changed or deletion is not None:
        return False
    attempt = _attempt(walk, change, record.attempt, record.intent)
    seen = first_answer(walk.run, attempt.look)
    return seen.status in {Status.SUCCEEDED, Status.IN_PROGRESS}


def _stands_in_the_way(run: Run, step: str) -> bool:
    """Take back what a failed attempt left; what cannot be proven gone keeps the next one from being made.

    What is only updated stays: the next attempt updates it again.
    """
    alive = any(resource.step == step for resource in run.manifest.alive)
    made = run.manifest.steps[step].action == Action.CREATE.value
    return alive and made and bool(take_back(run, step))


def _attempted(walk: Walk, change: Change, attempt: int) -> None:
    run = walk.run
    # The plan's reason looks ahead; what is told now is what happens now.
    run.observer.started(replace(change, reason=STEPS[change.step].traits.doing or "begun"))
    data = {"action": change.action.value, "attempt": attempt, "reason": change.reason}
    run.record(Event.STEP_STARTED, step=change.step, data=data)
    try:
        _acted(walk, change, attempt)
    except (Interrupted, NotWritten):
        raise
    except CloudUnavailable as error:
        _record_undecided(run, change, error)
        raise
    except RunnerError as error:
        _record_failure(run, change, error)
        raise
    except _InAsking as error:
        raise _failed_by(run, change, error.mistake) from error.mistake
    except Exception as error:
        if not run.manifest.steps[change.step].changed:
            raise _failed_by(run, change, error) from error
        mistake = undecided(run, error)
        _record_undecided(run, change, mistake)
        raise mistake from error


def _failed_by(run: Run, change: Change, error: Exception) -> StepFailed:
    mistake = decisive(run, error)
    _record_failure(run, change, mistake)
    return mistake


def _record_undecided(run: Run, change: Change, error: RunnerError) -> None:
    run.record(Event.OBSERVED, step=change.step, data={"detail": error.message, "unanswered": True})
    run.observer.failed(change, error)


def _attempt(walk: Walk, change: Change, number: int, recorded: Mapping[str, Json] | None) -> _Attempt:
    """Fix what the attempt means to do: as it was recorded, or anew."""
    outputs = {name: record.outputs for name, record in walk.run.manifest.steps.items()}
    context = replace(
        walk.context,
        outputs=outputs,
        attempt=number,
        first=first_intent(walk.run.journal.records, change.step),
        stop=walk.run.stop,
        progress=Telling(walk.run, change),
    )
    intent = recorded or first_answer(walk.run, lambda: STEPS[change.step].intend(context), change)
    return _Attempt(
        walk=walk, change=replace(change, name=str(intent["name"])), context=context, intent=intent
    )


def _acted(walk: Walk, change: Change, number: int) -> None:
    record = walk.run.manifest.steps[change.step]
    # What was asked for in time is looked at first: it may have come while nobody was there to see.
    if not record.changed and walk.run.clock.monotonic() > walk.end:
        raise Overdue(over(walk.context.recipe))
    attempt = _attempt(walk, change, number, record.intent if record.changed else None)
    if record.changed:
        action, seen = _taken_up(attempt, record)
    else:
        action, seen = _begun(attempt)
    if seen.status is not Status.SUCCEEDED:
        raise Decided(seen)
    data = _result(attempt.change, action, attempt.intent, seen)
    walk.run.record(Event.DONE, step=change.step, data=data)
    walk.run.observer.succeeded(attempt.change, action, seen)


def _begun(attempt: _Attempt) -> tuple[Action, Observation]:
    """Look first, and ask only for what is not there as it is wanted."""
    if _is_found_again(attempt):
        _write_intent(attempt, Action.CREATE)
        return _taken_up(attempt, attempt.run.manifest.steps[attempt.change.step])
    seen = until_settled(attempt.run, attempt.watch(attempt.look_before_acting))
    if seen.status not in {Status.ABSENT, Status.DIFFERS}:
        return (Action.READ if attempt.change.action is Action.READ else Action.REUSE), seen
    action = Action.CREATE if seen.status is Status.ABSENT else Action.UPDATE
    _write_intent(attempt, action)
    attempt.run.observer.acting(attempt.change, action)
    request = _request(attempt, action)
    request.send()
    seen = until_succeeded(attempt.run, replace(attempt.watch(), insist=request.insist))
    return _adopted(attempt, request), seen


def _is_found_again(attempt: _Attempt) -> bool:
    """Tell whether this run has asked for it, by its tags, though a repair has lost the intent."""
    run, step = attempt.run, STEPS[attempt.change.step]
    repaired = any(each.event is Event.REPAIRED for each in run.journal.records)
    lost = repaired and not attempt.context.first
    if not lost or not step.traits.bills or attempt.change.action is Action.READ:
        return False
    tags = first_answer(run, lambda: step.standing(run.cloud, attempt.intent), attempt.change)
    return tags is not None and tags.get(naming.TAG_RUN) == attempt.context.run_id


def _taken_up(attempt: _Attempt, record: StepRecord) -> tuple[Action, Observation]:
    """Look at what an earlier process asked for, and ask again only if nothing shows that it did."""
    request = _request(attempt, Action(record.action), acknowledged=record.acknowledged)
    watch = replace(
        attempt.watch(),
        insist=request.insist,
        expected=not unseen(attempt.run.journal.records, attempt.change.step),
    )
    seen = until_succeeded(attempt.run, watch)
    return _adopted(attempt, request), seen


def _adopted(attempt: _Attempt, request: Request) -> Action:
    """Tell what a resource that has come is to this run: its own, unless its tags say not."""
    step = STEPS[attempt.change.step]
    if request.action is not Action.CREATE or not step.traits.bills:
        return request.action
    tags = first_answer(attempt.run, lambda: step.standing(attempt.run.cloud, attempt.intent))
    foreign = tags is not None and tags.get(naming.TAG_RUN) != attempt.context.run_id
    return Action.REUSE if foreign else request.action


def _request(attempt: _Attempt, action: Action, *, acknowledged: bool = False) -> Request:
    step = STEPS[attempt.change.step]

    def create() -> None:
        try:
            step.create(attempt.context, attempt.intent)
        except RunnerError:
            raise
        except Exception as error:
            raise _InAsking(error) from error

    return Request(attempt.run, attempt.change.step, action, create, acknowledged)


def _write_intent(attempt: _Attempt, action: Action) -> None:
    data = {
        "action": action.value,
        "intent": attempt.intent,
        "kind": attempt.change.kind,
        "bills": STEPS[attempt.change.step].traits.bills,
        "attempt": attempt.context.attempt,
    }
    attempt.run.record(Event.INTENT, step=attempt.change.step, data=data)


def _look_again(walk: Walk, change: Change) -> None:
    """Stop where what is done, and is needed by what is left, is no longer as this run left it."""
    record = walk.run.manifest.steps[change.step]
    attempt = _attempt(walk, change, record.attempt, record.intent)
    try:
        until_succeeded(walk.run, replace(attempt.watch(), look=attempt.look, expected=True))
    except Overdue:
        raise
    except StepFailed as error:
        raise StepFailed(
            f"{change.kind} {attempt.change.name} is no longer as this run left it: {error.message}",
            hint="it was changed or deleted since; once a clean-up has taken back what is left of it, runner"
            " resume makes it anew; else runner run begins anew",
        ) from error


def _result(change: Change, action: Action, intent: Mapping[str, Json], seen: Observation) -> dict[str, Json]:
    traits = STEPS[change.step].traits
    used = action in {Action.READ, Action.REUSE}
    return {
        "action": action.value,
        "intent": intent,
        "kind": change.kind,
        # A cluster that was there is only used; an endpoint that an earlier run made is the recipe's own.
        "bills": traits.bills and (not used or traits.down_reused),
        "outputs": seen.outputs,
        "metrics": seen.metrics,
        "detail": seen.detail,
        "ended": seen.ended,
    }


def _record_failure(run: Run, change: Change, error: RunnerError) -> None:
    seen = error.seen if isinstance(error, Decided) else None
    data: dict[str, Json] = {
        "error": error.message,
        "ended": bool(seen and seen.ended),
        "cause": cause_of(change.step, error).value,
    }
    if seen:
        data["outputs"] = seen.outputs
    run.record(Event.FAILED, step=change.step, data=data)
    run.observer.failed(change, error)
