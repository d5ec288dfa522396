"""Pipeline jobs through the genuine SDK: submitted, followed, cancelled, downloaded, refused."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.contract.chat_pipeline import add_compute, build, wait
from tests.emulator.emulated import Emulated

STAGES = [
    "ft_nlp_common_validation",
    "chat_completion_model_import",
    "chat_completion_datapreprocess",
    "chat_completion_finetune",
    "ft_nlp_model_converter",
]


@pytest.fixture
def train(tmp_path: Path) -> Path:
    path = tmp_path / "train.jsonl"
    path.write_text("{}\n", encoding="utf-8")
    return path


def children(workspace: MLClient, job: str) -> dict[str, str]:
    """Return the states of the stages by their names."""
    [node] = list(workspace.jobs.list(parent_job_name=job))
    return {child.display_name: child.status for child in workspace.jobs.list(parent_job_name=node.name)}


def test_a_job_runs_its_five_stages_in_processes(
    workspace: MLClient, registry: MLClient, train: Path
) -> None:
    add_compute(workspace)
    submitted = workspace.jobs.create_or_update(build(registry, "run-1", train))
    assert submitted.status == "Preparing"
    assert wait(workspace, "run-1") == "Completed"
    assert children(workspace, "run-1") == dict.fromkeys(STAGES, "Completed")


def test_stream_prints_the_log_and_returns_at_the_end(
    workspace: MLClient,
    registry: MLClient,
    train: Path,
    capsys: pytest.CaptureFixture[str],
    emulator: Emulated,
) -> None:
    add_compute(workspace)
    emulator.script("Completed", 3.5)
    workspace.jobs.create_or_update(build(registry, "run-1", train))
    workspace.jobs.stream("run-1")
    assert "Submitting 1 runs, first five are: chat/ft_nlp_common_validation" in capsys.readouterr().out
    assert workspace.jobs.get("run-1").tags["emulator.scripted"] == "Completed in 3.5 s"


def test_the_output_can_be_downloaded(
    workspace: MLClient, registry: MLClient, train: Path, tmp_path: Path
) -> None:
    add_compute(workspace)
    workspace.jobs.create_or_update(build(registry, "run-1", train, num_train_epochs=2))
    wait(workspace, "run-1")
    workspace.jobs.download("run-1", output_name="trained_model", download_path=tmp_path)
    spec = json.loads(next(tmp_path.rglob("spec.json")).read_text(encoding="utf-8"))
    assert spec["inputs"]["num_train_epochs"] == "2"
    assert spec["inputs"]["lora_alpha"] == "128"
    assert set(spec["paths"]) == {"pytorch_model_folder"}


def test_all_of_a_job_can_be_downloaded(
    workspace: MLClient, registry: MLClient, train: Path, tmp_path: Path, emulator: Emulated
) -> None:
    add_compute(workspace)
    emulator.script("Completed")
    workspace.jobs.create_or_update(build(registry, "run-1", train))
    wait(workspace, "run-1")
    workspace.jobs.download("run-1", all=True, download_path=tmp_path)
    assert [path.name for path in tmp_path.rglob("executionlogs.txt")] == ["executionlogs.txt"]


def test_a_stage_that_fails_gives_its_error_to_the_job(
    workspace: MLClient, registry: MLClient, train: Path, emulator: Emulated
) -> None:
    add_compute(workspace)
    train.write_text("FAIL preprocess", encoding="utf-8")
    workspace.jobs.create_or_update(build(registry, "run-1", train))
    assert wait(workspace, "run-1") == "Failed"
    states = ["Completed", "Completed", "Failed", "Canceled", "Canceled"]
    assert children(workspace, "run-1") == dict(zip(STAGES, states, strict=True))
    error = details(workspace, emulator, "run-1")["error"]["error"]
    assert error["code"] == "BadData"
    assert "chat/chat_completion_datapreprocess. the row is not a chat" in error["message"]


def test_a_running_job_is_cancelled(
    workspace: MLClient, registry: MLClient, train: Path, emulator: Emulated
) -> None:
    add_compute(workspace)
    train.write_text("HANG finetune", encoding="utf-8")
    workspace.jobs.create_or_update(build(registry, "run-1", train))
    while children(workspace, "run-1")["chat_completion_finetune"] != "Running":
        time.sleep(0.1)
    workspace.jobs.begin_cancel("run-1").wait()
    assert workspace.jobs.get("run-1").status == "Canceled"
    assert children(workspace, "run-1")["chat_completion_finetune"] == "Canceled"
    assert emulator.admin("GET", "/_emu/status").json()["jobs_running"] == 0


def test_a_size_without_gpu_fails_the_finetune_stage(
    workspace: MLClient, registry: MLClient, train: Path, emulator: Emulated
) -> None:
    add_compute(workspace, "Standard_DS3_v2")
    workspace.jobs.create_or_update(build(registry, "run-1", train))
    assert wait(workspace, "run-1") == "Failed"
    assert children(workspace, "run-1")["chat_completion_finetune"] == "Failed"
    assert details(workspace, emulator, "run-1")["error"]["error"]["code"] == "SKUNotSupported"


def test_the_same_job_again_is_the_same_job(
    workspace: MLClient, registry: MLClient, train: Path, emulator: Emulated
) -> None:
    add_compute(workspace)
    emulator.script("Completed")
    workspace.jobs.create_or_update(build(registry, "run-1", train))
    again = workspace.jobs.create_or_update(build(registry, "run-1", train))
    assert again.name == "run-1"
    with pytest.raises(HttpResponseError, match=r"already exists.*jobs cannot be changed"):
        workspace.jobs.create_or_update(build(registry, "run-1", train, seed=7))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"apply_lora": True}, "apply_lora: 'True' is not one of true, false"),
        ({"lr_scheduler_type": "bogus"}, "lr_scheduler_type: 'bogus' is not one of"),
        ({"deepspeed_stage": 5}, "deepspeed_stage: '5' is not one of 2, 3"),
        ({"num_train_epochs": "abc"}, "num_train_epochs: 'abc' is not an integer"),
        ({"num_train_epochs": 1.5}, "num_train_epochs: '1.5' is not an integer"),
        ({"num_train_epochs": 0}, "num_train_epochs: 0 is less than the minimum 1"),
        ({"learning_rate": "fast"}, "learning_rate: 'fast' is not a number"),
        ({"compute_finetune": "nowhere"}, "Unknown compute target 'nowhere'"),
    ],
)
def test_an_input_that_does_not_fit_is_refused(
    workspace: MLClient, registry: MLClient, train: Path, inputs: dict[str, Any], message: str
) -> None:
    add_compute(workspace)
    with pytest.raises(HttpResponseError, match=message):
        workspace.jobs.create_or_update(build(registry, "run-1", train, **inputs))


def test_a_model_that_does_not_exist_is_refused(workspace: MLClient, registry: MLClient, train: Path) -> None:
    add_compute(workspace)
    missing = "azureml://registries/azureml/models/Phi-3-tiny-4k-instruct/versions/99"
    with pytest.raises(HttpResponseError, match="versions/99 not found"):
        workspace.jobs.create_or_update(build(registry, "run-1", train, model=missing))


def test_a_stand_in_says_so_on_job_and_model(
    workspace: MLClient, registry: MLClient, train: Path, emulator: Emulated
) -> None:
    add_compute(workspace)
    emulator.script("Completed")
    large = "azureml://registries/azureml/models/Phi-4/versions/8"
    workspace.jobs.create_or_update(build(registry, "run-1", train, model=large))
    assert workspace.jobs.get("run-1").tags["emulator.stand_in"] == "Phi-3-tiny-4k-instruct"


def test_a_child_is_a_job_of_its_own(
    workspace: MLClient, registry: MLClient, train: Path, emulator: Emulated
) -> None:
    add_compute(workspace)
    workspace.jobs.create_or_update(build(registry, "run-1", train))
    wait(workspace, "run-1")
    [node] = list(workspace.jobs.list(parent_job_name="run-1"))
    finetune = list(workspace.jobs.list(parent_job_name=node.name))[3]
    assert workspace.jobs.get(finetune.name).display_name == "chat_completion_finetune"
    logs = details(workspace, emulator, finetune.name)["logFiles"]
    with emulator.client() as client:
        assert client.get(logs["user_logs/std_log.txt"]).text.startswith("finetune with")


def test_a_job_can_be_archived_and_found_again(
    workspace: MLClient, registry: MLClient, train: Path, emulator: Emulated
) -> None:
    add_compute(workspace)
    emulator.script("Completed")
    workspace.jobs.create_or_update(build(registry, "run-1", train))
    wait(workspace, "run-1")
    workspace.jobs.archive("run-1")
    assert list(workspace.jobs.list()) == []
    workspace.jobs.restore("run-1")
    assert [job.name for job in workspace.jobs.list()] == ["run-1"]


@pytest.mark.parametrize("end", ["Completed", "Failed", "Canceled"])
def test_a_test_can_script_how_a_job_ends(
    workspace: MLClient, registry: MLClient, train: Path, emulator: Emulated, end: str
) -> None:
    add_compute(workspace)
    emulator.script(end)
    workspace.jobs.create_or_update(build(registry, "run-1", train))
    assert wait(workspace, "run-1") == end


def test_a_missing_job_is_not_found(workspace: MLClient) -> None:
    with pytest.raises(ResourceNotFoundError):
        workspace.jobs.get("nowhere")


def test_metrics_are_read_as_mlflow_does(
    workspace: MLClient, registry: MLClient, train: Path, emulator: Emulated
) -> None:
    add_compute(workspace)
    workspace.jobs.create_or_update(build(registry, "run-1", train))
    wait(workspace, "run-1")
    [node] = list(workspace.jobs.list(parent_job_name="run-1"))
    finetune = list(workspace.jobs.list(parent_job_name=node.name))[3]
    tracking = workspace.workspaces.get(workspace.workspace_name).mlflow_tracking_uri
    assert tracking
    url = tracking.replace("azureml://", "https://")
    with emulator.client(emulator.token()) as client:
        run = client.get(f"{url}/api/2.0/mlflow/runs/get", params={"run_id": finetune.name}).json()["run"]
        asked = {"run_id": finetune.name, "metric_key": "loss"}
        history = client.get(f"{url}/api/2.0/mlflow/metrics/get-history", params=asked).json()["metrics"]
    assert run["info"]["status"] == "FINISHED"
    assert [(point["step"], point["value"]) for point in history] == [(1, 4.0), (2, 2.0)]


def details(workspace: MLClient, emulator: Emulated, run: str) -> dict[str, Any]:
    """Read a run's details as the SDK's stream does."""
    home = (
        f"/history/v1.0/subscriptions/{workspace.subscription_id}/resourceGroups/{workspace.resource_group_name}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{workspace.workspace_name}"
    )
    with emulator.client(emulator.token()) as client:
        return dict(client.get(f"{home}/runs/{run}/details").json())
