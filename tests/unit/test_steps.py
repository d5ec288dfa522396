"""The steps, where their own resource decides: why one failed is told whatever else cannot be read."""

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, NoReturn

import pytest

from runner import catalog
from runner.errors import CloudUnavailable, RunnerError, StepFailed
from runner.facts import ChildRun, DeploymentState, JobState, Provisioning
from runner.steps import STEPS
from runner.steps.step import Status
from tests.unit.bench import AZURE, Bench

if TYPE_CHECKING:
    from runner.journal import Json

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
        tags=bench.context.tags("deployment"),
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


@pytest.mark.parametrize(
    ("own", "said"), [("", "the recipe's"), (", description: its own", "its own")], ids=["recipe", "own"]
)
def test_endpoint_and_model_are_described_by_their_own_words_or_the_recipes(
    bench: Bench, own: str, said: str
) -> None:
    described: list[str] = []

    def made(*_: object, description: str, **__: object) -> None:
        described.append(description)

    cloud = SimpleNamespace(
        endpoints=SimpleNamespace(create=made), assets=SimpleNamespace(register_model=made), target=AZURE
    )
    bench.on(
        cloud,
        "description: the recipe's\n"
        "compute: {name: gpu, size: Standard_X, gpus_per_node: 1}\n"
        "dataset: {path: data, train: train, test: test}\n"
        "finetune: {task: chat_completion}\n"
        f"register: {{name: m{own}}}\n"
        f"endpoint: {{name: my-chat{own}}}",
    )
    outputs: dict[str, dict[str, Json]] = {"finetune": {"name": "j"}, "dataset": {"assets": {}}}
    model = catalog.model("azureml", "Phi-4")
    context = replace(bench.context, outputs=outputs, facts=replace(bench.context.facts, model=model))
    STEPS["endpoint"].create(context, {"name": "my-chat"})
    STEPS["register"].create(context, {"name": "m", "version": "1", "path": "p"})
    assert described == [said, said]
