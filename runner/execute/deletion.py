"""Take one resource back: only what is proven ours, and gone only when a look and the list both say so."""

from collections.abc import Mapping
from dataclasses import dataclass

from runner import naming
from runner.errors import CloudUnavailable, Conflict, NotWritten, RunnerError, StepFailed
from runner.execute import waiting
from runner.execute.attempts import unseen
from runner.execute.mistakes import our_mistake
from runner.execute.run import Run
from runner.journal import Event, Json
from runner.manifest import Manifest, StepStatus
from runner.steps import STEPS
from runner.steps.step import Action, Step

# After this long an accepted deletion that shows nothing is asked for again, a refused one much sooner; each
# pause is twice the one before.
_ACCEPTED_PAUSE = 300.0
_REFUSED_PAUSE = 5.0

_NOT_OURS = "it is there, but not from this run: left alone"
_NOT_CONFIRMED = "its deletion was asked for, but is not confirmed"


def take_back(run: Run, name: str, *, down: bool = False) -> str:
    """Delete a step's resource; give why it may still be there, "" if it is gone.

    With `down`, what another run of the recipe made is the recipe's, too, where its step says so. Raises
    NotWritten, and nothing else: what is not on disk is not asked for.
    """
    manifest = run.manifest
    try:
        reason = _taken_back(run, name, manifest, down=down)
    except NotWritten:
        raise
    except RunnerError as error:
        reason = error.message
    except Exception as error:  # noqa: BLE001 - a bug of ours in one deletion must not keep the others
        reason = our_mistake(error).message
    _write_down(run, name, str(manifest.steps[name].intent["name"]), reason)
    return reason


def left_to_others(run: Run, name: str) -> bool:
    """Leave what the run only reused to another run that has a use for it; the run then lists it no more.

    A look that is not answered is no answer: `take_back` looks again. Raises NotWritten.
    """
    try:
        reason = _serves_others(run, name)
    except Exception:  # noqa: BLE001 - `take_back` meets it again, and tells it as what it is
        return False
    if reason:
        intent = run.manifest.steps[name].intent
        run.record(Event.DELETE_DONE, step=name, data={"with": [], "left": reason, "intent": intent})
    return bool(reason)


def _serves_others(run: Run, name: str) -> str:
    record, ask = run.manifest.steps[name], STEPS[name].traits.serves_others
    return ask(run.cloud, record.intent, run.manifest.run_id) if ask and not record.changed else ""


def _write_down(run: Run, name: str, resource: str, reason: str) -> None:
    traits = STEPS[name].traits
    if reason:
        run.record(Event.DELETE_FAILED, step=name, data={"reason": reason})
        run.observer.not_deleted(traits.kind, resource, reason)
    else:
        run.record(Event.DELETE_DONE, step=name, data={"with": list(traits.takes_along)})


def _taken_back(run: Run, name: str, manifest: Manifest, *, down: bool) -> str:
    """Look whose it is, ask, and wait until it is gone; give why it may still be there, "" if it is not."""
    step, intent = STEPS[name], manifest.steps[name].intent
    tags = _standing(run, name, intent)
    if tags is None:
        return ""
    if not _is_ours(name, tags, manifest, down=down):
        return "" if _others_were_quicker(tags, manifest, name) else _NOT_OURS
    others = _serves_others(run, name)
    if others:
        return others
    run.observer.deleting(step.traits.kind, str(intent["name"]))
    run.record(Event.DELETE_INTENT, step=name, data={"intent": intent})
    reason = _until_gone(run, step, intent)
    if not reason:
        run.observer.deleted(step.traits.kind, str(intent["name"]))
    return reason


def _standing(run: Run, name: str, intent: Mapping[str, Json]) -> Mapping[str, str] | None:
    """Give the tags of what is there; None where nothing is, and nothing may still come."""
    step, may_come = STEPS[name], unseen(run.journal.records, name)

    def look() -> tuple[Mapping[str, str] | None, bool]:
        tags = step.standing(run.cloud, intent)
        return tags, tags is not None or step.listed(run.cloud, intent)

    for waited, seen in waiting.answers(run, look, lambda _error: None):
        if seen is None:
            continue
        tags, there = seen
        if tags is not None or (not there and not may_come):
            return tags
        if waited > waiting.GRACE_SECONDS:
            _refuse_unseen(there=there)
            return None
    raise StepFailed("it was not looked at to the end: the run was to stop")


def _refuse_unseen(*, there: bool) -> None:
    if there:
        raise StepFailed("it is listed, but cannot be looked at")


def _is_ours(name: str, tags: Mapping[str, str], manifest: Manifest, *, down: bool) -> bool:
    """Tell by its tags: an update is the recipe's, with `down` what is reused; all else the run's."""
    traits = STEPS[name].traits
    if not naming.is_ours(str(manifest.recipe["name"]), tags):
        return False
    recipes_own = traits.restored or (down and traits.down_reused)
    return recipes_own or tags.get(naming.TAG_RUN) == manifest.run_id


def _others_were_quicker(tags: Mapping[str, str], manifest: Manifest, name: str) -> bool:
    """Tell whether another run has what this one asked for and was never answered: no debt."""
    record = manifest.steps[name]
    in_vain = record.status is not StepStatus.SUCCEEDED and not record.acknowledged
    by_another = tags.get(naming.TAG_RUN, "") not in {"", manifest.run_id}
    return in_vain and by_another and record.action == Action.CREATE.value


def _until_gone(run: Run, step: Step, intent: Mapping[str, Json]) -> str:
    """Ask, and look until it is gone; give why it may still be there."""
    request = _Deletion(run, step, intent)
    request.send()

    def there() -> bool:
        return step.standing(run.cloud, intent) is not None or step.listed(run.cloud, intent)

    for waited, still in waiting.answers(run, there, lambda _error: True):
        if not still:
            return ""
        if request.refused or waited > waiting.DELETE_SECONDS:
            break
        request.insist()
    return request.reason or _NOT_CONFIRMED


@dataclass
class _Deletion:
    """The request to delete; `reason` is why the latest was not taken, `refused` that none will be."""

    run: Run
    step: Step
    intent: Mapping[str, Json]
    reason: str = ""
    refused: bool = False
    _asked: int = 0
    _due: float = 0.0

    def send(self) -> None:
        """Ask. A refusal for what else is under way is no answer yet."""
        self._asked += 1
        pause = _ACCEPTED_PAUSE
        try:
            self.step.delete(self.run.cloud, self.intent)
            self.reason = ""
        except (CloudUnavailable, Conflict) as error:
            self.reason, pause = error.message, _REFUSED_PAUSE
        except StepFailed as error:
            self.reason, self.refused = error.message, True
        self._due = self.run.clock.monotonic() + pause * 2 ** (self._asked - 1)

    def insist(self) -> None:
        """Ask once more if it is time."""
        if self.run.clock.monotonic() >= self._due:
            self.send()
