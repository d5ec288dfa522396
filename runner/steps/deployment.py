"""What serves the model behind the endpoint: made, or updated in place to the model of this run."""

from collections.abc import Mapping

from runner.facts import Facts
from runner.journal import Json
from runner.recipe import Recipe, given
from runner.steps.serving import (
    DEADLINE,
    asked_for,
    deployment_listed,
    deployment_stands,
    intended,
    looked_at,
    undeployed,
)
from runner.steps.step import Action, Change, Context, Observation, Traits


class DeploymentStep:
    """See the module. It waits for the base model's: two changes of one endpoint at once may be refused."""

    traits = Traits(
        kind="deployment",
        doing="deploying the model",
        needs=("endpoint", "register", "baseline"),
        bills=True,
        cleaned=True,
        deadline=DEADLINE,
        retried=True,
    )
    delete = undeployed
    standing = deployment_stands
    listed = deployment_listed

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
        endpoint, model = context.outputs["endpoint"]["name"], context.outputs["register"]["id"]
        return intended(given(context.recipe.deployment), endpoint, model)

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        """Look at the deployment; ours with another model or size differs, and is updated."""
        return looked_at(context, intent, "deployment")

    def create(self, context: Context, intent: Mapping[str, Json]) -> None:
        """Ask for the deployment, new or over the one that is there."""
        asked_for(context, intent, given(context.recipe.deployment), "deployment")
