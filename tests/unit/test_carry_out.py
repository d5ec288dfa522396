"""A run brought to its end from wherever it stands: walked, cleaned up, closed, whatever happens."""

import errno
import os
import signal
import stat
import threading
import time
from dataclasses import asdict, dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, NoReturn, cast

import pytest

from runner import execute
from runner.console.silent import SilentProgress
from runner.errors import (
    CloudUnavailable,
    ExitCode,
    NotWritten,
    StepFailed,
    StillBilling,
    Terminated,
    Undecided,
)
from runner.journal import Event, Journal, Json, read
from runner.manifest import Manifest, RunStatus, StepStatus
from runner.outstanding import outstanding
from runner.recipe import Cleanup
from runner.steps.step import Traits
from tests.unit.bench import (
    ABSENT,
    FAILED,
    IN_PROGRESS,
    SUCCEEDED,
    Bench,
    Killed,
    killed,
    needing,
)

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud
    from runner.execute import Observer

JOB = Traits(kind="job", bills=True, cleaned=True, stopped=True)


def closings(bench: Bench) -> list[tuple[Event, str]]:
    ends = {Event.WALKED, Event.RUN_CLOSED}
    return [
        (each.event, each.data["status"])
        for each in read(bench.folder / "journal.jsonl")
        if each.event in ends
    ]


def test_a_run_that_goes_well_is_walked_and_closed(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    outcome = bench.carry_out()
    assert (outcome.exit_code, outcome.manifest.status) == (ExitCode.DONE, RunStatus.SUCCEEDED)
    assert closings(bench) == [(Event.WALKED, "succeeded"), (Event.RUN_CLOSED, "succeeded")]


def test_requests_that_were_sent_again_are_counted_at_the_end(bench: Bench) -> None:
    bench.run = replace(bench.run, cloud=cast("Cloud", SimpleNamespace(retried=3)))
    assert bench.carry_out().manifest.retried == 3


@pytest.mark.parametrize("failed", [False, True])
def test_a_process_that_ends_in_cleaning_up_is_followed_by_one_that_only_cleans_up(
    bench: Bench, *, failed: bool
) -> None:
    step = bench.step("compute", ABSENT, FAILED if failed else SUCCEEDED, on_delete=killed)
    if failed:
        step.looks = [ABSENT, replace(FAILED, ended=False)]
    endpoint = bench.step("endpoint", ABSENT, SUCCEEDED)
    with pytest.raises(Killed):
        bench.carry_out(Cleanup.ALWAYS)
    assert bench.run.manifest.steps["endpoint"].status is StepStatus.DELETED
    bench.another_life()
    step.on_delete = lambda: None
    step.on_look = endpoint.on_look = killed
    outcome = bench.carry_out(Cleanup.ALWAYS)
    assert bench.calls == ["delete my-compute"]
    assert outcome.manifest.status is (RunStatus.FAILED if failed else RunStatus.SUCCEEDED)
    assert outcome.exit_code == (1 if failed else 0)
    assert str(outcome.error or "") == ("no quota" if failed else "")
    assert closings(bench)[-2:] == [
        (Event.WALKED, outcome.manifest.status.value),
        (Event.RUN_CLOSED, outcome.manifest.status.value),
    ]


def test_a_cleanup_that_was_interrupted_is_taken_up_and_nothing_is_made(bench: Bench) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    step = bench.step("compute", ABSENT, SUCCEEDED, on_delete=interrupt)
    endpoint = bench.step("endpoint", ABSENT, SUCCEEDED)
    assert bench.carry_out(Cleanup.ALWAYS).exit_code == ExitCode.INTERRUPTED
    bench.another_life()
    step.on_delete = lambda: None
    step.on_look = endpoint.on_look = killed
    assert bench.carry_out(Cleanup.ALWAYS).manifest.status is RunStatus.SUCCEEDED
    assert bench.calls == ["delete my-compute"]


def test_how_a_walk_ended_is_known_where_its_record_is_lost(bench: Bench) -> None:
    step = bench.step("compute", SUCCEEDED, on_look=killed)
    bench.run.record(Event.REPAIRED, data={"known": course(bench.run.manifest, walked="failed")})
    outcome = bench.carry_out(Cleanup.ON_FAILURE)
    assert (outcome.exit_code, outcome.manifest.status) == (1, RunStatus.FAILED)
    assert step.calls == []


def course(told: Manifest, *, walked: str) -> Json:
    """Tell how a run stands as a repair does that has it from the manifest."""
    names = ("status", "ended", "steps", "alive", "resumed", "retried")
    return {name: asdict(told)[name] for name in names} | {"walked": walked}


def press(bench: Bench, kind: type[KeyboardInterrupt] = KeyboardInterrupt) -> None:
    """Interrupt the main thread, which waits for the steps by now."""
    del bench
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT if kind is KeyboardInterrupt else signal.SIGTERM)
    time.sleep(0.1)


