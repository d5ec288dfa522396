"""The ids of an endpoint's identity, filled in from the environment and checked once nothing is left open."""

import re
from collections.abc import Mapping
from dataclasses import replace

from runner.load.environment import UnsetVariable, interpolate
from runner.load.source import Loaded, Mistake, invalid
from runner.schema_files import read_schema
from runner.yaml12 import Key

_KEY = ("endpoint", "identity", "user_assigned_identities")


def resolve_identity(loaded: Loaded, environment: Mapping[str, str]) -> Loaded:
    """Fill in the ids of the endpoint's identity; raises RecipeInvalid placed at each that cannot be had.

    Both targets need them: the emulator keeps what an endpoint is made with, as Azure does.
    """
    endpoint = loaded.recipe.endpoint
    if endpoint is None or endpoint.identity is None:
        return loaded
    ids, diagnostics = [], []
    for index, text in enumerate(endpoint.identity.user_assigned_identities):
        found = _filled_in((*_KEY, index), text, environment)
        if isinstance(found, Mistake):
            diagnostics.append(loaded.source.place(found))
        else:
            ids.append(found)
    if diagnostics:
        raise invalid(loaded.source.path, diagnostics)
    identity = replace(endpoint.identity, user_assigned_identities=tuple(ids))
    recipe = replace(loaded.recipe, endpoint=replace(endpoint, identity=identity))
    return replace(loaded, recipe=recipe)


def _filled_in(key: Key, text: str, environment: Mapping[str, str]) -> str | Mistake:
    try:
        filled = interpolate(text, environment)
    except UnsetVariable as unset:
        return Mistake(key=key, code="env-unset", message=str(unset), mend=f"export {unset.name}")
    form = _form()
    if "${" in filled or not re.fullmatch(form["pattern"], filled):
        message = f"with its variables filled in, must be {form['x-rule']}"
        return Mistake(key=key, code="wrong-form", message=message, mend="check the variables")
    return filled


def _form() -> Mapping[str, str]:
    """Give the schema of an id, whose pattern lets pass what holds a reference."""
    section = read_schema("recipe.schema.json")["properties"]["endpoint"]["properties"]["identity"]
    form: Mapping[str, str] = section["properties"]["user_assigned_identities"]["items"]
    return form
