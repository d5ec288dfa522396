"""The split that was there before a run is what taking traffic back restores, however often it was tried."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from runner.errors import StepFailed
from runner.facts import EndpointState, Provisioning
from runner.journal import Event
from runner.manifest import RunStatus
from runner.steps.traffic import TrafficStep
from tests.unit.bench import EARLIER_RUN, FACTS, Bench

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

STANDING = EndpointState(
    id="/e", name="chat", provisioning=Provisioning.SUCCEEDED, tags=EARLIER_RUN, traffic={"old": 100}
)


@dataclass
class Endpoints:
    """One endpoint, whose update to another split gets stuck as long as `fails`."""

    found: EndpointState = STANDING
    fails: bool = True
    asked: list[Mapping[str, int]] = field(default_factory=list)

    def get(self, _name: str) -> EndpointState:
        return self.found

    def route(self, _name: str, split: Mapping[str, int]) -> None:
        self.asked.append(split)
        failed = replace(self.found, provisioning=Provisioning.FAILED, traffic={"old": 50, "demo": 50})
        done = replace(self.found, provisioning=Provisioning.SUCCEEDED, traffic=split)
        self.found = failed if self.fails else done


def half_changed(bench: Bench) -> Endpoints:
    """Have a run that was closed after an update of traffic that failed half-way."""
    endpoints = Endpoints()
    cloud = cast("Cloud", SimpleNamespace(endpoints=endpoints))
    bench.run, bench.context = replace(bench.run, cloud=cloud), replace(bench.context, cloud=cloud)
    bench.with_recipe(traffic={"demo": 100})
    bench.changes = [replace(TrafficStep().plan(bench.context.recipe, FACTS), needs=())]
    made = {"action": "reuse", "intent": {"name": "chat"}, "kind": "endpoint", "bills": False}
    bench.run.record(Event.DONE, step="endpoint", data={**made, "outputs": {"name": "chat"}})
    with pytest.raises(StepFailed, match="endpoint chat failed"):
        bench.forward()
    bench.run.record(Event.RUN_CLOSED, data={"status": RunStatus.FAILED.value})
    bench.another_life()
    endpoints.fails = False
    endpoints.found = replace(endpoints.found, provisioning=Provisioning.SUCCEEDED)
    return endpoints


def test_a_later_attempt_restores_what_was_there_before_the_first(bench: Bench) -> None:
    endpoints = half_changed(bench)
    bench.forward()
    assert bench.run.manifest.steps["traffic"].attempt == 2
    assert bench.backward() == ()
    assert endpoints.asked == [{"demo": 100}, {"demo": 100}, {"old": 100}]


def test_what_was_taken_back_in_between_is_looked_at_anew(bench: Bench) -> None:
    endpoints = half_changed(bench)
    assert bench.backward() == ()
    endpoints.found = replace(endpoints.found, traffic={"other": 100})
    bench.forward()
    assert bench.backward() == ()
    assert endpoints.asked[-1] == {"other": 100}
