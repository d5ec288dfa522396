"""What every deployment behind the endpoint is to a run, whichever model it serves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from runner import naming
from runner.errors import RunnerError
from runner.facts import DeploymentState, Provisioning
from runner.journal import Json
from runner.recipe import Deployment
from runner.steps.step import STATUS_OF, Context, Observation, Status

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

# Seconds that a deployment may take to come, its probes' delays apart.
DEADLINE = 7200

_LOG_TAIL_LINES = 15


def intended(section: Deployment, endpoint: str, model: str) -> Mapping[str, Json]:
    """Fix which model is served under which name, on what."""
    return {
        "name": section.name.lower(),
        "endpoint": endpoint,
        "model": model,
        "instance_type": section.instance_type,
        "instance_count": section.instance_count,
        "probe_delay": _probe_delay(section),
    }


def looked_at(context: Context, intent: Mapping[str, Json], step: str) -> Observation:
    """Look at the deployment of a step; ours with another model or size differs, and is updated."""
    found = context.cloud.endpoints.deployment(intent["endpoint"], intent["name"])
    if found is None:
        return Observation(status=Status.ABSENT)
    if not naming.is_ours(context.recipe.name, found.tags):
        detail = f"deployment {intent['name']} is not from a run of this recipe"
        return Observation(status=Status.FOREIGN, detail=detail, hint=f"choose another {step}.name")
    # With this attempt's tag it was its request that failed, whatever model the deployment still serves;
    # one that failed before is asked for anew.
    asked = found.tags.get(naming.TAG_INTENT) == context.tags(step)[naming.TAG_INTENT]
    failed = found.provisioning is Provisioning.FAILED
    if failed and asked:
        return _failed(context, intent, found)
    settled = found.provisioning is not Provisioning.IN_PROGRESS
    if failed or (settled and not as_intended(found, intent)):
        return Observation(status=Status.DIFFERS, detail="it serves another model or on another size")
    outputs = {"id": found.id, "name": found.name, "model": found.model}
    return Observation(status=STATUS_OF[found.provisioning], detail=found.provisioning.value, outputs=outputs)


def as_intended(found: DeploymentState, intent: Mapping[str, Json]) -> bool:
    """Compare what the service says with the intent; ids and sizes come back in another case."""
    same_model = _spelled(found.model) == _spelled(intent["model"])
    same_size = found.instance_type.lower() == str(intent["instance_type"]).lower()
    return same_model and same_size and found.instance_count == intent["instance_count"]


def asked_for(context: Context, intent: Mapping[str, Json], section: Deployment, step: str) -> None:
    """Ask for the deployment, new or over the one that is there."""
    context.cloud.endpoints.deploy(
        intent["endpoint"],
        section,
        model=intent["model"],
        description=context.recipe.description,
        tags=context.tags(step),
    )


def undeployed(_step: object, cloud: "Cloud", intent: Mapping[str, Json]) -> None:
    """Serve as `delete` of a deployment: ask for its deletion."""
    cloud.endpoints.undeploy(intent["endpoint"], intent["name"])


def deployment_stands(_step: object, cloud: "Cloud", intent: Mapping[str, Json]) -> Mapping[str, str] | None:
    """Serve as `standing` of a deployment: give its tags while it is there."""
    found = cloud.endpoints.deployment(intent["endpoint"], intent["name"])
    return found.tags if found else None


def deployment_listed(_step: object, cloud: "Cloud", intent: Mapping[str, Json]) -> bool:
    """Serve as `listed` of a deployment: tell whether the endpoint's list has it."""
    return cloud.endpoints.deployment_listed(intent["endpoint"], intent["name"])


def _probe_delay(section: Deployment) -> int:
    """Give the seconds that the container is left alone before it is asked how it is."""
    return sum(probe.initial_delay for probe in (section.liveness_probe, section.readiness_probe) if probe)


def _spelled(model: object) -> str:
    """Spell an id in one way: `azureml:` may stand before any, and a registry's begins with it."""
    return str(model).lower().removeprefix("azureml:")


def _failed(context: Context, intent: Mapping[str, Json], found: DeploymentState) -> Observation:
    try:
        log = context.cloud.endpoints.container_log(intent["endpoint"], intent["name"], _LOG_TAIL_LINES)
    except RunnerError:  # it must not hide why the deployment failed
        log = ""
    return Observation(
        status=Status.FAILED,
        detail=f"deployment {found.name} failed: {found.error or 'no reason given'}",
        log_tail=tuple(log.splitlines()[-_LOG_TAIL_LINES:]),
    )
