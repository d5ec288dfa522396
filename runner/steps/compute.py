"""What trains: a cluster, reused if its size and tier match and made if it is not there; or serverless."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from runner.facts import ComputeState, Facts, Provisioning
from runner.journal import Json
from runner.recipe import Compute, Recipe, Scalar, Tier, given
from runner.steps.step import STATUS_OF, Action, Change, Context, Observation, Status, Traits

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

_AML_COMPUTE = "amlcompute"

# Inputs of the pipeline component. Importing the model and preparing the rows need no GPU: on serverless
# compute they keep the component's own size, which has none.
_TARGETS = ("compute_model_import", "compute_preprocess", "compute_finetune", "compute_model_evaluation")
_SIZES = ("instance_type_finetune", "instance_type_model_evaluation")


class ComputeStep:
    """See the module."""

    traits = Traits(kind="compute", doing="looking for the cluster", bills=True, cleaned=True, deadline=1800)

    def plan(self, recipe: Recipe, facts: Facts) -> Change:
        """Reuse what the survey found, else create; of serverless compute there is nothing to make."""
        section = given(recipe.compute)
        if section.serverless:
            action, reason = Action.READ, "serverless: nothing to create"
        elif facts.compute:
            action, reason = Action.REUSE, f"it is there: {facts.compute.size}, {facts.compute.tier}"
        elif facts.offline:
            action, reason = Action.CREATE, "unless it is there (not looked: offline)"
        else:
            nodes = f"{section.min_instances} to {section.max_instances} nodes"
            action, reason = Action.CREATE, f"it is not there: {section.size}, {nodes}, {section.tier.value}"
        return Change(
            step="compute",
            action=action,
            kind=self.traits.kind,
            name=section.name,
            reason=reason,
            needs=self.traits.needs,
        )

    def intend(self, context: Context) -> Mapping[str, Json]:
        """Fix the cluster's name, size and tier."""
        section = given(context.recipe.compute)
        return {"name": section.name, "size": section.size, "tier": section.tier.value}

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        """Look at the cluster; one of another size or tier is not ours to change."""
        section = given(context.recipe.compute)
        if section.serverless:
            outputs = {"name": section.name, "size": section.size}
            return Observation(status=Status.SUCCEEDED, detail="nothing to create", outputs=outputs)
        found = context.cloud.computes.get(intent["name"])
        if found is None:
            return Observation(status=Status.ABSENT)
        mismatch = misfit(found, section)
        if mismatch:
            return Observation(status=Status.FOREIGN, detail=mismatch, hint="choose another compute.name")
        return Observation(
            status=STATUS_OF[found.provisioning],
            detail=found.error or found.provisioning.value,
            outputs={"id": found.id, "name": found.name, "size": found.size, "tier": found.tier},
            hint="delete the cluster or choose another compute.name",
        )

    def create(self, context: Context, intent: Mapping[str, Json]) -> None:
        """Ask for the cluster."""
        del intent
        context.cloud.computes.create(
            given(context.recipe.compute),
            description=context.recipe.description,
            tags=context.tags("compute"),
        )

    def delete(self, cloud: "Cloud", intent: Mapping[str, Json]) -> None:
        """Ask for the cluster's deletion."""
        cloud.computes.delete(intent["name"])

    def standing(self, cloud: "Cloud", intent: Mapping[str, Json]) -> Mapping[str, str] | None:
        """Give the cluster's tags while it is there."""
        found = cloud.computes.get(intent["name"])
        return found.tags if found else None

    def listed(self, cloud: "Cloud", intent: Mapping[str, Json]) -> bool:
        """Tell whether the workspace's list has the cluster."""
        return cloud.computes.listed(intent["name"])


def compute_inputs(section: Compute) -> Mapping[str, tuple[Scalar, str]]:
    """Give the component's inputs that follow from the section, each with the key that decides it."""
    why = "compute.serverless" if section.serverless else "compute.name"
    inputs: dict[str, tuple[Scalar, str]] = dict.fromkeys(_TARGETS, (section.name, why))
    return inputs | (dict.fromkeys(_SIZES, (section.size, "compute.size")) if section.serverless else {})


def misfit(found: ComputeState, wanted: Compute) -> str:
    """Say why an existing cluster cannot serve, "" if it can. Azure's answer is upper- or lower-cased."""
    if found.kind.lower() != _AML_COMPUTE:
        return f"compute {found.name} is a {found.kind}, not a cluster"
    if found.size.lower() != wanted.size.lower():
        return f"compute {found.name} has size {found.size}, the recipe wants {wanted.size}"
    if _tier(found.tier) is not wanted.tier:
        return f"compute {found.name} is {found.tier}, the recipe wants {wanted.tier.value}"
    if found.provisioning is Provisioning.FAILED:
        return f"compute {found.name} is in a failed state: {found.error or 'no reason given'}"
    return ""


def _tier(text: str) -> Tier:
    return Tier.LOW_PRIORITY if "low" in text.lower() else Tier.DEDICATED
