"""Walk a plan forward, or a manifest backward; every step is treated alike.

Forward: fix the intent, look, write the intent to disk, act, look until it is decided, write what came.
Backward: write the intent to delete, ask, look until it is gone, write that. What is decided is decided by a
fresh GET, never by what a request or a poller returned.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from pathlib import Path
from threading import Event as StopEvent
from typing import TYPE_CHECKING, Protocol

from runner import manifest as manifests
from runner.clock import Clock
from runner.errors import ExitCode, RunnerError, StepFailed
from runner.journal import Event, Journal, Json
from runner.manifest import Manifest, RunStatus, StepRecord, StepStatus
from runner.plan import Plan
from runner.steps import STEPS
from runner.steps.step import Action, Change, Context, Observation, Status

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

# A look after t seconds of waiting is followed by the next after t/20, but within these bounds: short waits
# are followed closely, a job of hours is asked after every ten seconds.
SHORTEST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
PAUSE_SHARE = 0.05

# How long a resource that was asked for may stay invisible, or keep its old shape, before it counts as lost.
GRACE_SECONDS = 60.0
# How long a deletion may take before the run says that something may still bill.
DELETE_SECONDS = 1800.0


class Observer(Protocol):
    """Is told what happens; the console decides how it looks. Called from several threads."""

    def started(self, change: Change) -> None:
        """Tell that a step has begun."""

    def acting(self, change: Change, action: Action) -> None:
        """Tell that a step now changes the cloud."""

    def waiting(self, change: Change, seen: Observation, seconds: float) -> None:
        """Tell what the latest look showed, this many seconds into the wait."""

    def succeeded(self, change: Change, action: Action, seen: Observation) -> None:
        """Tell that a step has succeeded."""

    def failed(self, change: Change, error: RunnerError) -> None:
        """Tell that a step has failed."""

    def deleting(self, kind: str, name: str) -> None:
        """Tell that a resource is being taken back."""

    def deleted(self, kind: str, name: str) -> None:
        """Tell that a resource is gone."""

    def not_deleted(self, kind: str, name: str, reason: str) -> None:
        """Tell that a resource may still be there."""


class Interrupted(Exception):
    """A step has stopped waiting because the run is to stop; the KeyboardInterrupt is the news, not this."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run while it is carried out. `context` lacks the outputs; they come from the journal."""

    context: Context
    journal: Journal
    observer: Observer
    clock: Clock
    stop: StopEvent

    @property
    def manifest(self) -> Manifest:
        """Fold the journal as it stands."""
        return manifest_of(self.journal)

    def save(self) -> None:
        """Bring the manifest up to date with the journal."""
        manifests.write(self.manifest, self.context.run_folder / manifests.FILE_NAME)


def forward(run: Run, plan: Plan) -> None:
    """Carry out a plan; steps that do not need each other run at the same time.

    After a failure no new step begins, those under way are waited for, and the first error is raised. A
    Ctrl-C does the same, but those under way stop waiting: what they asked the cloud for goes on there.
    """
    changes = {change.step: change for change in plan.changes}
    order = TopologicalSorter({name: change.needs for name, change in changes.items()})
    order.prepare()
    errors: list[BaseException] = []
    with ThreadPoolExecutor(max_workers=len(changes), thread_name_prefix="step") as pool:
        under_way: dict[Future[None], str] = {}
        while True:
            if not errors:
                under_way |= {pool.submit(_step, run, changes[name]): name for name in order.get_ready()}
            if not under_way:
                break
            errors += _ended(run, order, under_way)
    if errors:
        raise next((error for error in errors if not isinstance(error, Interrupted)), errors[0])


