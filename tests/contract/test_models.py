"""Models through the genuine SDK: registered from a job's output, listed, archived, refused."""

from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Model
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.contract.chat_pipeline import add_compute, build, wait
from tests.emulator.emulated import Emulated


@pytest.fixture
def finished(workspace: MLClient, registry: MLClient, emulator: Emulated, tmp_path: Path) -> str:
    """Have a job that is over, and return its name."""
    train = tmp_path / "train.jsonl"
    train.write_text("{}\n", encoding="utf-8")
    add_compute(workspace)
    emulator.script("Completed", 0)
    workspace.jobs.create_or_update(build(registry, "run-1", train))
    wait(workspace, "run-1")
    return "run-1"


def output_of(job: str, **more: Any) -> Model:  # noqa: ANN401 - the SDK's own fields
    fields: dict[str, Any] = {"name": "tuned", "version": "1", **more}
    return Model(path=f"azureml://jobs/{job}/outputs/trained_model", type="mlflow_model", **fields)


def test_a_jobs_output_becomes_a_model(workspace: MLClient, finished: str) -> None:
    created = workspace.models.create_or_update(output_of(finished, tags={"a": "b"}))
    found = workspace.models.get("tuned", version="1")
    assert (found.id, found.type, found.tags) == (created.id, "mlflow_model", {"a": "b"})
    assert workspace.models.get("tuned", label="latest").version == "1"


def test_versions_are_listed_newest_first_when_asked_for_the_latest(
    workspace: MLClient, finished: str
) -> None:
    for version in ("1", "2", "10"):
        workspace.models.create_or_update(output_of(finished, version=version))
    assert [model.version for model in workspace.models.list("tuned")] == ["1", "2", "10"]
    assert workspace.models.get("tuned", label="latest").version == "10"
    assert [model.name for model in workspace.models.list()] == ["tuned"]


def test_an_archived_model_leaves_the_list_and_can_be_restored(workspace: MLClient, finished: str) -> None:
    workspace.models.create_or_update(output_of(finished))
    workspace.models.archive("tuned", version="1")
    assert list(workspace.models.list("tuned")) == []
    assert workspace.models.get("tuned", version="1").version == "1"
    workspace.models.restore("tuned", version="1")
    assert [model.version for model in workspace.models.list("tuned")] == ["1"]


def test_an_output_that_is_not_there_is_refused(
    workspace: MLClient, registry: MLClient, tmp_path: Path
) -> None:
    train = tmp_path / "train.jsonl"
    train.write_text("FAIL validate", encoding="utf-8")
    add_compute(workspace)
    workspace.jobs.create_or_update(build(registry, "run-1", train))
    wait(workspace, "run-1")
    with pytest.raises(HttpResponseError, match="the job is Failed"):
        workspace.models.create_or_update(output_of("run-1"))


def test_a_job_or_output_that_never_was_is_not_found(workspace: MLClient, finished: str) -> None:
    with pytest.raises(ResourceNotFoundError, match="Job nowhere not found"):
        workspace.models.create_or_update(output_of("nowhere"))
    other = Model(
        path=f"azureml://jobs/{finished}/outputs/other", name="tuned", version="1", type="mlflow_model"
    )
    with pytest.raises(ResourceNotFoundError, match="has no output other"):
        workspace.models.create_or_update(other)


@pytest.mark.parametrize("version", ["0", "1.0", "v1"])
def test_a_version_that_is_no_whole_number_is_refused(
    workspace: MLClient, finished: str, version: str
) -> None:
    with pytest.raises(HttpResponseError, match="positive whole number"):
        workspace.models.create_or_update(output_of(finished, version=version))


def test_a_version_cannot_become_another_model(workspace: MLClient, finished: str) -> None:
    workspace.models.create_or_update(output_of(finished))
    custom = Model(
        path=f"azureml://jobs/{finished}/outputs/trained_model",
        name="tuned",
        version="1",
        type="custom_model",
    )
    with pytest.raises(HttpResponseError, match="modelType cannot be changed"):
        workspace.models.create_or_update(custom)
