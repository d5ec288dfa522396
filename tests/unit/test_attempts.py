"""How often a step is tried, as the recipe allows: under a new name, and never over what still stands."""

import time
from dataclasses import replace

import pytest

from runner.errors import StepFailed
from runner.journal import Event
from runner.manifest import StepStatus
from runner.recipe import OnPreempt, Retries
from runner.steps.step import Observation, Status, Traits
from tests.unit.bench import ABSENT, DIFFERS, FAILED, FOREIGN, SUCCEEDED, Bench

JOB = Traits(kind="job", bills=True, cleaned=True, stopped=True, retried=True)
MODEL = Traits(kind="model", renamed=3)
PREEMPTED = Observation(status=Status.FAILED, detail="evicted", ended=True, preempted=True)


def attempts(bench: Bench, step: str) -> list[int]:
    return [each.data["attempt"] for each in bench.records(step) if each.event is Event.INTENT]


def test_a_job_that_failed_is_tried_as_often_as_the_recipe_says(bench: Bench) -> None:
    bench.with_recipe(retries=Retries(failed=1))
    step = bench.step("finetune", ABSENT, FAILED, ABSENT, SUCCEEDED, traits=JOB)
    bench.forward()
    assert attempts(bench, "finetune") == [1, 2]
    assert step.tags["runner.intent"].endswith("/finetune/2")
    failed = next(each for each in bench.records("finetune") if each.event is Event.FAILED)
    assert failed.data["cause"] == "failed"


@pytest.mark.parametrize(("allowed", "made"), [(0, [1]), (1, [1, 2]), (2, [1, 2, 3])])
def test_after_the_last_attempt_the_failure_stands(bench: Bench, allowed: int, made: list[int]) -> None:
    bench.with_recipe(retries=Retries(failed=allowed))
    bench.step("finetune", *(ABSENT, FAILED) * len(made), traits=JOB)
    with pytest.raises(StepFailed, match="no quota"):
        bench.forward()
    assert attempts(bench, "finetune") == made


def test_only_trainings_and_deployments_are_tried_again(bench: Bench) -> None:
    bench.with_recipe(retries=Retries(failed=5))
    bench.step("compute", ABSENT, FAILED)
    with pytest.raises(StepFailed):
        bench.forward()
    assert attempts(bench, "compute") == [1]


def test_a_preempted_job_is_no_success_and_is_run_anew_only_if_the_recipe_says_so(bench: Bench) -> None:
    bench.with_recipe(retries=Retries(failed=3, preempted=3))
    bench.step("finetune", ABSENT, PREEMPTED, ABSENT, SUCCEEDED, traits=JOB)
    with pytest.raises(StepFailed, match="evicted"):
        bench.forward()
    assert attempts(bench, "finetune") == [1]
    assert bench.run.manifest.steps["finetune"].status is StepStatus.FAILED


def test_a_preempted_job_is_run_anew_as_often_as_the_recipe_says(bench: Bench) -> None:
    bench.with_recipe(on_preempt=OnPreempt.RERUN, retries=Retries(preempted=2))
    bench.step("finetune", *(ABSENT, PREEMPTED) * 3, traits=JOB)
    with pytest.raises(StepFailed, match="evicted"):
        bench.forward()
    assert attempts(bench, "finetune") == [1, 2, 3]


def test_a_failed_deployment_is_proven_gone_before_the_next(bench: Bench) -> None:
    bench.with_recipe(retries=Retries(failed=1))
    failed = replace(FAILED, ended=False)
    bench.step("deployment", ABSENT, failed, ABSENT, SUCCEEDED, traits=replace(JOB, stopped=False))
    bench.forward()
    assert bench.calls == ["create deployment", "delete my-deployment", "create deployment"]
    events = bench.events("deployment")
    gone, again = events.index(Event.DELETE_DONE), events.index(Event.STEP_STARTED, 1)
    assert events.index(Event.FAILED) < events.index(Event.DELETE_INTENT) < gone < again


def test_a_failed_deployment_that_does_not_go_is_not_made_anew(bench: Bench) -> None:
    bench.with_recipe(retries=Retries(failed=1))
    failed = replace(FAILED, ended=False)
    bench.step("deployment", ABSENT, failed, traits=replace(JOB, stopped=False), sticks=True)
    with pytest.raises(StepFailed, match="no quota"):
        bench.forward()
    assert attempts(bench, "deployment") == [1]
    assert bench.run.manifest.alive[0].deletion


def test_a_failed_update_is_updated_again_and_not_deleted(bench: Bench) -> None:
    bench.with_recipe(retries=Retries(failed=1))
    failed = replace(FAILED, ended=False)
    bench.step("deployment", DIFFERS, failed, DIFFERS, SUCCEEDED, traits=replace(JOB, stopped=False))
    bench.forward()
    assert bench.calls == ["create deployment", "create deployment"]
    assert attempts(bench, "deployment") == [1, 2]


def test_a_version_that_somebody_else_took_leads_to_the_next(bench: Bench) -> None:
    bench.step("register", ABSENT, FOREIGN, ABSENT, SUCCEEDED, traits=MODEL)
    bench.forward()
    assert attempts(bench, "register") == [1, 2]
    assert bench.calls == ["create register", "create register"]


def test_after_three_more_versions_that_others_took_it_is_told(bench: Bench) -> None:
    bench.step("register", *(ABSENT, FOREIGN) * 4, traits=MODEL)
    with pytest.raises(StepFailed, match="somebody else's"):
        bench.forward()
    assert attempts(bench, "register") == [1, 2, 3, 4]


def test_no_further_attempt_begins_once_another_step_has_failed(bench: Bench) -> None:
    bench.with_recipe(retries=Retries(failed=1))
    bench.run = replace(bench.run, at_once=2)
    compute = bench.step("compute", FAILED)
    finetune = bench.step("finetune", ABSENT, FAILED, ABSENT, SUCCEEDED, traits=JOB)
    finetune.on_create = lambda: until_recorded(bench)
    with pytest.raises(StepFailed):
        bench.forward()
    assert compute.calls == ["create finetune"]


def until_recorded(bench: Bench) -> None:
    deadline = time.monotonic() + 10
    while Event.FAILED not in bench.events("compute") and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)  # the failed step's thread has come back by now


def test_one_step_at_a_time_is_walked_in_the_plans_order(bench: Bench) -> None:
    bench.run = replace(bench.run, at_once=1)
    for name in ("dataset", "compute", "endpoint"):
        bench.step(name, ABSENT, SUCCEEDED)
    bench.forward()
    assert bench.calls == ["create dataset", "create compute", "create endpoint"]


def test_with_one_step_at_a_time_nothing_begins_after_a_failure(bench: Bench) -> None:
    bench.run = replace(bench.run, at_once=1)
    bench.step("dataset", FAILED)
    bench.step("compute", ABSENT, SUCCEEDED)
    with pytest.raises(StepFailed):
        bench.forward()
    assert bench.events("compute") == []