def _ended(
    run: Run, order: TopologicalSorter[str], under_way: dict[Future[None], str]
) -> list[BaseException]:
    """Wait for the next steps to end and give their errors, a Ctrl-C among them."""
    try:
        done = wait(under_way, return_when=FIRST_COMPLETED).done
    except KeyboardInterrupt as interrupt:
        if run.stop.is_set():  # the second one: nothing is lost, the journal is on disk
            os._exit(ExitCode.INTERRUPTED)
        run.stop.set()
        return [interrupt]
    order.done(*(under_way.pop(future) for future in done))
    return [error for future in done if (error := future.exception())]


def _step(run: Run, change: Change) -> None:
    try:
        if run.stop.is_set():
            raise Interrupted
        run.observer.started(change)
        run.journal.append(Event.STEP_STARTED, step=change.step, data={"action": change.action.value})
        _carry_out(run, change)
    except RunnerError as error:
        _record_failure(run, change, error)
        raise
    finally:
        run.save()


def _carry_out(run: Run, change: Change) -> None:
    step = STEPS[change.step]
    context = replace(run.context, outputs=_outputs(run))
    intent = step.intend(context)
    change = replace(change, name=str(intent["name"]))
    action = Action.READ if change.action is Action.READ else Action.REUSE
    seen = step.observe(context, intent)
    if seen.status in {Status.ABSENT, Status.DIFFERS}:
        action = Action.CREATE if seen.status is Status.ABSENT else Action.UPDATE
        _write_intent(run, change, intent, action)
        run.observer.acting(change, action)
        step.create(context, intent)
        seen = step.observe(context, intent)
    seen = _wait_until_decided(run, change, seen, lambda: step.observe(context, intent))
    data = {
        "action": action.value,
        "intent": intent,
        "kind": change.kind,
        # A cluster that was there is only used; an endpoint that an earlier run made is the recipe's own.
        "bills": step.traits.bills and (action is not Action.REUSE or step.traits.down_reused),
        "outputs": seen.outputs,
        "metrics": seen.metrics,
        "detail": seen.detail,
        "ended": seen.ended,
    }
    run.journal.append(Event.DONE, step=change.step, data=data)
    run.observer.succeeded(change, action, seen)


def _outputs(run: Run) -> Mapping[str, Mapping[str, Json]]:
    return {name: record.outputs for name, record in run.manifest.steps.items()}


def _write_intent(run: Run, change: Change, intent: Mapping[str, Json], action: Action) -> None:
    bills = STEPS[change.step].traits.bills
    data = {"action": action.value, "intent": intent, "kind": change.kind, "bills": bills}
    run.journal.append(Event.INTENT, step=change.step, data=data)


class _Decided(StepFailed):
    """A look that decided against the step; remembers whether the resource has stopped billing."""

    def __init__(self, seen: Observation) -> None:
        super().__init__(seen.detail, hint=seen.hint, log_tail=seen.log_tail)
        self.seen = seen


def _wait_until_decided(
    run: Run, change: Change, seen: Observation, look: Callable[[], Observation]
) -> Observation:
    """Look until the resource has succeeded. Raises StepFailed when it has failed, or has been lost."""
    for waited in _pauses(run):
        if seen.status is Status.SUCCEEDED:
            return seen
        if seen.status in {Status.FAILED, Status.FOREIGN}:
            raise _Decided(seen)
        if seen.status in {Status.ABSENT, Status.DIFFERS} and waited > GRACE_SECONDS:
            raise StepFailed(f"{change.kind} {change.name} was accepted, but it is {seen.status.value}")
        run.observer.waiting(change, seen, waited)
        seen = look()
    raise Interrupted


def _pauses(run: Run) -> Iterator[float]:
    """Give the seconds waited so far, at once and then after each pause; end when the run is to stop."""
    began = run.clock.monotonic()
    yield 0.0
    while True:
        waited = run.clock.monotonic() - began
        pause = min(LONGEST_PAUSE, max(SHORTEST_PAUSE, waited * PAUSE_SHARE))
        if run.clock.wait(pause, run.stop):
            return
        yield run.clock.monotonic() - began


