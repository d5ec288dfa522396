"""Which deployment gets how much of the endpoint's traffic; taking it back restores the earlier split."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from runner.errors import CloudUnavailable
from runner.facts import EndpointState, Facts, Provisioning
from runner.journal import Json
from runner.recipe import Recipe, given
from runner.steps.step import Action, Change, Context, Observation, Status, Traits, nothing_listed

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud


class TrafficStep:
    """See the module."""

    traits = Traits(
        kind="traffic",
        doing="setting traffic",
        needs=("deployment",),
        cleaned=True,
        restored=True,
        deadline=1800,
    )
    listed = nothing_listed

    def plan(self, recipe: Recipe, facts: Facts) -> Change:
        """Route as the recipe says, unless it is so already."""
        wanted = _nonzero(given(recipe.traffic))
        same = facts.endpoint is not None and _nonzero(facts.endpoint.traffic) == wanted
        action, reason = (
            (Action.REUSE, "it is so already") if same else (Action.UPDATE, "once the deployment is up")
        )
        name = ", ".join(f"{deployment} {share}%" for deployment, share in wanted.items()) or "none"
        return Change(
            step="traffic",
            action=action,
            kind=self.traits.kind,
            name=name,
            reason=reason,
            needs=self.traits.needs,
        )

    def intend(self, context: Context) -> Mapping[str, Json]:
        """Fix the wanted split and remember the one that was there before anything was asked for."""
        endpoint = context.outputs["endpoint"]["name"]
        found = _endpoint(context.cloud, endpoint)
        there = _nonzero(found.traffic) if found else {}
        return {
            "name": endpoint,
            "wanted": _nonzero(given(context.recipe.traffic)),
            "previous": context.first.get("previous", there),
        }

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        """Look at the endpoint's split; an update that was accepted and lost still differs."""
        found = _endpoint(context.cloud, intent["name"])
        if found is None:
            detail = f"endpoint {intent['name']} is no longer there"
            return Observation(status=Status.FAILED, detail=detail)
        if found.provisioning is Provisioning.IN_PROGRESS:
            return Observation(status=Status.IN_PROGRESS, detail="updating")
        if found.provisioning is Provisioning.FAILED:
            detail = f"endpoint {intent['name']} failed: {found.error or 'no reason given'}"
            return Observation(status=Status.FAILED, detail=detail)
        if _nonzero(found.traffic) != intent["wanted"]:
            return Observation(status=Status.DIFFERS, detail=f"traffic is {_nonzero(found.traffic)}")
        return Observation(
            status=Status.SUCCEEDED,
            detail=_words(found),
            outputs={"traffic": _nonzero(found.traffic), "scoring_uri": found.scoring_uri},
        )

    def create(self, context: Context, intent: Mapping[str, Json]) -> None:
        """Ask for the wanted split."""
        context.cloud.endpoints.route(intent["name"], intent["wanted"])

    def delete(self, cloud: "Cloud", intent: Mapping[str, Json]) -> None:
        """Ask for the split that was there before."""
        cloud.endpoints.route(intent["name"], intent["previous"])

    def standing(self, cloud: "Cloud", intent: Mapping[str, Json]) -> Mapping[str, str] | None:
        """Give the endpoint's tags until the earlier split is back."""
        found = _endpoint(cloud, intent["name"])
        return None if found is None or _nonzero(found.traffic) == intent["previous"] else found.tags


def _endpoint(cloud: "Cloud", name: str) -> EndpointState | None:
    """Look at the endpoint, which is there unless the list says so, too: a single 404 may be out of date."""
    found = cloud.endpoints.get(name)
    if found is None and cloud.endpoints.listed(name):
        raise CloudUnavailable(f"endpoint {name} is listed, but cannot be looked at")
    return found


def _nonzero(traffic: Mapping[str, int]) -> Mapping[str, int]:
    """Give the split as the service keeps it: lower-case names, no zeroes."""
    return {name.lower(): share for name, share in traffic.items() if share}


def _words(found: EndpointState) -> str:
    return ", ".join(f"{name} {share}%" for name, share in _nonzero(found.traffic).items()) or "none"