def test_a_ctrl_c_keeps_what_runs_and_can_be_resumed(bench: Bench) -> None:
    step = bench.step("finetune", ABSENT, IN_PROGRESS, traits=JOB, on_create=lambda: press(bench))
    outcome = bench.carry_out(Cleanup.ALWAYS)
    assert (outcome.exit_code, outcome.manifest.status) == (130, RunStatus.INTERRUPTED)
    assert closings(bench) == [(Event.RUN_CLOSED, "interrupted")]
    bench.another_life()
    step.looks = [SUCCEEDED]
    assert bench.carry_out().manifest.status is RunStatus.SUCCEEDED
    assert bench.calls == []


@pytest.mark.parametrize("cancel", [False, True])
def test_who_leaves_does_not_wait_for_a_service_that_is_down(bench: Bench, *, cancel: bool) -> None:
    hurried: list[bool] = []
    cloud = cast("Cloud", SimpleNamespace(hurry=lambda: hurried.append(True)))
    bench.run = replace(bench.run, cloud=cloud, cancel=cancel)
    bench.step("finetune", ABSENT, IN_PROGRESS, traits=JOB, on_create=lambda: press(bench))
    assert bench.carry_out().exit_code == ExitCode.INTERRUPTED
    assert hurried == ([] if cancel else [True])


def test_sigterm_is_told_as_what_it_is(bench: Bench) -> None:
    def terminate(*_: object) -> NoReturn:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        bench.step("finetune", ABSENT, IN_PROGRESS, on_create=lambda: press(bench, Terminated))
        assert bench.carry_out().exit_code == ExitCode.TERMINATED
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("cleanup", "gone"),
    [
        (Cleanup.NEVER, ["delete my-finetune"]),
        (Cleanup.ON_FAILURE, ["delete my-finetune", "delete my-compute"]),
    ],
)
def test_with_on_interrupt_cancel_the_job_is_cancelled_and_the_rest_cleaned_up_as_after_a_failure(
    bench: Bench, cleanup: Cleanup, gone: list[str]
) -> None:
    bench.run = replace(bench.run, cancel=True)
    bench.step("compute", ABSENT, SUCCEEDED)
    traits = replace(JOB, needs=("compute",))
    job = bench.step("finetune", ABSENT, IN_PROGRESS, traits=traits, on_create=lambda: press(bench))
    job.on_delete = lambda: setattr(job, "shown", True)
    asked: list[float] = []

    def ends_a_while_later() -> None:
        if job.shown:
            asked.append(bench.run.clock.monotonic())
            job.shown = asked[-1] - asked[0] < 60

    job.on_standing = ends_a_while_later
    outcome = bench.carry_out(cleanup)
    assert bench.calls[2:] == gone
    assert outcome.billing is None
    assert (outcome.exit_code, outcome.manifest.status) == (130, RunStatus.CANCELED)
    assert closings(bench) == [(Event.WALKED, "canceled"), (Event.RUN_CLOSED, "canceled")]


@dataclass(frozen=True)
class Unheard(SilentProgress):
    """An observer whose listener has gone."""

    error: int

    def acting(self, *_: object) -> None:
        raise OSError(self.error, os.strerror(self.error))


