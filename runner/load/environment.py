"""What a recipe takes from the environment: `${env:NAME}`, where the schema marks a key with `x-env`."""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any

from runner.load.source import Loaded, invalid
from runner.recipe import Workspace
from runner.schema_files import read_schema
from runner.yaml12 import Key

REFERENCE = re.compile(r"\$\{env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")


# What names a secret, in a variable or a key.
SECRET_LIKE = re.compile(
    r"(?i)passw(or)?d|pwd|secret|(^|[_-])tokens?($|[_-])|credential|connection_?string"
    r"|(^|[_-])(keys?|sas|pat)($|[_-])|(api|access|account)_?key"
)


class UnsetVariable(Exception):
    """A text asks for a variable that the environment does not have."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the environment variable {name} is not set")
        self.name = name


def interpolate(text: str, environment: Mapping[str, str]) -> str:
    """Fill in every `${env:NAME}`. Raises UnsetVariable; an empty variable counts as unset."""

    def value(match: re.Match[str]) -> str:
        found = environment.get(match["name"], "")
        if not found:
            raise UnsetVariable(match["name"])
        return found

    return REFERENCE.sub(value, text)


def takes_reference(key: Key) -> bool:
    """Tell whether the schema lets this value come from the environment."""
    return bool(schema_of(key).get("x-env"))


def schema_of(key: Key) -> Mapping[str, Any]:
    """Give the part of the recipe's schema that a value has to follow; an empty one where there is none."""
    schema: Mapping[str, Any] = _schema()
    for part in key:
        inner = schema.get("items") if isinstance(part, int) else schema.get("properties", {}).get(part)
        inner = inner or schema.get("additionalProperties")
        if not isinstance(inner, dict):
            return {}
        schema = inner
    return schema


@cache
def _schema() -> Mapping[str, Any]:
    return read_schema("recipe.schema.json")


def resolve_workspace(loaded: Loaded, environment: Mapping[str, str]) -> Workspace:
    """Fill in the workspace section; raises RecipeInvalid placed at each value that cannot be had.

    Only for a recipe that has the section: ValueError for one that has not.
    """
    workspace = loaded.recipe.workspace
    if workspace is None:
        raise ValueError("the recipe has no workspace section")
    values: dict[str, str] = {}
    diagnostics = []
    for field in fields(workspace):
        text = getattr(workspace, field.name)
        try:
            if text is not None:
                values[field.name] = interpolate(text, environment)
        except UnsetVariable as unset:
            mend = f"export {unset.name}, or run with --target emulator"
            diagnostics.append(
                loaded.source.diagnostic(
                    ("workspace", field.name), code="env-unset", message=str(unset), mend=mend
                )
            )
    if diagnostics:
        raise invalid(loaded.source.path, diagnostics)
    return replace(workspace, **values)
