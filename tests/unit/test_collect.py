"""What was found under our tags is deleted with proof: its own look, and the list's word."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from runner import manifest
from runner.clock import SystemClock
from runner.collect import Collector
from runner.console.silent import SilentProgress
from runner.errors import CloudUnavailable, StepFailed
from runner.facts import Resource, ResourceKind
from runner.journal import FILE_NAME, Event, Journal, Json, read
from runner.journal.covering import covered
from runner.orphans import Finding, Key, Standing
from runner.steps import STEPS
from tests.unit.bench import SUCCEEDED, FakeStep, QuickClock

if TYPE_CHECKING:
    from runner.steps.step import Step

RUN = "20261121T082300Z-small-1a2b"
OURS = {"runner.recipe": "small", "runner.run": RUN}


@dataclass
class Sky:
    """A cloud whose lists have what a test says, under these names."""

    names: set[str] = field(default_factory=set)

    @property
    def computes(self) -> "Sky":
        return self

    @property
    def endpoints(self) -> "Sky":
        return self

    @property
    def jobs(self) -> "Sky":
        return self

    def listed(self, name: str) -> bool:
        return name in self.names

    def deployment_listed(self, endpoint: str, name: str) -> bool:
        return f"{endpoint}/{name}" in self.names


@dataclass
class Field:
    """Fake steps of these names over one cloud."""

    monkeypatch: pytest.MonkeyPatch
    sky: Sky = field(default_factory=Sky)
    calls: list[str] = field(default_factory=list)

    def step(self, name: str, **others: object) -> FakeStep:
        fake = FakeStep(name, [SUCCEEDED], traits=STEPS[name].traits, calls=self.calls, tags=OURS)
        self.monkeypatch.setattr(fake, "listed", STEPS[name].listed)  # the true one asks the sky
        for key, value in others.items():
            setattr(fake, key, value)
        self.monkeypatch.setitem(cast("dict[str, Step]", STEPS), name, fake)
        return fake

    def collect(self, *chosen: Finding) -> dict[Key, str]:
        cloud = cast("object", self.sky)
        collector = Collector(cloud=cloud, observer=SilentProgress(), clock=QuickClock())  # type: ignore[arg-type] # see Sky
        return collector.collect(chosen)


@pytest.fixture
def ground(monkeypatch: pytest.MonkeyPatch) -> Field:
    return Field(monkeypatch)


def found(kind: ResourceKind, name: str, parent: str = "", runs: tuple[Path, ...] = ()) -> Finding:
    resource = Resource(kind=kind, name=name, id=f"/{name}", status="Succeeded", parent=parent, tags=OURS)
    return Finding(
        resource=resource,
        standing=Standing.KNOWN if runs else Standing.ORPHAN,
        run=RUN,
        recipe="small",
        age=None,
        expires=None,
        expired=bool(runs),
        runs=runs,
    )


CLUSTER = found(ResourceKind.COMPUTE, "gpu")
ENDPOINT = found(ResourceKind.ENDPOINT, "e")
DEPLOYMENT = found(ResourceKind.DEPLOYMENT, "demo", "e")
JOB = found(ResourceKind.JOB, "run-1")


def test_what_uses_nodes_goes_before_the_nodes_and_an_endpoint_takes_its_deployments_along(
    ground: Field,
) -> None:
    for name in ("compute", "endpoint", "deployment", "finetune"):
        ground.step(name)
    assert set(ground.collect(CLUSTER, ENDPOINT, DEPLOYMENT, JOB).values()) == {""}
    assert ground.calls == ["delete run-1", "delete e", "delete gpu"]


def test_a_deployment_alone_goes_alone(ground: Field) -> None:
    ground.step("deployment")
    assert ground.collect(DEPLOYMENT) == {("deployment", "e", "demo"): ""}


def test_a_base_models_deployment_is_taken_back_as_its_own_step(
    ground: Field, tmp_path: Path, opening: Mapping[str, Json]
) -> None:
    folder = tmp_path / RUN
    folder.mkdir()
    with Journal(folder / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
    tags = {**OURS, "runner.intent": f"{RUN}/baseline/1"}
    finding = found(ResourceKind.DEPLOYMENT, "base", "e", runs=(folder,))
    ground.step("baseline", tags=tags)
    ground.step("deployment")
    ground.collect(replace(finding, resource=replace(finding.resource, tags=tags)))
    asked = [each.step for each in read(folder / FILE_NAME) if each.event is Event.DELETE_DONE]
    assert (ground.calls, asked) == (["delete base"], ["baseline"])


@pytest.mark.parametrize("name", ["runner.recipe", "runner.run"])
def test_what_is_another_runs_by_now_is_left_alone(ground: Field, name: str) -> None:
    ground.step("compute", tags={**OURS, name: "another"})
    assert ground.collect(CLUSTER) == {CLUSTER.key: "it is another run's by now: left alone"}
    assert ground.calls == []


def test_what_is_gone_already_is_not_deleted(ground: Field) -> None:
    ground.step("compute", there=False)
    assert ground.collect(CLUSTER) == {CLUSTER.key: ""}
    assert ground.calls == []


@pytest.mark.parametrize(
    ("finding", "step", "listed"),
    [(CLUSTER, "compute", "gpu"), (ENDPOINT, "endpoint", "e"), (DEPLOYMENT, "deployment", "e/demo")],
)
def test_what_the_list_still_has_is_not_proven_gone(
    ground: Field, finding: Finding, step: str, listed: str
) -> None:
    ground.step(step)
    ground.sky.names.add(listed)
    assert ground.collect(finding) == {finding.key: "its deletion was asked for, but is not confirmed"}


def test_a_job_that_runs_on_is_not_proven_gone(ground: Field) -> None:
    ground.step("finetune")
    ground.sky.names.add("run-1")
    assert "not confirmed" in ground.collect(JOB)[JOB.key]


def test_what_is_still_there_is_not_proven_gone(ground: Field) -> None:
    ground.step("compute", sticks=True)
    assert "not confirmed" in ground.collect(CLUSTER)[CLUSTER.key]


def test_a_look_that_is_not_answered_proves_nothing(ground: Field) -> None:
    answers = iter([True, False, False, True])

    def sometimes() -> None:
        if not next(answers):
            raise CloudUnavailable("HTTP 503")

    ground.step("compute", on_standing=sometimes)
    assert ground.collect(CLUSTER) == {CLUSTER.key: ""}


@pytest.mark.parametrize(
    ("error", "reason"),
    [(StepFailed("HTTP 409"), "HTTP 409"), (KeyError("ours"), "internal error: KeyError")],
)
def test_one_that_fails_does_not_keep_the_others(ground: Field, error: Exception, reason: str) -> None:
    def refuse() -> None:
        raise error

    ground.step("endpoint", on_delete=refuse)
    ground.step("compute")
    outcome = ground.collect(CLUSTER, ENDPOINT)
    assert outcome[ENDPOINT.key].startswith(reason)
    assert outcome[CLUSTER.key] == ""


@pytest.fixture
def run(tmp_path: Path, opening: Mapping[str, Json]) -> Path:
    """Give the folder of a run that lists an endpoint."""
    made = {"action": "create", "intent": {"name": "e"}, "kind": "endpoint", "bills": True}
    with Journal(tmp_path / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        journal.append(Event.STEP_STARTED, step="endpoint", data={"action": "create"})
        journal.append(Event.INTENT, step="endpoint", data=made)
    return tmp_path


@pytest.mark.parametrize("sticks", [False, True])
def test_what_a_run_here_lists_is_written_into_its_journal(ground: Field, run: Path, *, sticks: bool) -> None:
    finding = found(ResourceKind.ENDPOINT, "e", runs=(run,))
    asked: list[tuple[Event, bool]] = []

    def on_delete() -> None:
        records = read(run / FILE_NAME)
        asked.append((records[-1].event, covered(run / FILE_NAME).records == len(records)))

    ground.step("endpoint", sticks=sticks, on_delete=on_delete)
    ground.collect(finding)
    assert asked[0] == (Event.DELETE_INTENT, True)
    last = read(run / FILE_NAME)[-1]
    assert last.event is (Event.DELETE_FAILED if sticks else Event.DELETE_DONE)
    left = [each.name for each in manifest.load(run / "manifest.json").alive]
    assert left == (["e"] if sticks else [])


def test_what_a_run_under_way_uses_is_left_alone(ground: Field, run: Path) -> None:
    ground.step("endpoint")
    finding = found(ResourceKind.ENDPOINT, "e", runs=(run,))
    with Journal(run / FILE_NAME, SystemClock(), new=False):
        outcome = ground.collect(finding)
    assert outcome[finding.key].startswith("another process holds run")
    assert ground.calls == []