@pytest.mark.parametrize("error", [errno.EPIPE, errno.EIO, errno.ENOSPC])
def test_a_listener_that_is_gone_interrupts_the_run_and_fails_no_step(bench: Bench, error: int) -> None:
    bench.run = replace(bench.run, observer=cast("Observer", Unheard(error)))
    bench.step("compute", ABSENT, IN_PROGRESS)
    bench.step("finetune", ABSENT, SUCCEEDED, traits=needing("compute"))
    outcome = bench.carry_out(Cleanup.ALWAYS)
    assert (outcome.exit_code, outcome.manifest.status) == (130, RunStatus.INTERRUPTED)
    assert bench.calls == ["create compute"]
    assert outcome.manifest.steps["compute"].status is StepStatus.RUNNING
    assert Event.FAILED not in bench.events("compute")


def test_a_stop_between_two_steps_is_an_interruption_too(bench: Bench) -> None:
    class GoneAfterTheFirst(SilentProgress):
        def succeeded(self, *_: object) -> None:
            raise BrokenPipeError(32, "Broken pipe")

    bench.run = replace(bench.run, observer=cast("Observer", GoneAfterTheFirst()))
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.step("finetune", ABSENT, SUCCEEDED, traits=needing("compute"))
    assert bench.carry_out().manifest.status is RunStatus.INTERRUPTED
    assert bench.calls == ["create compute"]


def full_from(monkeypatch: pytest.MonkeyPatch, *events: Event) -> None:
    """Have the disk be full for records of these kinds, and for everything after the first of them."""
    append, full = Journal.append, threading.Event()

    def refuse(journal: Journal, event: Event, **more: object) -> object:
        if event in events:
            full.set()
        if full.is_set():
            raise NotWritten("the journal cannot be written (No space left on device)")
        return append(journal, event, **more)  # type: ignore[arg-type] # passed on as it came

    monkeypatch.setattr(Journal, "append", refuse)


def test_what_cannot_be_announced_on_a_full_disk_is_not_asked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_from(monkeypatch, Event.INTENT)
    step = bench.step("compute", ABSENT, SUCCEEDED)
    outcome = bench.carry_out(Cleanup.ALWAYS)
    assert isinstance(outcome.error, NotWritten)
    assert outcome.exit_code == 1
    assert bench.calls == []
    monkeypatch.undo()
    assert step.looks == [SUCCEEDED]


