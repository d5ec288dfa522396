"""What serves the model behind the endpoint: made, or updated in place to the model of this run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from runner import naming
from runner.errors import RunnerError
from runner.facts import DeploymentState, Facts, Provisioning
from runner.journal import Json
from runner.recipe import Deployment, Recipe, given
from runner.steps.step import STATUS_OF, Action, Change, Context, Observation, Status, Traits

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

_LOG_TAIL_LINES = 15


class DeploymentStep:
    """See the module."""

    traits = Traits(
        kind="deployment",
        needs=("endpoint", "register"),
        bills=True,
        cleaned=True,
        deadline=7200,
        retried=True,
    )

    def plan(self, recipe: Recipe, facts: Facts) -> Change:
        """Create, or update in place: each run registers a new version of the model."""
        section = given(recipe.deployment)
        nodes = f"{section.instance_count} x {section.instance_type}"
        if facts.deployment:
            action, reason = Action.UPDATE, f"in place, to this run's model on {nodes}"
        else:
            action, reason = Action.CREATE, nodes
        return Change(
            step="deployment",
            action=action,
            kind=self.traits.kind,
            name=section.name,
            reason=reason,
            needs=self.traits.needs,
        )

    def intend(self, context: Context) -> Mapping[str, Json]:
        """Fix which model is served under which name, on what."""
        section = given(context.recipe.deployment)
        return {
            "name": section.name.lower(),
            "endpoint": context.outputs["endpoint"]["name"],
            "model": context.outputs["register"]["id"],
            "instance_type": section.instance_type,
            "instance_count": section.instance_count,
            "probe_delay": _probe_delay(section),
        }

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        """Look at the deployment; ours with another model or size differs, and is updated."""
        found = context.cloud.endpoints.deployment(intent["endpoint"], intent["name"])
        if found is None:
            return Observation(status=Status.ABSENT)
        if not naming.is_ours(context.recipe.name, found.tags):
            detail = f"deployment {intent['name']} is not from a run of this recipe"
            return Observation(status=Status.FOREIGN, detail=detail, hint="choose another deployment.name")
        # With this attempt's tag it was its request that failed, whatever model the deployment still serves;
        # one that failed before is asked for anew.
        asked = found.tags.get(naming.TAG_INTENT) == context.tags("deployment")[naming.TAG_INTENT]
        failed = found.provisioning is Provisioning.FAILED
        if failed and asked:
            return _failed(context, intent, found)
        settled = found.provisioning is not Provisioning.IN_PROGRESS
        if failed or (settled and not _as_intended(found, intent)):
            return Observation(status=Status.DIFFERS, detail="it serves another model or on another size")
        outputs = {"id": found.id, "name": found.name, "model": found.model}
        return Observation(
            status=STATUS_OF[found.provisioning], detail=found.provisioning.value, outputs=outputs
        )

    def create(self, context: Context, intent: Mapping[str, Json]) -> None:
        """Ask for the deployment, new or over the one that is there."""
        context.cloud.endpoints.deploy(
            intent["endpoint"],
            given(context.recipe.deployment),
            model=intent["model"],
            description=context.recipe.description,
            tags=context.tags("deployment"),
        )

    def delete(self, cloud: "Cloud", intent: Mapping[str, Json]) -> None:
        """Ask for the deployment's deletion."""
        cloud.endpoints.undeploy(intent["endpoint"], intent["name"])

    def standing(self, cloud: "Cloud", intent: Mapping[str, Json]) -> Mapping[str, str] | None:
        """Give the deployment's tags while it is there."""
        found = cloud.endpoints.deployment(intent["endpoint"], intent["name"])
        return found.tags if found else None

    def listed(self, cloud: "Cloud", intent: Mapping[str, Json]) -> bool:
        """Tell whether the endpoint's list has the deployment."""
        return cloud.endpoints.deployment_listed(intent["endpoint"], intent["name"])


def _probe_delay(section: Deployment) -> int:
    """Give the seconds that the container is left alone before it is asked how it is."""
    return sum(probe.initial_delay for probe in (section.liveness_probe, section.readiness_probe) if probe)


def _as_intended(found: DeploymentState, intent: Mapping[str, Json]) -> bool:
    """Compare what the service says with the intent; ids and sizes come back in another case."""
    same_model = found.model.lower().removeprefix("azureml:") == str(intent["model"]).lower()
    same_size = found.instance_type.lower() == str(intent["instance_type"]).lower()
    return same_model and same_size and found.instance_count == intent["instance_count"]


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
