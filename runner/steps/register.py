"""The fine-tuned model in the workspace's own registry, with its lineage in tags."""

from collections.abc import Mapping

from runner import naming
from runner.facts import Facts
from runner.journal import Json
from runner.recipe import Recipe, given
from runner.steps.step import (
    Action,
    Change,
    Context,
    Observation,
    Status,
    Traits,
    nothing_listed,
    nothing_stands,
    nothing_to_delete,
)


class RegisterStep:
    """See the module."""

    traits = Traits(kind="model", doing="registering the model", needs=("finetune",), renamed=3)
    delete = nothing_to_delete
    standing = nothing_stands
    listed = nothing_listed

    def plan(self, recipe: Recipe, facts: Facts) -> Change:
        """Register a new version."""
        del facts
        name = given(recipe.register).name
        reason = "a new version, the whole number after the newest"
        return Change(
            step="register",
            action=Action.CREATE,
            kind=self.traits.kind,
            name=name,
            reason=reason,
            needs=self.traits.needs,
        )

    def intend(self, context: Context) -> Mapping[str, Json]:
        """Fix the version, so that it is the same however often the step is tried."""
        name = given(context.recipe.register).name
        version = context.cloud.assets.next_model_version(name)
        return {"name": name, "version": version, "path": context.outputs["finetune"]["output"]}

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        """Look at the version; one that another run registered meanwhile is foreign."""
        found = context.cloud.assets.model(intent["name"], intent["version"])
        if found is None:
            return Observation(status=Status.ABSENT)
        if found.tags.get(naming.TAG_RUN) != context.run_id:
            detail = f"version {intent['version']} of model {intent['name']} was registered by someone else"
            return Observation(status=Status.FOREIGN, detail=detail, hint="run again")
        outputs = {"id": found.id, "name": found.name, "version": found.version}
        return Observation(status=Status.SUCCEEDED, detail=f"version {found.version}", outputs=outputs)

    def create(self, context: Context, intent: Mapping[str, Json]) -> None:
        """Register the job's output."""
        context.cloud.assets.register_model(
            intent["name"],
            intent["version"],
            path=intent["path"],
            description=given(context.recipe.register).description or context.recipe.description,
            tags={**context.tags("register"), **_lineage(context)},
        )


def _lineage(context: Context) -> Mapping[str, str]:
    job = context.outputs["finetune"]
    assets = context.outputs["dataset"]["assets"]
    lineage = {
        "runner.base_model": given(context.facts.model).id,
        "runner.job": str(job["name"]),
        "runner.target": context.cloud.target.kind.value,
    }
    lineage |= {
        f"runner.data.{role}": f"{asset['name']}:{asset['version']}" for role, asset in assets.items()
    }
    return lineage | ({"runner.stand_in": str(job["stand_in"])} if job.get("stand_in") else {})
