"""How long a step, a queue and a run may take: what is over is proven stopped, and told with its cost."""

from dataclasses import replace

import pytest

from runner.errors import StepFailed
from runner.journal import Event
from runner.recipe import Limits
from runner.steps.step import Observation, Status, Traits
from tests.unit.bench import ABSENT, IN_PROGRESS, SUCCEEDED, Bench, FakeStep, Killed, killed

JOB = Traits(kind="job", bills=True, cleaned=True, stopped=True, retried=True)
QUEUED = Observation(status=Status.IN_PROGRESS, detail="queued", queued=True)
TRAINING = Observation(status=Status.IN_PROGRESS, detail="training")


def at_each_look(bench: Bench, step: FakeStep, *, after: float, then: Observation) -> None:
    def look() -> None:
        if bench.run.clock.monotonic() > after:
            step.looks = [then]

    step.on_look = look


def test_what_does_not_come_within_its_deadline_has_failed(bench: Bench) -> None:
    bench.step("compute", ABSENT, IN_PROGRESS, traits=Traits(kind="compute", bills=True, deadline=1800))
    with pytest.raises(StepFailed, match="compute my-compute has not come within 1800 s"):
        bench.forward()
    assert 1800 < bench.run.clock.monotonic() < 1815
    assert bench.told("compute")["cause"] == "overdue"
    assert [each.name for each in bench.run.manifest.alive] == ["my-compute"]


def test_a_container_is_given_the_time_that_its_probes_leave_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.step("deployment", ABSENT, IN_PROGRESS, traits=Traits(kind="deployment", deadline=7200))
    monkeypatch.setattr(FakeStep, "intend", lambda *_: {"name": "my-demo", "probe_delay": 600})
    with pytest.raises(StepFailed, match="has not come within 7800 s"):
        bench.forward()


def test_what_has_come_however_late_has_come(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, SUCCEEDED, traits=Traits(kind="compute", deadline=1800))
    step.on_look = lambda: bench.run.clock.wait(3600 if step.calls else 0, bench.run.stop)
    bench.forward()
    assert bench.run.clock.monotonic() >= 3600


def test_a_job_that_waits_too_long_for_nodes_is_cancelled_and_told_with_its_cost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.with_recipe(limits=Limits(queued_timeout=600))
    bench.step("finetune", ABSENT, QUEUED, traits=JOB)
    monkeypatch.setattr(FakeStep, "intend", lambda *_: {"name": "my-finetune", "nodes": 2})
    with pytest.raises(
        StepFailed, match=r"job my-finetune has waited for nodes for 600 s; it has taken 0\.00 node-hours"
    ):
        bench.forward()
    assert 600 < bench.run.clock.monotonic() < 620
    assert bench.calls == ["create finetune", "delete my-finetune"]
    assert bench.events("finetune")[-3:] == [Event.FAILED, Event.DELETE_INTENT, Event.DELETE_DONE]
    assert bench.run.manifest.alive == []


def test_a_queue_is_not_over_because_the_training_takes_long(bench: Bench) -> None:
    bench.with_recipe(limits=Limits(queued_timeout=600))
    step = bench.step("finetune", ABSENT, QUEUED, TRAINING, traits=JOB)
    at_each_look(bench, step, after=7200, then=SUCCEEDED)
    bench.forward()


def test_the_wait_for_nodes_goes_on_counting_when_a_run_is_taken_up(bench: Bench) -> None:
    bench.with_recipe(limits=Limits(queued_timeout=600))
    step = bench.step("finetune", ABSENT, QUEUED, traits=JOB)
    step.on_look = lambda: killed() if bench.run.clock.monotonic() > 500 else None
    with pytest.raises(Killed):
        bench.forward()
    bench.another_life()
    step.on_look = lambda: None
    with pytest.raises(StepFailed, match="has waited for nodes"):
        bench.forward()
    assert bench.run.clock.monotonic() < 700


