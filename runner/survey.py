"""Recipe and target to Facts, by reading only: what its names resolve to, and what is there already."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from runner import catalog, naming
from runner.dataset import Size, expected, sizes, unusable
from runner.errors import RunnerError
from runner.facts import ComputeState, DeploymentState, EndpointState, Facts, Quota, Target, TargetKind
from runner.recipe import Deployment, Recipe

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

LATEST = "latest"


def survey(recipe: Recipe, cloud: "Cloud", today: date, *, folder: Path | None = None) -> Facts:
    """Ask the registry and the workspace. What is not found is None; judging that is preflight's.

    `folder` is where the recipe's relative paths start; without it no rows are counted.
    """
    endpoint = _endpoint(recipe, cloud)
    splits = _splits(recipe, folder, footers=True)
    quota, refusal = _quota(recipe, cloud)
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
        baseline=_deployment(recipe.baseline, cloud, endpoint),
        deployment=_deployment(recipe.deployment, cloud, endpoint),
        splits=splits,
        rows=_rows(recipe, splits),
        unusable=unusable(recipe.dataset, folder) if recipe.dataset and folder else {},
        quota=quota,
        quota_refusal=refusal,
    )


def survey_offline(
    recipe: Recipe, kind: TargetKind, target: Target | None, today: date, *, folder: Path | None = None
) -> Facts:
    """Answer from the catalog, whose facts are dated; what exists in a workspace stays unknown.

    `target` may be None: the workspace's ids may come from an environment that is not set here.
    """
    splits = _splits(recipe, folder, footers=False)
    return Facts(
        target=kind,
        today=today,
        offline=True,
        model=_known_model(recipe),
        component=_known_component(recipe),
        sizes={size.name.lower(): size for size in catalog.vm_sizes()},
        endpoint_name=naming.endpoint(recipe, target) if recipe.endpoint and target else None,
        splits=splits,
        rows=_rows(recipe, splits),
        unusable=unusable(recipe.dataset, folder) if recipe.dataset and folder else {},
    )


def pinned(recipe: Recipe, cloud: "Cloud", today: date) -> Facts:
    """Ask only for what a run that is under way is made of, at the versions that the recipe has pinned."""
    return Facts(
        target=cloud.target.kind,
        today=today,
        offline=False,
        location=cloud.location,
        model=cloud.registry.model(recipe.model.name, recipe.model.version),
        component=_component(recipe, cloud),
        sizes={},
        endpoint_name=naming.endpoint(recipe, cloud.target) if recipe.endpoint else None,
    )


def _known_model(recipe: Recipe) -> catalog.RegistryModel | None:
    """Give what the catalog has of a model, under the version asked for: no nearer facts are known."""
    known = catalog.model(recipe.model.registry, recipe.model.name)
    asked = recipe.model.version
    return known if known is None or asked == LATEST else replace(known, version=asked)


def _known_component(recipe: Recipe) -> catalog.Component | None:
    """Give the component if the catalog has the version asked for: another one may have other inputs."""
    known = catalog.component(recipe.finetune.task) if recipe.finetune else None
    asked = recipe.finetune.component_version if recipe.finetune else LATEST
    return known if known is None or asked in {LATEST, known.version} else None


def _splits(recipe: Recipe, folder: Path | None, *, footers: bool) -> Mapping[str, Size]:
    return sizes(recipe.dataset, folder, footers=footers) if recipe.dataset and folder else {}


def _rows(recipe: Recipe, splits: Mapping[str, Size]) -> Mapping[str, int]:
    return expected(recipe.dataset, splits) if recipe.dataset else {}


def _quota(recipe: Recipe, cloud: "Cloud") -> tuple[tuple[Quota, ...] | None, str]:
    """Read the region's quota, or the reason why it is not told: a plan can do without."""
    if recipe.compute is None and recipe.deployment is None:
        return None, ""
    try:
        return cloud.computes.quota(), ""
    except RunnerError as error:
        return None, error.message


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


def _deployment(
    section: Deployment | None, cloud: "Cloud", endpoint: EndpointState | None
) -> DeploymentState | None:
    if endpoint is None or section is None:
        return None
    return cloud.endpoints.deployment(endpoint.name, section.name.lower())
