"""The notebook's pipeline, small: a cluster, a file, and the registry's component around them."""

import time
from pathlib import Path
from typing import Any

from azure.ai.ml import Input, MLClient
from azure.ai.ml.dsl import pipeline
from azure.ai.ml.entities import AmlCompute, PipelineJob

SIZE = "Standard_NC24ads_A100_v4"
MODEL = "azureml://registries/azureml/models/Phi-3-tiny-4k-instruct/versions/1"


def add_compute(workspace: MLClient, size: str = SIZE) -> None:
    """Have a cluster named gpu."""
    workspace.compute.begin_create_or_update(AmlCompute(name="gpu", size=size)).wait()


def build(registry: MLClient, name: str, train: Path, *, model: str = MODEL, **inputs: Any) -> PipelineJob:  # noqa: ANN401 - the component's own inputs
    """Return the pipeline job, not yet submitted."""
    component = registry.components.get("chat_completion_pipeline", label="latest")
    given = {"compute_finetune": "gpu", **inputs}

    @pipeline()  # type: ignore[call-overload,untyped-decorator] # the SDK types it wrongly
    def chat_pipeline() -> dict[str, Any]:
        chat = component(
            mlflow_model_path=model, train_file_path=Input(type="uri_file", path=str(train)), **given
        )
        return {"trained_model": chat.outputs.mlflow_model_folder}

    job: PipelineJob = chat_pipeline()
    job.name = name
    job.experiment_name = "contract"
    job.settings.force_rerun = True  # type: ignore[union-attr] # the decorator has set it
    return job


def wait(workspace: MLClient, name: str, seconds: float = 30) -> str:
    """Wait until a job has ended, and return how."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status = workspace.jobs.get(name).status  # a member of the SDK's enum, which equals its text
        if status in {"Completed", "Failed", "Canceled"}:
            return str(getattr(status, "value", status))
        time.sleep(0.1)
    message = f"{name} did not end"
    raise AssertionError(message)