def test_a_job_that_is_queued_again_after_hours_of_training_waits_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.run.journal, "_clock", bench.run.clock)
    bench.with_recipe(limits=Limits(queued_timeout=600))
    step = bench.step("finetune", ABSENT, QUEUED, TRAINING, traits=JOB)

    def look() -> None:
        passed = bench.run.clock.monotonic()
        if passed > 10900:
            step.looks = [SUCCEEDED]
        elif passed > 10800:
            step.looks = [QUEUED]

    step.on_look = look
    bench.forward()
    assert bench.calls == ["create finetune"]


def test_a_run_that_takes_too_long_cancels_its_job(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.with_recipe(limits=Limits(max_duration=7200))
    bench.step("finetune", ABSENT, TRAINING, traits=JOB)
    monkeypatch.setattr(FakeStep, "intend", lambda *_: {"name": "my-finetune", "nodes": 2})
    with pytest.raises(
        StepFailed, match=r"longer than limits.max_duration, 7200 s; it has taken 4\.0\d node-hours"
    ):
        bench.forward()
    assert bench.calls == ["create finetune", "delete my-finetune"]


def test_a_run_that_has_taken_too_long_begins_nothing_more(bench: Bench) -> None:
    bench.with_recipe(limits=Limits(max_duration=7200))
    bench.run.clock.wait(7300, bench.run.stop)
    bench.step("finetune", SUCCEEDED, traits=JOB, on_look=killed)
    with pytest.raises(StepFailed, match="max_duration"):
        bench.forward()
    assert bench.calls == []


def test_what_came_while_nobody_was_there_has_come_though_the_runs_time_is_over(bench: Bench) -> None:
    bench.with_recipe(limits=Limits(max_duration=7200))
    step = bench.step("finetune", ABSENT, traits=JOB, on_create=killed)
    with pytest.raises(Killed):
        bench.forward()
    bench.run.clock.wait(7300, bench.run.stop)
    bench.another_life()
    step.looks = [SUCCEEDED]
    bench.forward()
    assert bench.calls == []
    assert bench.events("finetune")[-1] is Event.DONE


def test_interruptions_count_to_a_runs_time(bench: Bench) -> None:
    bench.with_recipe(limits=Limits(max_duration=7200))
    bench.step("finetune", ABSENT, TRAINING, traits=JOB, on_create=killed)
    with pytest.raises(Killed):
        bench.forward()
    bench.run.clock.wait(7100, bench.run.stop)
    bench.another_life()
    with pytest.raises(StepFailed, match="max_duration"):
        bench.forward()
    assert bench.run.clock.monotonic() < 7300


def test_a_job_whose_cancelling_was_cut_off_is_cancelled_in_the_next_life(bench: Bench) -> None:
    bench.with_recipe(limits=Limits(queued_timeout=600))
    step = bench.step("finetune", ABSENT, QUEUED, traits=JOB, on_standing=killed)
    with pytest.raises(Killed):
        bench.forward()
    bench.another_life()
    step.on_standing = lambda: None
    with pytest.raises(StepFailed, match="has waited for nodes"):
        bench.forward()
    assert bench.calls == ["delete my-finetune"]
    assert bench.run.manifest.alive == []


def test_an_overdue_job_is_not_tried_again(bench: Bench) -> None:
    bench.with_recipe(
        limits=Limits(queued_timeout=600), retries=replace(bench.context.recipe.retries, failed=5)
    )
    bench.step("finetune", ABSENT, QUEUED, traits=JOB)
    with pytest.raises(StepFailed):
        bench.forward()
    assert bench.calls.count("create finetune") == 1


def test_a_look_at_what_is_done_has_a_deadline_too(bench: Bench) -> None:
    compute = bench.step("compute", ABSENT, SUCCEEDED, traits=Traits(kind="compute", deadline=1800))
    bench.step("finetune", ABSENT, traits=replace(JOB, needs=("compute",)), on_look=killed)
    with pytest.raises(Killed):
        bench.forward()
    bench.another_life()
    compute.looks = [IN_PROGRESS]
    with pytest.raises(StepFailed, match="compute my-compute has not come within 1800 s"):
        bench.forward()
