"""Recipe and target to Facts, by reading only: what its names resolve to, and what is there already."""

from datetime import date
from typing import TYPE_CHECKING

from runner import catalog, naming
from runner.facts import ComputeState, DeploymentState, EndpointState, Facts, Target, TargetKind
from runner.recipe import Recipe

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud


def survey(recipe: Recipe, cloud: "Cloud", today: date) -> Facts:
    """Ask the registry and the workspace. What is not found is None; judging that is preflight's."""
    endpoint = _endpoint(recipe, cloud)
    return Facts(
        target=cloud.target.kind,
        today=today,
        offline=False,
        location=cloud.location,
        model=cloud.registry.model(recipe.model.name, recipe.model.version),
        component=_component(recipe, cloud),
        sizes=cloud.computes.sizes() if recipe.compute or recipe.deployment else {},
        compute=_cluster(recipe, cloud),
        endpoint_name=naming.endpoint(recipe, cloud.target) if recipe.endpoint else None,
        endpoint=endpoint,
        deployment=_deployment(recipe, cloud, endpoint),
    )


def survey_offline(recipe: Recipe, kind: TargetKind, target: Target | None, today: date) -> Facts:
    """Answer from the catalog, whose facts are dated; what exists in a workspace stays unknown.

    `target` may be None: the workspace's ids may come from an environment that is not set here.
    """
    return Facts(
        target=kind,
        today=today,
        offline=True,
        model=catalog.model(recipe.model.registry, recipe.model.name),
        component=catalog.component(recipe.finetune.task) if recipe.finetune else None,
        sizes={size.name.lower(): size for size in catalog.vm_sizes()},
        endpoint_name=naming.endpoint(recipe, target) if recipe.endpoint and target else None,
    )


def _component(recipe: Recipe, cloud: "Cloud") -> catalog.Component | None:
    known = catalog.component(recipe.finetune.task) if recipe.finetune else None
    if recipe.finetune is None or known is None:
        return None
    return cloud.registry.component(known.name, recipe.finetune.component_version)


def _cluster(recipe: Recipe, cloud: "Cloud") -> ComputeState | None:
    if recipe.compute is None or recipe.compute.serverless:
        return None
    return cloud.computes.get(recipe.compute.name)


def _endpoint(recipe: Recipe, cloud: "Cloud") -> EndpointState | None:
    return cloud.endpoints.get(naming.endpoint(recipe, cloud.target)) if recipe.endpoint else None


def _deployment(recipe: Recipe, cloud: "Cloud", endpoint: EndpointState | None) -> DeploymentState | None:
    if endpoint is None or recipe.deployment is None:
        return None
    return cloud.endpoints.deployment(endpoint.name, recipe.deployment.name.lower())
