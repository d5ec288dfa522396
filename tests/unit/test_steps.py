"""The steps, where their own resource decides: why one failed is told whatever else cannot be read."""

from types import SimpleNamespace
from typing import NoReturn

import pytest

from runner.errors import CloudUnavailable, RunnerError, StepFailed
from runner.facts import ChildRun, DeploymentState, JobState, Provisioning
from runner.steps import STEPS
from runner.steps.step import Status
from tests.unit.bench import EARLIER_RUN, Bench

NO_LOGS = (StepFailed("HTTP 400"), CloudUnavailable("no answer"))


@pytest.mark.parametrize("trouble", NO_LOGS, ids=lambda error: type(error).__name__)
def test_a_failed_deployment_is_told_even_if_its_log_cannot_be_read(
    bench: Bench, trouble: RunnerError
) -> None:
    found = DeploymentState(
        id="/d",
        name="demo",
        provisioning=Provisioning.FAILED,
        model="m",
        instance_type="A",
        error="OutOfQuota",
        tags=EARLIER_RUN,
    )

    def no_log(*_: object) -> NoReturn:
        raise trouble

    bench.on(SimpleNamespace(endpoints=SimpleNamespace(deployment=lambda *_: found, container_log=no_log)))
    intent = {"name": "demo", "endpoint": "e", "model": "m", "instance_type": "A", "instance_count": 1}
    seen = STEPS["deployment"].observe(bench.context, intent)
    assert (seen.status, seen.detail, seen.log_tail) == (
        Status.FAILED,
        "deployment demo failed: OutOfQuota",
        (),
    )


@pytest.mark.parametrize("trouble", NO_LOGS, ids=lambda error: type(error).__name__)
def test_a_failed_job_is_told_even_if_its_log_cannot_be_read(bench: Bench, trouble: RunnerError) -> None:
    job = JobState(id="/j", name="j", status="Failed", provisioning=Provisioning.FAILED)
    child = ChildRun(run_id="c", name="x_finetune", status="Failed", error="CUDA out of memory")

    def no_log(*_: object) -> NoReturn:
        raise trouble

    history = SimpleNamespace(descendants=lambda _: (child,), log=no_log, metrics=lambda _: {})
    bench.on(SimpleNamespace(jobs=SimpleNamespace(get=lambda _: job), history=history))
    seen = STEPS["finetune"].observe(bench.context, {"name": "j"})
    assert (seen.status, seen.detail, seen.log_tail) == (
        Status.FAILED,
        "job j failed: x_finetune: CUDA out of memory",
        (),
    )
