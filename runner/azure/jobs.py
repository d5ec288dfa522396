"""Pipeline jobs: built from the registry's component, submitted under our name, judged by a fresh GET."""

from typing import Any

from azure.ai.ml import Input, MLClient
from azure.ai.ml.dsl import pipeline
from azure.ai.ml.entities import PipelineComponent, PipelineJob, PipelineJobSettings

from runner.azure.translate import NotFound, translated, word
from runner.facts import TRAINED_MODEL, JobSpec, JobState, Provisioning
from runner.recipe import SERVERLESS

_ENDED_WELL = {"Completed"}
# The last two have not ended, but they do not go on by themselves either.
_ENDED_BADLY = {"Failed", "Canceled", "NotResponding", "Paused"}


class Jobs:
    """Jobs of one workspace."""

    def __init__(self, workspace: MLClient) -> None:
        self._workspace = workspace

    def get(self, name: str) -> JobState | None:
        """Look at a job; None if there is none."""
        try:
            with translated(f"reading job {name}"):
                job = self._workspace.jobs.get(name)
        except NotFound:
            return None
        return JobState(
            id=str(job.id),
            name=str(job.name),
            status=word(job.status),
            provisioning=_provisioning(word(job.status)),
            studio=str(job.studio_url or ""),
            outputs=tuple(getattr(job, "outputs", None) or ()),
            tags=dict(job.tags or {}),
            properties={key: str(value) for key, value in (job.properties or {}).items()},
        )

    def submit(self, spec: JobSpec, component: PipelineComponent) -> None:
        """Submit a fine-tune job; a second time with the same name is the same job."""
        with translated(f"submitting job {spec.name}"):
            self._workspace.jobs.create_or_update(
                _pipeline_job(spec, component), experiment_name=spec.experiment
            )

    def cancel(self, name: str) -> None:
        """Ask a job to stop; one that is gone is fine."""
        try:
            with translated(f"cancelling job {name}"):
                self._workspace.jobs.begin_cancel(name)
        except NotFound:
            return


def _provisioning(status: str) -> Provisioning:
    if status in _ENDED_WELL:
        return Provisioning.SUCCEEDED
    return Provisioning.FAILED if status in _ENDED_BADLY else Provisioning.IN_PROGRESS


def _pipeline_job(spec: JobSpec, component: PipelineComponent) -> PipelineJob:
    files = {port: Input(type="uri_file", path=path) for port, path in spec.files.items()}
    model = Input(type="mlflow_model", path=spec.model_id)

    def fine_tune() -> dict[str, Any]:
        node = component(mlflow_model_path=model, **files, **spec.parameters)
        return {TRAINED_MODEL: node.outputs.mlflow_model_folder}

    job: PipelineJob = pipeline(fine_tune, description=spec.description)()
    job.name = spec.name
    job.display_name = spec.display_name
    job.tags = dict(spec.tags)
    # Azure ML would reuse an earlier run's output for equal inputs; a recipe that is run is to train.
    job.settings = PipelineJobSettings(
        force_rerun=True,
        continue_on_step_failure=False,
        default_compute=SERVERLESS if spec.serverless else None,
    )
    return job
