"""The executor: intent before change, success only by a look, cleanup backward, and all of it on disk."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from jsonschema import Draft202012Validator

from runner import execute
from runner import manifest as manifests
from runner.clock import SystemClock
from runner.console.silent import SilentProgress
from runner.errors import ExitCode, RunnerError, StepFailed
from runner.execute import DELETE_SECONDS, GRACE_SECONDS, Backward, Run, backward, forward
from runner.facts import Facts, TargetKind
from runner.journal import Event, Journal, Json, read
from runner.load import read_schema
from runner.manifest import Resource, RunStatus, StepStatus
from runner.plan import Plan
from runner.recipe import Model, Recipe
from runner.steps import STEPS
from runner.steps.step import Action, Change, Context, Observation, Status, Step, Traits

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

CLOUD = cast("Cloud", None)  # these steps have no use for one
ABSENT, IN_PROGRESS, SUCCEEDED, DIFFERS = (
    Observation(status=status)
    for status in (Status.ABSENT, Status.IN_PROGRESS, Status.SUCCEEDED, Status.DIFFERS)
)
FAILED = Observation(status=Status.FAILED, detail="no quota", log_tail=("out of memory",), ended=True)
FOREIGN = Observation(status=Status.FOREIGN, detail="it is somebody else's")


class QuickClock:
    """Time that passes only by waiting, and then at once."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.passed

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        self.passed += seconds
        return stop.is_set()


@dataclass
class FakeStep:
    """A resource in memory. What looks show is given in order, the last one for good.

    What is done to it is written into `calls`, which steps of one test may share.
    """

    name: str
    looks: list[Observation | RunnerError]
    traits: Traits = field(default_factory=lambda: Traits(kind="thing", bills=True, cleaned=True))
    calls: list[str] = field(default_factory=list)
    on_create: Callable[[], None] = lambda: None
    on_look: Callable[[], None] = lambda: None
    on_delete: Callable[[], None] = lambda: None
    there: bool = True
    sticks: bool = False

    def plan(self, recipe: Recipe, facts: Facts) -> Change:
        raise NotImplementedError

    def intend(self, context: Context) -> Mapping[str, Json]:
        return {"name": f"my-{self.name}", "of": sorted(context.outputs)}

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        del context, intent
        self.on_look()
        seen = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(seen, RunnerError):
            raise seen
        return seen

    def create(self, context: Context, intent: Mapping[str, Json]) -> None:
        del context, intent
        self.calls.append(f"create {self.name}")
        self.on_create()

    def delete(self, cloud: "Cloud", intent: Mapping[str, Json]) -> None:
        del cloud
        self.calls.append(f"delete {intent['name']}")
        self.on_delete()
        self.there = self.sticks

    def gone(self, cloud: "Cloud", intent: Mapping[str, Json]) -> bool:
        del cloud, intent
        return not self.there


@dataclass
class Bench:
    """One run over fake steps; they stand in for the true ones of those names."""

    folder: Path
    run: Run
    monkeypatch: pytest.MonkeyPatch
    changes: list[Change] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def step(self, name: str, *looks: Observation | RunnerError, **others: Any) -> FakeStep:  # noqa: ANN401 - a step's other fields
        fake = FakeStep(name=name, looks=list(looks), calls=self.calls, **others)
        self.monkeypatch.setitem(cast("dict[str, Step]", STEPS), name, fake)
        action = Action.READ if fake.traits.kind == "reading" else Action.CREATE
        self.changes.append(
            Change(
                step=name,
                action=action,
                kind=fake.traits.kind,
                name=name,
                reason="",
                needs=fake.traits.needs,
            )
        )
        return fake

    def forward(self) -> None:
        forward(self.run, Plan(changes=tuple(self.changes), effective=None, diagnostics=()))

    def backward(self, *, down: bool = False) -> tuple[str, ...]:
        walk = Backward(
            cloud=CLOUD,
            journal=self.run.journal,
            run_folder=self.folder,
            observer=self.run.observer,
            clock=self.run.clock,
            stop=self.run.stop,
        )
        return backward(walk, down=down)

    def events(self, step: str) -> list[Event]:
        """Give what is on disk of a step."""
        return [record.event for record in read(self.folder / "journal.jsonl") if record.step == step]


