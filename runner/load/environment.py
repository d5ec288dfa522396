"""What a recipe takes from the environment: `${env:NAME}`, filled in here for the workspace section."""

import re
from collections.abc import Mapping
from dataclasses import fields, replace

from runner.load.source import Loaded, invalid
from runner.recipe import Workspace

REFERENCE = re.compile(r"\$\{env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")


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
