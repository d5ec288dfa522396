"""What a recipe takes from the environment: `${env:NAME}`, where the schema marks a key with `x-env`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

from runner.load.source import Loaded, Mistake, invalid
from runner.recipe import Workspace
from runner.redact import redact, register
from runner.schema_files import read_schema
from runner.yaml12 import Key

REFERENCE = re.compile(r"\$\{env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")


# What names a secret, in a variable or a key.
SECRET_LIKE = re.compile(r"(?i)password|secret|token|credential|api_?key|access_?key|connection_?string")


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
    schema: Mapping[str, Any] = _schema()
    for part in key:
        inner = schema.get("items") if isinstance(part, int) else schema.get("properties", {}).get(part)
        inner = inner or schema.get("additionalProperties")
        if not isinstance(inner, dict):
            return False
        schema = inner
    return bool(schema.get("x-env"))


@cache
def _schema() -> Mapping[str, Any]:
    return read_schema("recipe.schema.json")


def resolve(loaded: Loaded, environment: Mapping[str, str], *, needed: bool) -> Loaded:
    """Fill in every reference outside the workspace section, which `resolve_workspace` does.

    With `needed`, one that is not set is an error; else it stays as it is written. A secret is refused: what
    a recipe says ends in tags and names that others may read. Raises RecipeInvalid with every mistake.
    """
    found: list[Mistake] = []
    sections = {field.name: getattr(loaded.recipe, field.name) for field in fields(loaded.recipe)}
    filled = {
        name: _filled((name,), value, environment, found)
        for name, value in sections.items()
        if name != "workspace"
    }
    mistakes = [mistake for mistake in found if needed or mistake.code != "env-unset"]
    if mistakes:
        raise invalid(loaded.source.path, loaded.source.in_order(map(loaded.source.place, mistakes)))
    return replace(loaded, recipe=replace(loaded.recipe, **filled))


def _filled(
    key: Key,
    value: Any,  # noqa: ANN401 - a value of any type gives one of the same type
    environment: Mapping[str, str],
    found: list[Mistake],
) -> Any:  # noqa: ANN401 - as above
    """Give a value with its references filled in; what is wrong with them is added to `found`."""
    if isinstance(value, str):
        return _text(key, value, environment, found)
    if isinstance(value, tuple):
        return tuple(_filled((*key, index), item, environment, found) for index, item in enumerate(value))
    if isinstance(value, Mapping):
        return {name: _filled((*key, name), item, environment, found) for name, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value)]
        return replace(
            value,
            **{name: _filled((*key, name), getattr(value, name), environment, found) for name in names},
        )
    return value


def _text(key: Key, text: str, environment: Mapping[str, str], found: list[Mistake]) -> str:
    if "${env:" not in text:
        return text
    secret = next(_secrets(text, environment), None)
    if secret is not None:
        message = f"takes a secret from the environment: {secret}"
        mend = "name a variable that holds no secret: what a recipe says can be read by others"
        found.append(Mistake(key=key, code="secret-from-environment", message=message, mend=mend))
        return text
    try:
        return interpolate(text, environment)
    except UnsetVariable as unset:
        mend = f"export {unset.name}"
        found.append(Mistake(key=key, code="env-unset", message=str(unset), mend=mend))
        return text


def _secrets(text: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Find variables that hold a secret, by name or by the value's shape; none is shown from then on."""
    for match in REFERENCE.finditer(text):
        name = match["name"]
        value = environment.get(name, "")
        if value and (SECRET_LIKE.search(name) or redact(value) != value):
            register(value)
            yield name


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
