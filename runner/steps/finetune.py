"""The training: one pipeline job from the registry's component, followed child by child."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from runner import catalog, naming, parameters
from runner.errors import RunnerError
from runner.facts import TRAINED_MODEL, ChildRun, Facts, JobSpec, JobState
from runner.journal import Json
from runner.parameters import Effective
from runner.recipe import Recipe, given
from runner.steps import curves, trained
from runner.steps.step import (
    STATUS_OF,
    Action,
    Change,
    Context,
    Observation,
    Status,
    Traits,
)

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

LOG_TAIL_LINES = 15
STAND_IN = "emulator.stand_in"

# Only then do its nodes cost nothing any more.
_ENDED = {"Completed", "Failed", "Canceled"}

# Children of the component, and what a person is told while one of them runs.
_STAGES = {
    "validation": "checking the inputs",
    "model_import": "importing the model",
    "datapreprocess": "preparing the data",
    "finetune": "training",
    "model_converter": "converting the model",
}


class FinetuneStep:
    """See the module."""

    traits = Traits(
        kind="job",
        doing="submitting the job",
        needs=("compute", "dataset"),
        bills=True,
        cleaned=True,
        stopped=True,
        retried=True,
    )

    def plan(self, recipe: Recipe, facts: Facts) -> Change:
        """Submit a new job: every run trains anew."""
        component = facts.component
        section = given(recipe.finetune)
        asked = f"{catalog.component_name(section.task)} {section.component_version}"
        named = f"{component.name} {component.version}" if component else asked
        model = f"{facts.model.name} {facts.model.version}" if facts.model else recipe.model.name
        return Change(
            step="finetune",
            action=Action.CREATE,
            kind=self.traits.kind,
            name="named after the run",
            reason=f"{model} with {named}",
            needs=self.traits.needs,
        )

    def intend(self, context: Context) -> Mapping[str, Json]:
        """Fix the job's name, what it trains and with which parameters."""
        component, model, effective = (
            given(context.facts.component),
            given(context.facts.model),
            given(context.effective),
        )
        section = given(context.recipe.dataset)
        compute = given(context.recipe.compute)
        source = section.source.rstrip("/").rsplit("/", 1)[-1]
        return {
            "name": naming.job(context.run_id, context.attempt),
            "display_name": parameters.display_name(
                model.name,
                source,
                effective,
                gpus_per_node=compute.gpus_per_node,
                nodes=_nodes(effective),
            ),
            "experiment": context.recipe.experiment,
            "model": model.id,
            "component": {"name": component.name, "version": component.version},
            "parameters": effective.wire(),
            "nodes": _nodes(effective),
        }

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        """Look at the job; only a fresh GET that says Completed, with its output there, is success."""
        job = context.cloud.jobs.get(intent["name"])
        if job is None:
            return Observation(status=Status.ABSENT)
        status = STATUS_OF[job.provisioning]
        if status is Status.SUCCEEDED:
            return _succeeded(context, job)
        if status is Status.FAILED:
            return _failed(context.cloud, job)
        children = _children(context.cloud, job)
        metrics = _metrics(context.cloud, children)
        return Observation(
            status=status,
            detail=_stage(children, job),
            fraction=_fraction(context, metrics),
            metrics=metrics,
            outputs=_links(job),
            queued=job.queued,
        )

    def create(self, context: Context, intent: Mapping[str, Json]) -> None:
        """Submit the job."""
        assets = context.outputs["dataset"]["assets"]
        component = intent["component"]
        spec = JobSpec(
            name=intent["name"],
            display_name=intent["display_name"],
            experiment=intent["experiment"],
            description=context.recipe.description,
            tags=context.tags("finetune"),
            model_id=intent["model"],
            files={
                f"{role}_file_path": f"azureml:{asset['name']}:{asset['version']}"
                for role, asset in assets.items()
            },
            parameters=intent["parameters"],
            serverless=given(context.recipe.compute).serverless,
        )
        context.cloud.jobs.submit(
            spec, context.cloud.registry.pipeline_component(component["name"], component["version"])
        )

    def delete(self, cloud: "Cloud", intent: Mapping[str, Json]) -> None:
        """Cancel the job; one that has ended stays as a record."""
        cloud.jobs.cancel(intent["name"])

    def standing(self, cloud: "Cloud", intent: Mapping[str, Json]) -> Mapping[str, str] | None:
        """Give the job's tags while it runs, and with it its nodes' bill."""
        job = cloud.jobs.get(intent["name"])
        return job.tags if job and job.status not in _ENDED else None

    def listed(self, cloud: "Cloud", intent: Mapping[str, Json]) -> bool:
        """Tell whether the list has the job as one that has not ended: a single 404 may be stale."""
        return cloud.jobs.listed(intent["name"])


