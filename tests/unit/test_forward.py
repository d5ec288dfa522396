"""A plan carried out: intent before change, success only by a look, and all of it on disk."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from runner import execute
from runner import manifest as manifests
from runner.console.silent import SilentProgress
from runner.errors import (
    CloudUnavailable,
    Conflict,
    ExitCode,
    NotFound,
    NotWritten,
    SignInRefused,
    StepFailed,
)
from runner.execute import GRACE_SECONDS, PATIENCE_SECONDS
from runner.journal import Event, Json, read
from runner.manifest import Manifest, RunStatus, StepStatus
from runner.schema_files import read_schema
from runner.steps.step import Change, Observation, Status, Traits
from tests.unit.bench import ABSENT, DIFFERS, FAILED, FOREIGN, IN_PROGRESS, SUCCEEDED, Bench, needing

UNANSWERED = CloudUnavailable("HTTP 503")


class Beginnings(SilentProgress):
    """An Observer that keeps what it is told of each beginning."""

    def __init__(self, told: list[tuple[str, str]]) -> None:
        self._told = told

    def started(self, change: Change) -> None:
        self._told.append((change.step, change.reason))


def test_what_is_absent_is_created_and_done_once_a_look_says_so(bench: Bench) -> None:
    outputs = Observation(status=Status.SUCCEEDED, outputs={"id": "/gpu"}, metrics={"loss": 0.5})
    step = bench.step("compute", ABSENT, ABSENT, IN_PROGRESS, outputs)
    seen: list[list[Event]] = []
    step.on_look = lambda: seen.append(bench.events("compute"))
    bench.forward()
    assert Event.DONE not in seen[-1]
    assert bench.events("compute") == [
        Event.STEP_STARTED,
        Event.INTENT,
        Event.ACKNOWLEDGED,
        Event.OBSERVED,
        Event.DONE,
    ]
    record = bench.run.manifest.steps["compute"]
    assert (record.status, record.action, record.outputs) == (
        StepStatus.SUCCEEDED,
        "create",
        {"id": "/gpu"},
    )


def test_what_is_told_of_a_beginning_is_what_is_done_and_the_plans_reason_is_kept(bench: Bench) -> None:
    told: list[tuple[str, str]] = []
    bench.run = replace(bench.run, observer=Beginnings(told))
    bench.step("compute", SUCCEEDED, traits=Traits(kind="compute", doing="looking for the cluster"))
    bench.forward()
    assert told == [("compute", "looking for the cluster")]
    assert bench.records("compute")[0].data["reason"] == "it is wanted"


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
    with pytest.raises(NotWritten, match="No space"):
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


@pytest.mark.parametrize(("settled", "action"), [(ABSENT, "create"), (DIFFERS, "update")])
def test_what_is_done_is_decided_once_nobody_else_is_changing_it(
    bench: Bench, settled: Observation, action: str
) -> None:
    bench.step("endpoint", IN_PROGRESS, IN_PROGRESS, settled, SUCCEEDED)
    bench.forward()
    assert bench.calls == ["create endpoint"]
    assert bench.run.manifest.steps["endpoint"].action == action


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


@pytest.mark.parametrize(
    ("lost", "said"), [(ABSENT, "it is not there"), (DIFFERS, "it is not as it was asked for")]
)
def test_what_stays_as_it_was_after_it_was_asked_for_is_lost_after_the_grace(
    bench: Bench, lost: Observation, said: str
) -> None:
    bench.step("compute", lost)
    with pytest.raises(StepFailed, match=f"thing my-compute was accepted, but {said}$"):
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
    assert len(looks) < 700


def test_a_plan_without_steps_is_carried_out(bench: Bench) -> None:
    bench.forward()
    assert bench.run.manifest.steps == {}


def test_a_look_that_is_not_answered_does_not_end_the_run(bench: Bench) -> None:
    bench.step("finetune", UNANSWERED, ABSENT, IN_PROGRESS, UNANSWERED, SUCCEEDED)
    bench.forward()
    assert bench.calls == ["create finetune"]
    assert bench.run.manifest.steps["finetune"].status is StepStatus.SUCCEEDED


@pytest.mark.parametrize("before", [(), (ABSENT, IN_PROGRESS)])
def test_patience_with_looks_that_are_not_answered_ends(
    bench: Bench, before: tuple[Observation, ...]
) -> None:
    bench.step("finetune", *before, UNANSWERED)
    with pytest.raises(CloudUnavailable, match="HTTP 503"):
        bench.forward()
    assert PATIENCE_SECONDS < bench.run.clock.monotonic() < PATIENCE_SECONDS + 30
    assert bench.told("finetune") == {"detail": "HTTP 503", "unanswered": True}
    assert bench.run.manifest.steps["finetune"].status is StepStatus.RUNNING


def test_each_answer_renews_the_patience(bench: Bench) -> None:
    def answer_now_and_then() -> None:
        passed = bench.run.clock.monotonic()
        answered = passed % PATIENCE_SECONDS > PATIENCE_SECONDS - 30
        step.looks = [SUCCEEDED if passed > 5 * PATIENCE_SECONDS else IN_PROGRESS if answered else UNANSWERED]

    step = bench.step("finetune", UNANSWERED, on_look=answer_now_and_then)
    bench.forward()
    assert bench.run.clock.monotonic() > 5 * PATIENCE_SECONDS


def test_what_one_look_does_not_find_but_the_list_has_is_not_asked_for(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED, shown=True)
    bench.forward()
    assert bench.calls == []
    assert bench.run.manifest.steps["compute"].action == "reuse"
    assert bench.backward() == ()


def test_one_request_may_take_longer_than_the_patience_and_then_go_unanswered(bench: Bench) -> None:
    def upload() -> None:
        step.on_create, step.looks = unanswered_no_more, [ABSENT]
        bench.run.clock.wait(PATIENCE_SECONDS + 100, bench.run.stop)
        raise UNANSWERED

    def unanswered_no_more() -> None:
        step.looks = [SUCCEEDED]

    step = bench.step("dataset", ABSENT, on_create=upload)
    bench.forward()
    assert bench.calls == ["create dataset", "create dataset"]


def test_one_look_may_take_longer_than_the_patience_and_then_go_unanswered(bench: Bench) -> None:
    step = bench.step("sample", UNANSWERED, SUCCEEDED)

    def look() -> None:
        if len(step.looks) > 1:
            bench.run.clock.wait(PATIENCE_SECONDS + 100, bench.run.stop)

    step.on_look = look
    bench.forward()


def unanswered() -> None:
    raise UNANSWERED


def test_a_request_that_is_not_answered_but_was_carried_out_is_a_success(bench: Bench) -> None:
    bench.step("compute", ABSENT, ABSENT, IN_PROGRESS, SUCCEEDED, on_create=unanswered)
    bench.forward()
    assert bench.calls == ["create compute"]
    assert bench.events("compute") == [Event.STEP_STARTED, Event.INTENT, Event.OBSERVED, Event.DONE]


def test_a_request_that_is_neither_answered_nor_carried_out_is_told_as_that(bench: Bench) -> None:
    bench.step("compute", ABSENT, on_create=unanswered)
    with pytest.raises(CloudUnavailable, match="HTTP 503"):
        bench.forward()
    assert PATIENCE_SECONDS < bench.run.clock.monotonic() < PATIENCE_SECONDS * 1.1
    assert 10 < len(bench.calls) < 30
    assert [resource.name for resource in bench.run.manifest.alive] == ["my-compute"]


def test_a_request_that_is_not_answered_and_failed_is_told_as_a_failure(bench: Bench) -> None:
    bench.step("compute", ABSENT, FAILED, on_create=unanswered)
    with pytest.raises(StepFailed, match="no quota"):
        bench.forward()


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
        raise KeyError("may hold anything")

    bench.step("compute", ABSENT, SUCCEEDED, on_create=slip)
    bench.step("finetune", ABSENT, SUCCEEDED, traits=needing("compute"))
    with pytest.raises(StepFailed, match=r"^internal error: KeyError \(test_forward\.py:\d+\)$") as caught:
        bench.forward()
    assert isinstance(caught.value.__cause__, KeyError)
    assert bench.calls == ["create compute"]
    assert bench.told("compute")["error"] == caught.value.message
    assert [resource.name for resource in bench.run.manifest.alive] == ["my-compute"]


def test_a_ctrl_c_before_the_waiting_stops_the_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    submit = ThreadPoolExecutor.submit

    def interrupted(pool: ThreadPoolExecutor, work: Callable[..., None], *given: object) -> Future[None]:
        submit(pool, work, *given)
        raise KeyboardInterrupt

    def end_at_last() -> None:
        if bench.run.clock.monotonic() > 20_000:
            step.looks = [FAILED]

    step = bench.step("compute", ABSENT, IN_PROGRESS, on_look=end_at_last)
    monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench.forward()
    assert bench.run.stop.is_set()


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
    assert Event.DONE not in bench.events("compute")
    assert Event.FAILED not in bench.events("compute")
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


def test_the_manifest_on_disk_is_the_journals_fold_after_every_record(bench: Bench) -> None:
    on_disk: list[bool] = []

    def compare() -> None:
        told = manifests.fold(read(bench.folder / "journal.jsonl"))
        on_disk.append(manifests.load(bench.folder / "manifest.json") == told)

    bench.step("compute", ABSENT, SUCCEEDED, on_create=compare)
    bench.step("finetune", ABSENT, SUCCEEDED, traits=needing("compute"), on_look=compare, on_create=compare)
    bench.forward()
    assert on_disk == [True] * 4
    assert manifests.load(bench.folder / "manifest.json") == bench.run.manifest


def test_an_older_manifest_never_replaces_a_newer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    write, first = manifests.write, threading.Event()

    def the_first_is_slow(said: Manifest, path: Path) -> None:
        if not first.is_set():
            first.set()
            time.sleep(0.3)  # meanwhile the other step ends
        write(said, path)

    monkeypatch.setattr(manifests, "write", the_first_is_slow)
    bench.step("compute", SUCCEEDED)
    bench.step("dataset", SUCCEEDED, on_look=lambda: first.wait(10))
    bench.forward()
    assert manifests.load(bench.folder / "manifest.json") == bench.run.manifest


def test_the_manifest_of_a_run_is_as_its_schema_says(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.step("finetune", ABSENT, FAILED, traits=needing("compute"))
    with pytest.raises(StepFailed):
        bench.forward()
    bench.backward()
    execute.close(bench.run, RunStatus.FAILED)
    written = json.loads((bench.folder / "manifest.json").read_text(encoding="utf-8"))
    Draft202012Validator(read_schema("manifest.schema.json")).validate(written)
    assert written["status"] == "failed"
    assert written["alive"] == []


def test_a_request_that_is_refused_is_not_sent_again(bench: Bench) -> None:
    def refuse() -> None:
        raise StepFailed("HTTP 400: no such size", hint="choose another")

    bench.step("compute", ABSENT, on_create=refuse)
    with pytest.raises(StepFailed, match="HTTP 400: no such size") as caught:
        bench.forward()
    assert bench.calls == ["create compute"]
    assert (caught.value.hint, bench.told("compute")["cause"]) == ("choose another", "refused")


def test_a_request_that_is_refused_because_it_was_carried_out_is_adopted(bench: Bench) -> None:
    def refuse() -> None:
        raise StepFailed("HTTP 400: it exists")

    bench.step("finetune", ABSENT, IN_PROGRESS, SUCCEEDED, on_create=refuse)
    bench.forward()
    assert bench.calls == ["create finetune"]


@pytest.mark.parametrize(
    ("error", "seconds"), [(NotFound("HTTP 404"), GRACE_SECONDS), (Conflict("HTTP 409"), 300)]
)
def test_what_the_request_is_about_may_not_be_there_yet_or_still_be_busy(
    bench: Bench, error: StepFailed, seconds: float
) -> None:
    def refuse() -> None:
        raise error

    bench.step("deployment", ABSENT, on_create=refuse)
    with pytest.raises(type(error)):
        bench.forward()
    assert seconds < bench.run.clock.monotonic() < seconds * 1.2
    assert len(bench.calls) > 3


def test_a_request_that_is_not_answered_is_sent_again_with_the_same_intent(bench: Bench) -> None:
    def twice_unanswered() -> None:
        intents.append(bench.run.manifest.steps["compute"].intent)
        if len(intents) < 3:
            unanswered()
        step.looks = [SUCCEEDED]

    intents: list[Json] = []
    step = bench.step("compute", ABSENT, on_create=twice_unanswered)
    bench.forward()
    assert len(intents) == 3
    assert intents[0] == intents[1] == intents[2]
    assert bench.events("compute").count(Event.INTENT) == 1
    assert bench.run.clock.monotonic() > 5


def test_a_sign_in_that_was_refused_is_not_waited_out(bench: Bench) -> None:
    bench.step("compute", ABSENT, IN_PROGRESS, SignInRefused("HTTP 401"))
    with pytest.raises(SignInRefused):
        bench.forward()
    assert bench.run.clock.monotonic() < 1


def test_what_a_look_shows_is_written_down_when_it_changes_and_not_more(bench: Bench) -> None:
    stages = [
        Observation(status=Status.IN_PROGRESS, detail=stage, fraction=share)
        for stage in ("queued", "training")
        for share in (0.1, 0.2, 0.3)
    ]
    bench.step("finetune", ABSENT, *stages, SUCCEEDED)
    bench.forward()
    observed = [each.data["detail"] for each in bench.records("finetune") if each.event is Event.OBSERVED]
    assert observed == ["queued", "training"]


def test_what_changes_at_every_look_does_not_fill_the_disk(bench: Bench) -> None:
    stages = [Observation(status=Status.IN_PROGRESS, detail=str(number)) for number in range(500)]
    bench.step("finetune", ABSENT, *stages, SUCCEEDED)
    bench.forward()
    assert bench.events("finetune").count(Event.OBSERVED) == 50


class Told(SilentProgress):
    """Remembers what people are told while something is waited for."""

    def __init__(self) -> None:
        self.waits: list[str] = []

    def waiting(self, change: Change, seen: Observation, seconds: float) -> None:
        del change, seconds
        self.waits.append(seen.detail)


def test_people_are_told_what_is_waited_for_before_anything_is_asked_for(bench: Bench) -> None:
    answers = iter([UNANSWERED, UNANSWERED, None])

    def answered_at_last() -> None:
        error = next(answers)
        if error:
            raise error

    bench.step("compute", ABSENT, SUCCEEDED, on_intend=answered_at_last)
    told = Told()
    bench.run = replace(bench.run, observer=told)
    bench.forward()
    assert told.waits[:2] == ["no answer, trying on: HTTP 503"] * 2
    assert bench.calls == ["create compute"]
