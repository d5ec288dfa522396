"""Jobs on serverless compute through the genuine SDK: no cluster, but a size, and what is refused."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from azure.ai.ml import MLClient
from azure.core.exceptions import HttpResponseError

from runner.azure.jobs import Jobs
from runner.facts import JobSpec
from tests.contract.chat_pipeline import MODEL, SIZE, build, wait
from tests.emulator.emulated import Emulated

if TYPE_CHECKING:
    from runner.azure.run_history import RunHistory


@pytest.fixture
def train(tmp_path: Path) -> Path:
    path = tmp_path / "train.jsonl"
    path.write_text("{}\n", encoding="utf-8")
    return path


def test_a_job_needs_no_cluster(workspace: MLClient, registry: MLClient, train: Path) -> None:
    job = build(registry, "run-1", train, compute_finetune="serverless", instance_type_finetune=SIZE)
    workspace.jobs.create_or_update(job)
    assert wait(workspace, "run-1") == "Completed"
    assert list(workspace.compute.list()) == []


@pytest.mark.parametrize("size", [SIZE, SIZE.upper()])
def test_what_the_runner_submits_names_serverless_as_the_default(
    workspace: MLClient, registry: MLClient, train: Path, emulator: Emulated, size: str
) -> None:
    emulator.script("Completed")
    spec = JobSpec(
        name="run-1",
        display_name="run",
        experiment="contract",
        description="for orders",
        tags={"a": "b"},
        model_id=MODEL,
        files={"train_file_path": str(train)},
        parameters={"compute_finetune": "serverless", "instance_type_finetune": size},
        serverless=True,
    )
    component = registry.components.get("chat_completion_pipeline", label="latest")
    no_history = cast("RunHistory", None)  # which submitting has no use for
    Jobs(workspace, no_history).submit(spec, component)
    assert wait(workspace, "run-1") == "Completed"
    job = workspace.jobs.get("run-1")
    assert job.settings.default_compute == "serverless"
    assert (job.description, job.tags["a"]) == ("for orders", "b")


@pytest.mark.parametrize(
    "name", ["instance_type_finetune", "instance_type_preprocess", "instance_type_model_import"]
)
def test_a_size_that_is_not_offered_is_refused(
    workspace: MLClient, registry: MLClient, train: Path, name: str
) -> None:
    with pytest.raises(
        HttpResponseError, match=f"{name}: the instance type Standard_Nonsense is not offered"
    ):
        workspace.jobs.create_or_update(
            build(registry, "run-1", train, compute_finetune="serverless", **{name: "Standard_Nonsense"})
        )


def test_a_size_without_gpu_fails_the_finetune_stage(
    workspace: MLClient, registry: MLClient, train: Path
) -> None:
    job = build(
        registry, "run-1", train, compute_finetune="serverless", instance_type_finetune="Standard_D12_v2"
    )
    workspace.jobs.create_or_update(job)
    assert wait(workspace, "run-1") == "Failed"
    [node] = list(workspace.jobs.list(parent_job_name="run-1"))
    states = {child.display_name: child.status for child in workspace.jobs.list(parent_job_name=node.name)}
    assert states["chat_completion_finetune"] == "Failed"


def test_a_default_that_is_no_compute_is_refused(
    workspace: MLClient, registry: MLClient, train: Path
) -> None:
    job = build(registry, "run-1", train, compute_finetune="serverless", instance_type_finetune=SIZE)
    job.settings.default_compute = "nowhere"  # type: ignore[union-attr] # the decorator has set it
    with pytest.raises(HttpResponseError, match="Unknown compute target 'nowhere'"):
        workspace.jobs.create_or_update(job)