def _nodes(effective: Effective) -> int:
    return int(effective.value("num_nodes_finetune") or 1)


def _succeeded(context: Context, job: JobState) -> Observation:
    """Believe a completed job once its output is there, which may take a moment longer."""
    asset = _trained(context.cloud, job)
    if asset is None:
        detail = f"job {job.name} completed, but its output {TRAINED_MODEL} is not there"
        return Observation(status=Status.DIFFERS, detail=detail, outputs=_links(job), ended=True)
    logged = curves.kept(context, job.name)
    newest, files = logged.metrics, trained.files(context, job.name, asset)
    if context.stop.is_set() and "files" not in files:  # who takes it up reads them
        return Observation(status=Status.IN_PROGRESS, detail=job.status, outputs=_links(job))
    outputs = {"output": f"azureml://jobs/{job.name}/outputs/{TRAINED_MODEL}", **logged.outputs}
    return Observation(
        status=Status.SUCCEEDED,
        detail=job.status,
        fraction=1.0,
        metrics=_polled(context.cloud, job) if newest is None else newest,
        outputs=_links(job) | outputs | files,
        ended=True,
    )


def _trained(cloud: "Cloud", job: JobState) -> str | None:
    return cloud.history.output_asset(job.name, TRAINED_MODEL) if TRAINED_MODEL in job.outputs else None


def _polled(cloud: "Cloud", job: JobState) -> Mapping[str, float]:
    return _metrics(cloud, _children(cloud, job))


def _failed(cloud: "Cloud", job: JobState) -> Observation:
    """Say which child failed and why, with the end of its log."""
    failed = [child for child in _children(cloud, job) if child.status == "Failed"]
    child = failed[-1] if failed else None
    reason = f"{child.name}: {child.error}" if child and child.error else f"it ended {job.status}"
    log = _log(cloud, child) if child else ""
    return Observation(
        status=Status.FAILED,
        detail=f"job {job.name} {job.status.lower()}: {reason}",
        outputs=_links(job),
        log_tail=tuple(log.splitlines()[-LOG_TAIL_LINES:]),
        ended=job.status in _ENDED,
        preempted=job.preempted,
    )


def _log(cloud: "Cloud", child: ChildRun) -> str:
    """Read a child's log; one that cannot be read must not hide why the job failed."""
    try:
        return cloud.history.log(child.run_id)
    except RunnerError:
        return ""


def _links(job: JobState) -> dict[str, Json]:
    links: dict[str, Json] = {"id": job.id, "name": job.name, "status": job.status, "studio": job.studio}
    stand_in = job.properties.get(STAND_IN) or job.tags.get(STAND_IN)
    return links | ({"stand_in": stand_in} if stand_in else {})


def _children(cloud: "Cloud", job: JobState) -> tuple[ChildRun, ...]:
    """Give the job's tree; progress is for showing, so a hiccup in it ends nothing."""
    try:
        return cloud.history.descendants(job.name)
    except RunnerError:
        return ()


def _stage(children: tuple[ChildRun, ...], job: JobState) -> str:
    running = [child.name for child in children if child.status == "Running"]
    said = [text for name in running for end, text in _STAGES.items() if name.endswith(end)]
    return said[-1] if said else job.status.lower()


def _metrics(cloud: "Cloud", children: tuple[ChildRun, ...]) -> Mapping[str, float]:
    """Read what the training has logged; for showing, as the tree is."""
    training = next((child for child in children if child.trains), None)
    if training is None:
        return {}
    try:
        return cloud.history.metrics(training.run_id)
    except RunnerError:
        return {}


def _fraction(context: Context, metrics: Mapping[str, float]) -> float | None:
    """Tell how far the training is, by epochs; with a number of steps instead of epochs nobody can tell."""
    value = given(context.effective).value
    epoch, epochs = metrics.get("epoch"), value("num_train_epochs")
    by_steps = int(value("max_steps") or -1) > 0
    return None if epoch is None or not epochs or by_steps else min(1.0, epoch / float(epochs))
