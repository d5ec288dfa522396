"""What serves the base model beside the fine-tuned one, without traffic; kept from run to run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from runner.facts import DeploymentState, Facts
from runner.journal import Json
from runner.recipe import Baseline, Recipe, given
from runner.steps.endpoint import serves_others
from runner.steps.serving import (
    DEADLINE,
    as_intended,
    asked_for,
    deployment_listed,
    deployment_stands,
    intended,
    looked_at,
    undeployed,
)
from runner.steps.step import Action, Change, Context, Observation, Traits

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud


def _is_of_use_to_others(cloud: "Cloud", intent: Mapping[str, Json], run_id: str) -> str:
    """Say whose fine-tuned model is held against it, "" if nobody else's."""
    return serves_others(cloud, {"name": intent["endpoint"]}, run_id)


class BaselineStep:
    """See the module. It needs no training, so it is made while that goes on."""

    traits = Traits(
        kind="deployment",
        doing="deploying the base model",
        needs=("endpoint",),
        bills=True,
        cleaned=True,
        down_reused=True,
        deadline=DEADLINE,
        retried=True,
        serves_others=_is_of_use_to_others,
    )
    delete = undeployed
    standing = deployment_stands
    listed = deployment_listed

    def plan(self, recipe: Recipe, facts: Facts) -> Change:
        """Reuse what an earlier run of the recipe made, if the model and the size are the same."""
        section = given(recipe.baseline)
        nodes = f"the base model on {section.instance_count} x {section.instance_type}"
        if facts.baseline is None:
            action, reason = Action.CREATE, nodes
        elif _fits(facts.baseline, section, facts):
            action, reason = Action.REUSE, "a run of this recipe made it"
        else:
            action, reason = Action.UPDATE, f"in place, to {nodes}"
        return Change(
            step="baseline",
            action=action,
            kind=self.traits.kind,
            name=section.name,
            reason=reason,
            needs=self.traits.needs,
        )

    def intend(self, context: Context) -> Mapping[str, Json]:
        """Fix under which name the registry's model is served, at the version that the run is pinned to."""
        endpoint, model = context.outputs["endpoint"]["name"], given(context.facts.model).id
        return intended(given(context.recipe.baseline), endpoint, model)

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        """Look at the deployment; ours with another model or size differs, and is updated."""
        return looked_at(context, intent, "baseline")

    def create(self, context: Context, intent: Mapping[str, Json]) -> None:
        """Ask for the deployment, new or over the one that is there."""
        asked_for(context, intent, given(context.recipe.baseline), "baseline")


def _fits(found: DeploymentState, section: Baseline, facts: Facts) -> bool:
    return facts.model is not None and as_intended(found, intended(section, "", facts.model.id))