@pytest.fixture
def bench(tmp_path: Path, opening: Mapping[str, Json], monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with Journal(tmp_path / "journal.jsonl", SystemClock()) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        context = Context(
            recipe=Recipe(version=1, name="small", experiment="small", model=Model(name="Phi-4")),
            recipe_folder=tmp_path,
            run_id=tmp_path.name,
            run_folder=tmp_path,
            cloud=CLOUD,
            facts=Facts(target=TargetKind.EMULATOR, offline=False, model=None, component=None, sizes={}),
            effective=None,
            outputs={},
        )
        run = Run(
            context=context,
            journal=journal,
            observer=SilentProgress(),
            clock=QuickClock(),
            stop=threading.Event(),
        )
        yield Bench(tmp_path, run, monkeypatch)


def needing(*needs: str, down_reused: bool = False, takes_along: tuple[str, ...] = ()) -> Traits:
    return Traits(
        kind="thing",
        needs=needs,
        bills=True,
        cleaned=True,
        down_reused=down_reused,
        takes_along=takes_along,
    )


# --- forward ------------------------------------------------------------------------------------------------


def test_what_is_absent_is_created_and_done_once_a_look_says_so(bench: Bench) -> None:
    outputs = Observation(status=Status.SUCCEEDED, outputs={"id": "/gpu"}, metrics={"loss": 0.5})
    step = bench.step("compute", ABSENT, ABSENT, IN_PROGRESS, outputs)
    seen: list[list[Event]] = []
    step.on_look = lambda: seen.append(bench.events("compute"))
    bench.forward()
    assert Event.DONE not in seen[-1]
    assert bench.events("compute") == [Event.STEP_STARTED, Event.INTENT, Event.DONE]
    record = bench.run.manifest.steps["compute"]
    assert (record.status, record.action, record.outputs) == (
        StepStatus.SUCCEEDED,
        "create",
        {"id": "/gpu"},
    )


def test_the_intent_is_on_disk_before_anything_is_asked_for(bench: Bench) -> None:
    written: list[Json] = []
    step = bench.step("compute", ABSENT, SUCCEEDED)
    step.on_create = lambda: written.append(read(bench.folder / "journal.jsonl")[-1])
    bench.forward()
    assert written[0].event is Event.INTENT
    assert written[0].data["intent"]["name"] == "my-compute"


def test_nothing_is_asked_for_if_the_intent_cannot_be_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.step("compute", ABSENT, SUCCEEDED, on_look=lambda: monkeypatch.setattr(os, "fsync", full))
    with pytest.raises(OSError, match="No space"):
        bench.forward()
    assert bench.calls == []


def full(_file: int) -> None:
    raise OSError(28, "No space left on device")


def test_what_is_there_is_reused_without_an_intent(bench: Bench) -> None:
    bench.step("compute", SUCCEEDED)
    bench.forward()
    assert bench.calls == []
    assert bench.events("compute") == [Event.STEP_STARTED, Event.DONE]
    assert bench.run.manifest.steps["compute"].action == "reuse"


def test_what_is_still_coming_is_waited_for_not_asked_for_again(bench: Bench) -> None:
    bench.step("compute", IN_PROGRESS, IN_PROGRESS, SUCCEEDED)
    bench.forward()
    assert bench.calls == []
    assert bench.run.manifest.steps["compute"].status is StepStatus.SUCCEEDED


def test_what_differs_is_updated(bench: Bench) -> None:
    bench.step("deployment", DIFFERS, DIFFERS, SUCCEEDED)
    bench.forward()
    assert bench.calls == ["create deployment"]
    assert bench.run.manifest.steps["deployment"].action == "update"


def test_a_step_that_reads_changes_nothing(bench: Bench) -> None:
    bench.step("sample", SUCCEEDED, traits=Traits(kind="reading"))
    bench.forward()
    assert bench.calls == []
    assert bench.run.manifest.steps["sample"].action == "read"
    assert bench.run.manifest.alive == []


@pytest.mark.parametrize("seen", [FAILED, FOREIGN])
def test_what_has_failed_or_is_foreign_is_never_touched(bench: Bench, seen: Observation) -> None:
    bench.step("compute", seen)
    with pytest.raises(StepFailed, match=seen.detail):
        bench.forward()
    assert bench.calls == []
    assert bench.events("compute") == [Event.STEP_STARTED, Event.FAILED]
    assert bench.run.manifest.alive == []


def test_a_failure_says_why_and_shows_the_end_of_the_log(bench: Bench) -> None:
    bench.step("compute", ABSENT, IN_PROGRESS, FAILED)
    with pytest.raises(StepFailed) as caught:
        bench.forward()
    assert (caught.value.message, caught.value.log_tail) == ("no quota", ("out of memory",))
    record = bench.run.manifest.steps["compute"]
    assert (record.status, record.error) == (StepStatus.FAILED, "no quota")
    assert bench.run.manifest.alive == []  # it has ended


@pytest.mark.parametrize("lost", [ABSENT, DIFFERS])
def test_what_stays_as_it_was_after_it_was_asked_for_is_lost_after_the_grace(
    bench: Bench, lost: Observation
) -> None:
    bench.step("compute", lost)
    with pytest.raises(StepFailed, match=f"thing my-compute was accepted, but it is {lost.status.value}"):
        bench.forward()
    assert bench.calls == ["create compute"]
    assert GRACE_SECONDS < bench.run.clock.monotonic() < GRACE_SECONDS * 1.1
    assert [resource.name for resource in bench.run.manifest.alive] == ["my-compute"]


@pytest.mark.parametrize("late", [ABSENT, DIFFERS])
def test_what_shows_within_the_grace_is_not_lost(bench: Bench, late: Observation) -> None:
    step = bench.step("compute", late)

    def comes_at_last() -> None:
        if bench.run.clock.monotonic() > GRACE_SECONDS * 0.9:
            step.looks = [SUCCEEDED]

    step.on_look = comes_at_last
    bench.forward()
    assert bench.run.manifest.steps["compute"].status is StepStatus.SUCCEEDED


def test_a_wait_of_hours_asks_seldom(bench: Bench) -> None:
    step = bench.step("finetune", ABSENT, IN_PROGRESS)
    looks: list[float] = []

    def look() -> None:
        looks.append(bench.run.clock.monotonic())
        if looks[-1] > 3600:
            step.looks = [SUCCEEDED]

    step.on_look = look
    bench.forward()
    assert looks[3] < 1
    assert looks[-1] - looks[-2] == pytest.approx(10)
    assert len(looks) < 500


def test_steps_that_do_not_need_each_other_run_at_the_same_time(bench: Bench) -> None:
    together = threading.Barrier(3, timeout=10)
    for name in ("compute", "dataset", "endpoint"):
        bench.step(name, ABSENT, SUCCEEDED, on_create=together.wait)
    bench.forward()
    assert sorted(bench.calls) == ["create compute", "create dataset", "create endpoint"]


def test_a_step_begins_after_what_it_needs_and_is_given_its_outputs(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.step("finetune", ABSENT, SUCCEEDED, traits=needing("compute"))
    bench.step("register", ABSENT, SUCCEEDED, traits=needing("finetune"))
    bench.forward()
    assert bench.calls == ["create compute", "create finetune", "create register"]
    assert bench.run.manifest.steps["register"].intent["of"] == ["compute", "finetune", "register"]


def test_after_a_failure_nothing_new_begins_but_what_is_under_way_is_waited_for(bench: Bench) -> None:
    def until_the_failure_is_told() -> None:
        deadline = time.monotonic() + 10
        while '"error": "no quota"' not in saved.read_text(encoding="utf-8") and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)  # the failed step's thread has come back by now

    saved = bench.folder / "manifest.json"
    bench.run.save()
    bench.step("compute", FAILED)
    bench.step("dataset", ABSENT, SUCCEEDED, on_create=until_the_failure_is_told)
    bench.step("register", ABSENT, SUCCEEDED, traits=needing("dataset"))
    with pytest.raises(StepFailed, match="no quota"):
        bench.forward()
    steps = bench.run.manifest.steps
    assert {name: record.status for name, record in steps.items()} == {
        "compute": StepStatus.FAILED,
        "dataset": StepStatus.SUCCEEDED,
    }


def test_a_mistake_of_ours_in_a_step_ends_the_run_too(bench: Bench) -> None:
    def slip() -> None:
        raise KeyError("a mistake of ours")

    bench.step("compute", ABSENT, SUCCEEDED, on_create=slip)
    bench.step("finetune", ABSENT, SUCCEEDED, traits=needing("compute"))
    with pytest.raises(KeyError):
        bench.forward()
    assert bench.calls == ["create compute"]
    assert [resource.name for resource in bench.run.manifest.alive] == ["my-compute"]


def test_a_ctrl_c_stops_the_waiting_and_leaves_what_was_asked_for(bench: Bench) -> None:
    def interrupt() -> None:
        time.sleep(0.1)  # the main thread is waiting by now
        os.kill(os.getpid(), signal.SIGINT)

    bench.step("compute", ABSENT, IN_PROGRESS, on_create=interrupt)
    bench.step("finetune", ABSENT, SUCCEEDED, traits=needing("compute"))
    with pytest.raises(KeyboardInterrupt):
        bench.forward()
    assert bench.run.stop.is_set()
    assert bench.calls == ["create compute"]
    assert bench.events("compute") == [Event.STEP_STARTED, Event.INTENT]
    saved = manifests.load(bench.folder / "manifest.json")
    assert saved.steps["compute"].status is StepStatus.RUNNING
    assert [resource.name for resource in saved.alive] == ["my-compute"]


def test_a_second_ctrl_c_ends_the_process_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    ended = threading.Event()

    def ends(code: int) -> None:
        codes.append(code)
        ended.set()

    def twice() -> None:
        time.sleep(0.1)  # the main thread is waiting by now
        os.kill(os.getpid(), signal.SIGINT)
        bench.run.stop.wait(10)
        time.sleep(0.2)  # a person's second press comes later still
        os.kill(os.getpid(), signal.SIGINT)
        ended.wait(10)

    monkeypatch.setattr(os, "_exit", ends)
    bench.step("compute", ABSENT, IN_PROGRESS, on_create=twice)
    with pytest.raises(KeyboardInterrupt):
        bench.forward()
    assert codes == [ExitCode.INTERRUPTED]


def test_the_manifest_on_disk_is_the_journals_fold_after_every_step(bench: Bench) -> None:
    on_disk: list[bool] = []

    def compare() -> None:
        told = [record for record in read(bench.folder / "journal.jsonl") if record.step != "finetune"]
        on_disk.append(manifests.load(bench.folder / "manifest.json") == manifests.fold(told))

    bench.step("compute", ABSENT, SUCCEEDED)
    bench.step("finetune", SUCCEEDED, traits=needing("compute"), on_look=compare)
    bench.forward()
    assert on_disk == [True]
    assert manifests.load(bench.folder / "manifest.json") == bench.run.manifest


def test_the_manifest_of_a_run_is_as_its_schema_says(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.step("finetune", ABSENT, FAILED, traits=needing("compute"))
    with pytest.raises(StepFailed):
        bench.forward()
    bench.backward()
    execute.close(bench.run.journal, RunStatus.FAILED, bench.folder)
    written = json.loads((bench.folder / "manifest.json").read_text(encoding="utf-8"))
    Draft202012Validator(read_schema("manifest.schema.json")).validate(written)
    assert written["status"] == "failed"
    assert written["alive"] == []


# --- backward -----------------------------------------------------------------------------------------------


def test_cleanup_takes_back_what_the_run_created_last_first(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.step("endpoint", ABSENT, SUCCEEDED)
    bench.step("deployment", ABSENT, SUCCEEDED, traits=needing("endpoint"))
    bench.forward()
    bench.calls.clear()
    assert bench.backward() == ()
    assert bench.calls == ["delete my-deployment", "delete my-endpoint", "delete my-compute"]
    assert bench.run.manifest.alive == []
    assert {record.status for record in bench.run.manifest.steps.values()} == {StepStatus.DELETED}


def test_cleanup_leaves_what_was_reused_updated_or_keeps_no_bill(bench: Bench) -> None:
    bench.step("compute", SUCCEEDED)
    bench.step("deployment", DIFFERS, SUCCEEDED)
    bench.step("dataset", ABSENT, SUCCEEDED, traits=Traits(kind="data asset"))
    bench.step("finetune", ABSENT, Observation(status=Status.SUCCEEDED, ended=True))
    bench.forward()
    bench.calls.clear()
    assert bench.backward() == ()
    assert bench.calls == []


def test_cleanup_undoes_an_update_that_can_be_undone(bench: Bench) -> None:
    bench.step("traffic", DIFFERS, SUCCEEDED, traits=Traits(kind="traffic", cleaned=True, restored=True))
    bench.forward()
    assert bench.backward() == ()
    assert bench.calls == ["create traffic", "delete my-traffic"]


def test_only_down_takes_back_what_an_earlier_run_of_the_recipe_made(bench: Bench) -> None:
    bench.step("endpoint", SUCCEEDED, traits=needing(down_reused=True))
    bench.forward()
    assert bench.backward() == ()
    assert bench.calls == []
    assert bench.run.manifest.alive == [Resource(step="endpoint", kind="thing", name="my-endpoint")]
    assert bench.backward(down=True) == ()
    assert bench.calls == ["delete my-endpoint"]
    assert bench.run.manifest.alive == []


def test_what_goes_with_another_is_not_deleted_by_itself(bench: Bench) -> None:
    bench.step("endpoint", ABSENT, SUCCEEDED, traits=needing(takes_along=("deployment",)))
    bench.step("deployment", ABSENT, SUCCEEDED, traits=needing("endpoint"))
    bench.forward()
    bench.calls.clear()
    assert bench.backward() == ()
    assert bench.calls == ["delete my-endpoint"]
    assert bench.run.manifest.steps["deployment"].status is StepStatus.DELETED
    assert bench.run.manifest.alive == []


def test_a_second_cleanup_finds_nothing_to_do(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.forward()
    bench.backward()
    bench.calls.clear()
    assert bench.backward(down=True) == ()
    assert bench.calls == []


def test_what_is_gone_already_is_only_looked_at(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, SUCCEEDED)
    bench.forward()
    step.there = False
    assert bench.backward() == ()
    assert bench.calls == ["create compute"]
    assert bench.run.manifest.alive == []


def test_the_intent_to_delete_is_on_disk_before_the_deletion(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, SUCCEEDED)
    bench.forward()
    written: list[list[Event]] = []
    step.on_delete = lambda: written.append(bench.events("compute"))
    bench.backward()
    assert written[0][-1] is Event.DELETE_INTENT
    assert bench.events("compute")[-1] is Event.DELETE_DONE


def test_a_deletion_that_is_never_confirmed_is_told_and_the_rest_still_goes(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.step("endpoint", ABSENT, SUCCEEDED, sticks=True)
    bench.forward()
    assert bench.backward() == ("thing my-endpoint",)
    assert bench.run.clock.monotonic() > DELETE_SECONDS
    assert bench.events("endpoint")[-2:] == [Event.DELETE_INTENT, Event.DELETE_FAILED]
    assert bench.run.manifest.alive == [Resource(step="endpoint", kind="thing", name="my-endpoint")]
    assert bench.run.manifest.steps["compute"].status is StepStatus.DELETED


def test_a_deletion_that_is_refused_is_told_with_its_reason(bench: Bench) -> None:
    def refuse() -> None:
        raise StepFailed("HTTP 409: it has traffic")

    bench.step("endpoint", ABSENT, SUCCEEDED, on_delete=refuse)
    bench.forward()
    assert bench.backward() == ("thing my-endpoint",)
    assert read(bench.folder / "journal.jsonl")[-1].data == {"reason": "HTTP 409: it has traffic"}
