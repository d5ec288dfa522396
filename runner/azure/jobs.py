"""Pipeline jobs: built from the registry's component, submitted under our name, judged by a fresh GET."""

import re
from collections.abc import Iterator
from threading import Lock
from typing import Any

from azure.ai.ml import Input, MLClient
from azure.ai.ml.constants import ListViewType
from azure.ai.ml.dsl import pipeline
from azure.ai.ml.entities import Job, PipelineComponent, PipelineJob, PipelineJobSettings

from runner.azure.rest import created
from runner.azure.run_history import RunHistory
from runner.azure.translate import translated, word
from runner.errors import NotFound, StepFailed
from runner.facts import TRAINED_MODEL, JobSpec, JobState, Provisioning, Resource, ResourceKind
from runner.recipe import SERVERLESS

_ENDED_WELL = {"Completed"}
# The last two have not ended, but they do not go on by themselves either.
_ENDED_BADLY = {"Failed", "Canceled", "NotResponding", "Paused"}
_QUEUED = {"NotStarted", "Queued", "Preparing", "Provisioning", "Starting"}
_NOT_COMPLETED = {"Failed", "Canceled"}
_OVER = _ENDED_WELL | _NOT_COMPLETED
_PREEMPTION = re.compile(r"pre-?empt", re.IGNORECASE)

# The SDK builds pipelines on a stack that the whole process has (azure-ai-ml 1.35.2, in the dsl's
# _pipeline_component_builder): two at once lose each other's nodes.
_ONE_AT_A_TIME = Lock()


class Jobs:
    """Jobs of one workspace."""

    def __init__(self, workspace: MLClient, history: RunHistory) -> None:
        self._workspace = workspace
        self._history = history

    def get(self, name: str) -> JobState | None:
        """Look at a job; None if there is none."""
        try:
            with translated(f"reading job {name}"):
                job = self._workspace.jobs.get(name)
        except NotFound:
            return None
        status = word(job.status)
        reason = self._preemption(name) if status in _NOT_COMPLETED else ""
        return JobState(
            id=str(job.id),
            name=str(job.name),
            status=status,
            provisioning=_provisioning(status),
            queued=status in _QUEUED,
            preempted=bool(reason),
            reason=reason,
            studio=str(job.studio_url or ""),
            outputs=tuple(getattr(job, "outputs", None) or ()),
            tags=dict(job.tags or {}),
            properties={key: str(value) for key, value in (job.properties or {}).items()},
        )

    def submit(self, spec: JobSpec, component: PipelineComponent) -> None:
        """Submit a fine-tune job; a second time with the same name is the same job."""
        with _ONE_AT_A_TIME, translated(f"submitting job {spec.name}"):
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

    def listed(self, name: str) -> bool:
        """Tell from the workspace's list, page by page, whether a job is there that has not ended."""
        return any(job.name == name for job in self.running())

    def running(self) -> tuple[Resource, ...]:
        """Give the workspace's jobs that have not ended, whoever submitted them."""
        with translated("listing the jobs"):
            return tuple(_resource(job) for job in self._active() if word(job.status) not in _OVER)

    def _preemption(self, name: str) -> str:
        """Give the error, of a job that has ended or of a run below it, that speaks of preemption, or "".

        That it has ended is known without: an account that may not read its history can still take it back.
        """
        try:
            told = self._history.errors(name)
        except StepFailed:
            return ""
        return next((each for each in told if _PREEMPTION.search(each)), "")

    def _active(self) -> Iterator[Job]:
        """Walk over the jobs that are not archived; of one that the SDK cannot read it gives None."""
        listed = self._workspace.jobs.list(list_view_type=ListViewType.ACTIVE_ONLY)
        yield from (job for job in listed if job)


def _resource(job: Job) -> Resource:
    return Resource(
        kind=ResourceKind.JOB,
        name=str(job.name),
        id=str(job.id),
        status=word(job.status),
        created=created(job),
        tags=dict(job.tags or {}),
    )


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
