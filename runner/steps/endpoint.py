"""The online endpoint: one address for the recipe, kept from run to run."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from runner import naming
from runner.facts import EndpointState, Facts
from runner.journal import Json
from runner.recipe import Endpoint, Identity, IdentityType, Recipe, given
from runner.steps.step import STATUS_OF, Action, Change, Context, Observation, Status, Traits

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

_BASELINE = "baseline"


def serves_others(cloud: "Cloud", intent: Mapping[str, Json], run_id: str) -> str:
    """Say which deployment behind an endpoint is not the run's, and what takes that back.

    The base model's is there for those that are held against it: by itself it is of use to nobody.
    """
    if cloud.endpoints.get(intent["name"]) is None:
        return ""
    for each in cloud.endpoints.deployments(intent["name"]):
        if naming.step_of(each.tags) == _BASELINE:
            continue
        other = each.tags.get(naming.TAG_RUN)
        if other is None:
            return f"it serves deployment {each.name}, which no run made"
        if other != run_id:
            return f"it serves deployment {each.name} of run {other}: runner down {other}"
    return ""


class EndpointStep:
    """See the module."""

    traits = Traits(
        kind="endpoint",
        doing="looking for the endpoint",
        bills=True,
        cleaned=True,
        down_reused=True,
        takes_along=(_BASELINE, "deployment", "traffic"),
        deadline=1800,
        serves_others=serves_others,
    )

    def plan(self, recipe: Recipe, facts: Facts) -> Change:
        """Reuse an endpoint of this recipe, else create."""
        if facts.endpoint:
            action, reason = Action.REUSE, "a run of this recipe made it"
        elif facts.offline:
            action, reason = Action.CREATE, "unless a run of this recipe made it (not looked: offline)"
        else:
            action, reason = Action.CREATE, "it is not there"
        return Change(
            step="endpoint",
            action=action,
            kind=self.traits.kind,
            name=facts.endpoint_name or given(recipe.endpoint).name or f"{recipe.name}-*",
            reason=reason,
            needs=self.traits.needs,
        )

    def intend(self, context: Context) -> Mapping[str, Json]:
        """Fix the name."""
        return {
            "name": naming.endpoint(context.recipe, context.cloud.target),
            "auth_mode": given(context.recipe.endpoint).auth_mode,
            "identity": _identity(given(context.recipe.endpoint)).type.value,
        }

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        """Look at the endpoint; one without our recipe's tag is somebody else's."""
        found = context.cloud.endpoints.get(intent["name"])
        if found is None:
            return Observation(status=Status.ABSENT)
        if not naming.is_ours(context.recipe.name, found.tags):
            detail = f"endpoint {intent['name']} is not from a run of this recipe"
            return Observation(status=Status.FOREIGN, detail=detail, hint="choose another endpoint.name")
        return Observation(
            status=STATUS_OF[found.provisioning],
            detail=found.error or found.provisioning.value,
            outputs={"id": found.id, "name": found.name, "scoring_uri": found.scoring_uri},
            hint=f"delete endpoint {intent['name']} and run again",
        )

    def create(self, context: Context, intent: Mapping[str, Json]) -> None:
        """Ask for the endpoint."""
        section = given(context.recipe.endpoint)
        description = section.description or context.recipe.description
        tags = {**context.tags("endpoint"), **naming.expiry(context.recipe, context.run_id)}
        context.cloud.endpoints.create(intent["name"], section, description=description, tags=tags)

    def delete(self, cloud: "Cloud", intent: Mapping[str, Json]) -> None:
        """Ask for the endpoint's deletion, its deployments with it."""
        cloud.endpoints.delete(intent["name"])

    def standing(self, cloud: "Cloud", intent: Mapping[str, Json]) -> Mapping[str, str] | None:
        """Give the endpoint's tags while it is there."""
        found = cloud.endpoints.get(intent["name"])
        return found.tags if found else None

    def listed(self, cloud: "Cloud", intent: Mapping[str, Json]) -> bool:
        """Tell whether the workspace's list has the endpoint."""
        return cloud.endpoints.listed(intent["name"])


def identity_misfit(found: EndpointState, wanted: Endpoint) -> str:
    """Say how an existing endpoint's identity differs, "" if it does not; it is fixed with the endpoint."""
    identity = _identity(wanted)
    if not found.identity_type:
        return ""
    if found.identity_type != identity.type.value:
        differs = f"has identity {found.identity_type}, the recipe wants {identity.type.value}"
    elif _lower(found.user_assigned_identities) != _lower(identity.user_assigned_identities):
        differs = "has another user_assigned identity than the recipe wants"
    else:
        return ""
    return f"endpoint {found.name} {differs}, and an identity cannot be changed"


def _identity(section: Endpoint) -> Identity:
    """Give the identity an endpoint is made with; Azure's own default is one that it makes."""
    return section.identity or Identity(type=IdentityType.SYSTEM_ASSIGNED)


def _lower(ids: Iterable[str]) -> set[str]:
    """Give ids as Azure compares them."""
    return {each.lower() for each in ids}
