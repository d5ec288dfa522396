"""Take back what a run made, last first: only what is proven ours, and gone only when a look says so."""

from collections.abc import Mapping

from runner import naming
from runner.errors import RunnerError
from runner.execute.mistakes import our_mistake
from runner.execute.run import Run
from runner.execute.waiting import until_gone
from runner.journal import Event, Json
from runner.manifest import Manifest, StepRecord, StepStatus
from runner.steps import STEPS
from runner.steps.step import Action


def backward(run: Run, *, down: bool) -> tuple[str, ...]:
    """Delete what the run created, and give what may still be there.

    With `down`, also what an earlier run of the recipe made and this one reused, where its step says so.
    Idempotent: what is gone already is only looked at. One deletion that fails does not keep the others.
    """
    manifest = run.manifest
    alive = {resource.step for resource in manifest.alive}
    chosen = [
        name for name in STEPS if _to_delete(manifest.steps.get(name), name, alive=name in alive, down=down)
    ]
    along = {taken for name in chosen for taken in STEPS[name].traits.takes_along}
    left = [_delete(run, name, manifest) for name in reversed(chosen) if name not in along]
    return tuple(name for name in left if name)


def _to_delete(record: StepRecord | None, name: str, *, alive: bool, down: bool) -> bool:
    """Tell whether a step's resource is this walk's to take back: what it made, and what still may bill."""
    if record is None or not record.intent or record.status is StepStatus.DELETED:
        return False
    traits = STEPS[name].traits
    created = record.changed and record.action == Action.CREATE.value and (alive or not traits.bills)
    updated = record.changed and traits.restored
    return traits.cleaned and (created or updated or (down and traits.down_reused))


def _delete(run: Run, name: str, manifest: Manifest) -> str:
    """Delete one step's resource; give its name if it is not proven gone, "" if it is."""
    kind, intent = STEPS[name].traits.kind, manifest.steps[name].intent
    resource = str(intent["name"])
    try:
        reason = _taken_back(run, name, intent, manifest)
    except RunnerError as error:
        reason = error.message
    except Exception as error:  # noqa: BLE001 - a bug of ours in one deletion must not keep the others
        reason = our_mistake(error).message
    if not reason:
        along = list(STEPS[name].traits.takes_along)
        run.journal.append(Event.DELETE_DONE, step=name, data={"with": along})
        return ""
    run.journal.append(Event.DELETE_FAILED, step=name, data={"reason": reason})
    run.observer.not_deleted(kind, resource, reason)
    return f"{kind} {resource}"


def _taken_back(run: Run, name: str, intent: Mapping[str, Json], manifest: Manifest) -> str:
    """Look whose it is, ask, and wait until it is gone; give why it may still be there, "" if it is not."""
    step = STEPS[name]
    tags = step.standing(run.cloud, intent)
    if tags is None:
        return ""
    if not _is_ours(name, tags, manifest):
        return "it is there, but not from this run: left alone"
    run.observer.deleting(step.traits.kind, str(intent["name"]))
    run.journal.append(Event.DELETE_INTENT, step=name, data={"intent": intent})
    step.delete(run.cloud, intent)
    if not until_gone(run, lambda: step.standing(run.cloud, intent) is None):
        return "its deletion was asked for, but is not confirmed"
    run.observer.deleted(step.traits.kind, str(intent["name"]))
    return ""


def _is_ours(name: str, tags: Mapping[str, str], manifest: Manifest) -> bool:
    """Tell by its tags; what a step reuses or updates is the recipe's, all else this very run's."""
    traits = STEPS[name].traits
    if not naming.is_ours(str(manifest.recipe["name"]), tags):
        return False
    return traits.down_reused or traits.restored or tags.get(naming.TAG_RUN) == manifest.run_id
