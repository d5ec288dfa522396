"""A run that was begun before, made whole again from its journal: its recipe, its pins, its parameters."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner import opening, pins, preflight
from runner.errors import Diagnostic, Drifted, UsageError
from runner.facts import Facts
from runner.journal import Json
from runner.lifecycle.cited import cited
from runner.load import Loaded, load_bytes
from runner.manifest import Manifest
from runner.opening import Opened
from runner.parameters import Effective, Origin, Parameter
from runner.plan import Plan, changes
from runner.recipe import Recipe
from runner.session import Session
from runner.survey import pinned

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

_MEND = "runner run begins anew, with what there is now"


def recorded(said: Manifest, folder: Path) -> Loaded:
    """Give the recipe with all that was in force, as if it lay where the run's recipe did.

    Raises UsageError for a run that has not recorded it.
    """
    return cited(load_bytes(in_force(said), recipe_path(said, folder)), said)


def in_force(said: Manifest) -> bytes:
    """Give the text of that recipe. Raises UsageError for a run that has not recorded it."""
    if "in_force" not in said.recipe:
        raise UsageError(
            f"run {said.run_id} was opened by a version that did not yet record all that is in force",
            hint="runner down takes back what it left; runner run begins anew",
        )
    return str(said.recipe["in_force"]).encode()


def recipe_path(said: Manifest, folder: Path) -> Path:
    """Give where the run's recipe lay; runs of earlier versions know that only by the working folder."""
    path = Path(said.recipe["path"])
    kept = said.recipe.get("folder")
    return (folder.resolve() / kept).resolve() / path.name if kept else path


def reopened(session: Session, said: Manifest, loaded: Loaded, cloud: "Cloud") -> Opened:
    """Open a run again, with the very versions and parameters it has recorded.

    Raises Drifted where the registry no longer has them, or makes something else of them.
    """
    loaded = opening.filled_in(session, loaded, cloud.target.kind)
    loaded = replace(loaded, recipe=pinned_recipe(loaded.recipe, said))
    facts = pinned(loaded.recipe, cloud, session.clock.now().date())
    _refuse_missing(loaded, facts, said)
    effective = recorded_parameters(said)
    _refuse_others(loaded, effective, preflight.merge(loaded, facts))
    plan = Plan(changes=changes(loaded.recipe, facts), effective=effective, diagnostics=())
    return Opened(loaded=loaded, cloud=cloud, facts=facts, plan=plan, pins=pins.from_json(said.pins))


def pinned_recipe(recipe: Recipe, said: Manifest) -> Recipe:
    """Fix what `latest` meant when the run was opened, and which rows."""
    recipe = pins.applied(recipe, pins.from_json(said.pins))
    # Runs of earlier versions learnt the rows' commit only in the dataset's step.
    rows = said.steps.get("dataset")
    revision = rows.intent.get("revision") if rows else None
    if revision and recipe.dataset:
        recipe = replace(recipe, dataset=replace(recipe.dataset, revision=str(revision)))
    return recipe


def _refuse_missing(loaded: Loaded, facts: Facts, said: Manifest) -> None:
    """Refuse where the registry has lost what the run was opened with: nothing else takes its place."""
    found = {
        ("model",): (said.pins.get("model"), facts.model),
        ("finetune",): (said.pins.get("component"), facts.component),
    }
    missing = tuple(
        _missing(loaded, key, pin) for key, (pin, fact) in found.items() if pin is not None and fact is None
    )
    if missing:
        raise Drifted("the registry no longer has what the run was opened with", missing)


def _missing(loaded: Loaded, key: tuple[str], pin: Mapping[str, Json]) -> Diagnostic:
    named = pin.get("id") or pin.get("name")
    message = f"{named} version {pin['version']} is not in the registry any more"
    return loaded.source.diagnostic(key, code="pin-missing", message=message, mend=_MEND)


def recorded_parameters(said: Manifest) -> Effective | None:
    """Give the parameters that were in force, each with who gave it then."""
    parameters = {
        each["name"]: Parameter(
            name=each["name"],
            value=each["value"],
            origin=Origin(each["origin"]),
            detail=each["detail"],
        )
        for each in said.parameters
    }
    return Effective(parameters=parameters, dropped={}, overridden={}) if parameters else None


def _refuse_others(loaded: Loaded, recorded: Effective | None, merged: Effective | None) -> None:
    """Refuse where the same recipe comes to other parameters than it did."""
    found = other_parameters(loaded, recorded, merged)
    if found:
        raise Drifted("the parameters are no longer those that the run was opened with", found)


def other_parameters(
    loaded: Loaded, recorded: Effective | None, merged: Effective | None
) -> tuple[Diagnostic, ...]:
    """Find the parameters that the same recipe no longer comes to."""
    then = {each.name: each.value for each in recorded.parameters.values()} if recorded else {}
    now = {each.name: each.value for each in merged.parameters.values()} if merged else {}
    return tuple(
        loaded.source.diagnostic(
            ("finetune", "parameters", name),
            code="drifted",
            message=f"comes to {now.get(name)}",
            expected=f"the run was opened with {then.get(name)}",
            mend=_MEND,
        )
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    )