def test_a_result_that_cannot_be_written_down_is_found_by_the_next_life(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = bench.step("compute", ABSENT, SUCCEEDED)
    with monkeypatch.context() as patched:
        full_from(patched, Event.DONE)
        outcome = bench.carry_out(Cleanup.ALWAYS)
    assert isinstance(outcome.error, NotWritten)
    assert "internal error" not in outcome.error.message
    assert bench.calls == ["create compute"]
    bench.another_life()
    step.looks = [SUCCEEDED]
    assert bench.carry_out().manifest.status is RunStatus.SUCCEEDED
    assert bench.calls == []


def test_a_mistake_of_ours_leaves_a_file_without_what_it_was_about(bench: Bench) -> None:
    def slip() -> None:
        row = "a row of the dataset"
        raise KeyError(row)

    bench.step("compute", ABSENT, SUCCEEDED, on_create=slip)
    outcome = bench.carry_out()
    assert isinstance(outcome.error, StepFailed)
    (path,) = bench.folder.glob("crash-*.txt")
    text = path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "builtins.KeyError" in text
    assert "in slip" in text
    assert "row of the dataset" not in text


@pytest.mark.parametrize("kind", [MemoryError, RecursionError])
def test_a_process_out_of_memory_or_depth_can_be_resumed(bench: Bench, kind: type[Exception]) -> None:
    def slip() -> None:
        raise kind

    step = bench.step("finetune", ABSENT, IN_PROGRESS, traits=JOB, on_create=slip)
    assert bench.carry_out().manifest.status is RunStatus.FAILED
    bench.another_life()
    step.looks, step.on_create = [IN_PROGRESS, SUCCEEDED], lambda: None
    assert bench.carry_out().manifest.status is RunStatus.SUCCEEDED
    assert bench.calls == []


def test_what_was_to_go_and_is_not_proven_gone_is_told_until_it_is(bench: Bench) -> None:
    def refuse() -> None:
        raise StepFailed("HTTP 403")

    step = bench.step("compute", ABSENT, SUCCEEDED, on_delete=refuse)
    outcome = bench.carry_out(Cleanup.ALWAYS)
    assert outcome.exit_code == ExitCode.STILL_BILLING
    told = outstanding(bench.run.manifest)
    assert isinstance(told, StillBilling)
    assert told.message == "not proven gone: thing my-compute (HTTP 403)"
    step.on_delete = lambda: None
    bench.backward()
    assert outstanding(bench.run.manifest) is None


def test_what_nobody_asked_to_go_is_no_debt(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    outcome = bench.carry_out()
    assert outcome.manifest.alive
    assert outcome.billing is None


def test_a_cloud_that_is_out_of_reach_decides_nothing(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, CloudUnavailable("HTTP 503"))
    outcome = bench.carry_out(Cleanup.ALWAYS)
    assert (outcome.exit_code, outcome.manifest.status) == (8, RunStatus.INTERRUPTED)
    bench.another_life()
    step.looks = [SUCCEEDED]
    assert bench.carry_out().manifest.status is RunStatus.SUCCEEDED
    assert bench.calls == []


@pytest.mark.parametrize("kind", [KeyError, MemoryError, RecursionError])
def test_a_mistake_of_ours_in_looking_at_what_was_asked_for_decides_nothing(
    bench: Bench, kind: type[Exception]
) -> None:
    def slip() -> None:
        if step.calls:
            raise kind

    step = bench.step("finetune", ABSENT, IN_PROGRESS, traits=JOB, on_look=slip)
    outcome = bench.carry_out(Cleanup.ALWAYS)
    assert (outcome.exit_code, outcome.manifest.status) == (1, RunStatus.INTERRUPTED)
    assert bench.calls == ["create finetune"]
    assert isinstance(outcome.error, Undecided)
    assert f"internal error: {kind.__name__}" in outcome.error.message
    (path,) = bench.folder.glob("crash-*.txt")
    assert str(path) in outcome.error.hint
    assert f"runner resume {bench.folder.name}" in outcome.error.hint
    bench.another_life()
    step.looks, step.on_look = [IN_PROGRESS, SUCCEEDED], lambda: None
    assert bench.carry_out().manifest.status is RunStatus.SUCCEEDED
    assert bench.calls == []


def test_a_mistake_of_ours_in_looking_at_what_is_done_decides_nothing_either(bench: Bench) -> None:
    def slip() -> None:
        raise KeyError("ours")

    compute = bench.step("compute", ABSENT, SUCCEEDED)
    job = bench.step("finetune", ABSENT, SUCCEEDED, traits=needing("compute"), on_look=killed)
    with pytest.raises(Killed):
        bench.carry_out()
    bench.another_life()
    compute.on_look, job.on_look = slip, lambda: None
    outcome = bench.carry_out(Cleanup.ALWAYS)
    assert (outcome.exit_code, outcome.manifest.status) == (1, RunStatus.INTERRUPTED)
    assert isinstance(outcome.error, Undecided)
    assert bench.calls == []


@pytest.mark.parametrize("where", ["on_intend", "on_look", "on_create"])
def test_a_mistake_of_ours_before_anything_can_run_fails_the_step_and_names_its_file(
    bench: Bench, where: str
) -> None:
    def slip() -> None:
        raise KeyError("ours")

    step = bench.step("compute", ABSENT, SUCCEEDED)
    setattr(step, where, slip)
    outcome = bench.carry_out()
    assert outcome.manifest.status is RunStatus.FAILED
    assert isinstance(outcome.error, StepFailed)
    (path,) = bench.folder.glob("crash-*.txt")
    assert str(path) in outcome.error.hint
    assert Event.FAILED in bench.events("compute")


def test_a_mistake_of_ours_outside_of_all_steps_names_its_file(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slip(_run: object, *, down: bool) -> NoReturn:
        raise KeyError(down)

    monkeypatch.setattr(execute, "backward", slip)
    outcome = bench.carry_out(Cleanup.ALWAYS)
    assert (outcome.exit_code, outcome.manifest.status) == (1, RunStatus.FAILED)
    (path,) = bench.folder.glob("crash-*.txt")
    assert isinstance(outcome.error, StepFailed)
    assert str(path) in outcome.error.hint
    assert isinstance(outcome.error.__cause__, KeyError)
