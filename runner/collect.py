"""Delete what was found under our tags, with a run's own proof: gone by a look, and by the list."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event as StopEvent
from typing import TYPE_CHECKING

from runner import execute, naming
from runner.clock import Clock
from runner.errors import CloudUnavailable, RunnerError
from runner.execute import DELETE_SECONDS, Observer, our_mistake
from runner.facts import Resource, ResourceKind
from runner.journal import FILE_NAME, Event, Journal
from runner.orphans import Finding, Key
from runner.steps import STEPS

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

_SHORTEST_PAUSE, _LONGEST_PAUSE, _PAUSE_SHARE = 0.2, 10.0, 0.05

# In which order things go: what uses nodes before the nodes, what an endpoint holds before the endpoint.
_STEPS = {
    ResourceKind.JOB: "finetune",
    ResourceKind.DEPLOYMENT: "deployment",
    ResourceKind.ENDPOINT: "endpoint",
    ResourceKind.COMPUTE: "compute",
}


@dataclass(frozen=True, kw_only=True)
class Collector:
    """Takes back one thing after the other; a failure of one does not keep the others."""

    cloud: "Cloud"
    observer: Observer
    clock: Clock

    def collect(self, chosen: Sequence[Finding]) -> dict[Key, str]:
        """Delete them, and give of each why it may still be there, "" if it is proven gone."""
        endpoints = {each.resource.name for each in chosen if each.resource.kind is ResourceKind.ENDPOINT}
        outcome: dict[Key, str] = {}
        for each in sorted(chosen, key=lambda each: list(_STEPS).index(each.resource.kind)):
            if each.resource.parent not in endpoints:
                outcome[each.key] = self._told(each)
        return outcome

    def _told(self, each: Finding) -> str:
        resource = each.resource
        try:
            reason = self._recorded(each)
        except RunnerError as error:
            reason = error.message
        except Exception as error:  # noqa: BLE001 - a bug of ours in one deletion must not keep the others
            reason = our_mistake(error).message
        if reason:
            self.observer.not_deleted(resource.kind.value, resource.name, reason)
        else:
            self.observer.deleted(resource.kind.value, resource.name)
        return reason

    def _recorded(self, each: Finding) -> str:
        """Delete it, with the intent and the outcome in the journal of every run here that lists it."""
        with ExitStack() as held:
            journals = [
                held.enter_context(Journal(folder / FILE_NAME, self.clock, new=False)) for folder in each.runs
            ]
            step = _step(each.resource)
            intent = {"intent": _intent(each.resource)}
            for journal, folder in zip(journals, each.runs, strict=True):
                execute.record(journal, folder, Event.DELETE_INTENT, step=step, data=intent)
            reason = self._deleted(each)
            for journal, folder in zip(journals, each.runs, strict=True):
                _record_outcome(journal, folder, step, reason)
        return reason

    def _deleted(self, each: Finding) -> str:
        """Look whose it is, ask, and wait until it is gone."""
        step, intent = STEPS[_step(each.resource)], _intent(each.resource)
        tags = step.standing(self.cloud, intent)
        if tags is None:
            return ""
        if not naming.is_ours(each.recipe, tags) or tags.get(naming.TAG_RUN) != each.run:
            return "it is another run's by now: left alone"
        self.observer.deleting(each.resource.kind.value, each.resource.name)
        step.delete(self.cloud, intent)
        gone = self._until(
            lambda: step.standing(self.cloud, intent) is None and not step.listed(self.cloud, intent)
        )
        return "" if gone else "its deletion was asked for, but is not confirmed"

    def _until(self, is_gone: Callable[[], bool]) -> bool:
        began = self.clock.monotonic()
        while (waited := self.clock.monotonic() - began) <= DELETE_SECONDS:
            if self._answered(is_gone):
                return True
            pause = min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, waited * _PAUSE_SHARE))
            self.clock.wait(pause, StopEvent())
        return False

    def _answered(self, is_gone: Callable[[], bool]) -> bool:
        """Look; a look that is not answered proves nothing."""
        try:
            return is_gone()
        except CloudUnavailable:
            return False


def found(cloud: "Cloud") -> tuple[Resource, ...]:
    """List everything of a workspace that may cost money, whoever made it."""
    endpoints = cloud.endpoints.all()
    deployments = [each for endpoint in endpoints for each in cloud.endpoints.deployments(endpoint.name)]
    return (*cloud.jobs.running(), *cloud.computes.all(), *endpoints, *deployments)


def _step(resource: Resource) -> str:
    """Give the step that makes such a resource; of a deployment, by its tags: there are two kinds."""
    usual, tagged = _STEPS[resource.kind], naming.step_of(resource.tags)
    is_such = tagged in STEPS and STEPS[tagged].traits.kind == STEPS[usual].traits.kind
    return tagged if is_such else usual


def _intent(resource: Resource) -> dict[str, str]:
    """Give what a step's own intent says of where its resource is."""
    return {"name": resource.name} | ({"endpoint": resource.parent} if resource.parent else {})


def _record_outcome(journal: Journal, folder: Path, step: str, reason: str) -> None:
    if reason:
        execute.record(journal, folder, Event.DELETE_FAILED, step=step, data={"reason": reason})
    else:
        along = {"with": list(STEPS[step].traits.takes_along)}
        execute.record(journal, folder, Event.DELETE_DONE, step=step, data=along)