def _record_failure(run: Run, change: Change, error: RunnerError) -> None:
    seen = error.seen if isinstance(error, _Decided) else None
    data: dict[str, Json] = {"error": error.message, "ended": bool(seen and seen.ended)}
    if seen:
        data["outputs"] = seen.outputs
    run.journal.append(Event.FAILED, step=change.step, data=data)
    run.observer.failed(change, error)


@dataclass(frozen=True, kw_only=True)
class Backward:
    """What walking a manifest backward needs: no recipe and no facts, only what was written down."""

    cloud: "Cloud"
    journal: Journal
    run_folder: Path
    observer: Observer
    clock: Clock
    stop: StopEvent


def backward(walk: Backward, *, down: bool) -> tuple[str, ...]:
    """Delete what the run created, last first, and give the names of what may still be there.

    With `down`, also what an earlier run of the recipe made and this one reused, where its step says so.
    Idempotent: what is gone already is only looked at.
    """
    manifest = manifest_of(walk.journal)
    alive = {resource.step for resource in manifest.alive}
    chosen = [
        name for name in STEPS if _to_delete(manifest.steps.get(name), name, alive=name in alive, down=down)
    ]
    along = {taken for name in chosen for taken in STEPS[name].traits.takes_along}
    left = [_delete(walk, name, manifest) for name in reversed(chosen) if name not in along]
    return tuple(name for name in left if name)


def _to_delete(record: StepRecord | None, name: str, *, alive: bool, down: bool) -> bool:
    """Tell whether a step's resource is this walk's to take back: what it made, and what still may bill."""
    if record is None or not record.intent or record.status is StepStatus.DELETED:
        return False
    traits = STEPS[name].traits
    created = record.changed and record.action == Action.CREATE.value and (alive or not traits.bills)
    updated = record.changed and traits.restored
    return traits.cleaned and (created or updated or (down and traits.down_reused))


def _delete(walk: Backward, name: str, manifest: Manifest) -> str:
    """Delete one step's resource; give its name if it is not proven gone, "" if it is."""
    step, intent = STEPS[name], manifest.steps[name].intent
    resource = str(intent["name"])
    if step.gone(walk.cloud, intent):
        return _note_deleted(walk, name, resource)
    walk.observer.deleting(step.traits.kind, resource)
    walk.journal.append(Event.DELETE_INTENT, step=name, data={"intent": intent})
    try:
        step.delete(walk.cloud, intent)
        if _wait_until_gone(walk, lambda: step.gone(walk.cloud, intent)):
            walk.observer.deleted(step.traits.kind, resource)
            return _note_deleted(walk, name, resource)
        reason = "the deletion was asked for, but is not confirmed"
    except RunnerError as error:
        reason = error.message
    walk.journal.append(Event.DELETE_FAILED, step=name, data={"reason": reason})
    walk.observer.not_deleted(step.traits.kind, resource, reason)
    return f"{step.traits.kind} {resource}"


def _note_deleted(walk: Backward, name: str, _resource: str) -> str:
    along = list(STEPS[name].traits.takes_along)
    walk.journal.append(Event.DELETE_DONE, step=name, data={"with": along})
    return ""


def _wait_until_gone(walk: Backward, gone: Callable[[], bool]) -> bool:
    began = walk.clock.monotonic()
    while not gone():
        waited = walk.clock.monotonic() - began
        pause = min(LONGEST_PAUSE, max(SHORTEST_PAUSE, waited * PAUSE_SHARE))
        if waited > DELETE_SECONDS or walk.clock.wait(pause, walk.stop):
            return False
    return True


def manifest_of(journal: Journal) -> Manifest:
    """Fold a journal as it stands."""
    return manifests.fold(journal.records)


def close(journal: Journal, status: RunStatus, run_folder: Path) -> Manifest:
    """Write the end of the run and its last manifest."""
    journal.append(Event.RUN_CLOSED, data={"status": status.value})
    manifest = manifest_of(journal)
    manifests.write(manifest, run_folder / manifests.FILE_NAME)
    return manifest
