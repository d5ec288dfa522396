"""What a run's recipe came to, by key, and where each value was from; as manifests of any age tell."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from runner.journal import Json
from runner.recipe import MEANT_BEFORE

# What stands before a comment: texts in quotes, which may hold a `#`, and whatever holds none.
_COMMENT = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^"#])*?  # (.*)')


def recorded_values(recipe: Mapping[str, Json], parameters: Json = ()) -> Mapping[str, Json] | None:
    """Give every value in force by its dotted key; None for a run that has not recorded them.

    Manifests from before they were told by key have them as one recipe, without the parameters that a recipe
    may not set; these are among the manifest's `parameters`.
    """
    values = recipe.get("values")
    if isinstance(values, Mapping):
        return _as_now(values)
    text = recipe.get("in_force")
    if not isinstance(text, str):
        return None
    # Only older manifests are read as YAML.
    from runner.yaml12 import parse  # noqa: PLC0415

    told = {key: value for key, value in leaves(parse(text).value or {}) if value is not None}
    return _as_now(told | parameter_values(parameters))


def _as_now(values: Mapping[str, Json]) -> Mapping[str, Json]:
    """Add what a dataset's section meant when it could not be said."""
    of_before = "dataset.train" in values and "dataset.sample" not in values
    return {**values, **MEANT_BEFORE} if of_before else values


def made_with(recipe: Mapping[str, Json], sweep: Json = None) -> tuple[str, ...]:
    """Give what was laid over a recipe, in the order it was: `profile dev`, `--set cleanup=never`.

    A point of a sweep is told as that, and not by the settings that it has become.
    """
    parts = recipe.get("parts")
    found = [each for each in parts if isinstance(each, Mapping)] if isinstance(parts, list) else []
    profiles = [PurePath(str(each.get("path"))) for each in found if each.get("kind") == "profile"]
    settings = [str(each.get("text")) for each in found if each.get("kind") == "--set"]
    point = []
    if isinstance(sweep, Mapping) and "sweep=null" in settings:
        settings = settings[: settings.index("sweep=null")]
        point = [f"point {sweep.get('index')} of sweep {sweep.get('id')}"]
    names = [f"profile {path.stem}" for path in profiles if path.parent.name == "profiles"]
    return (*names, *(f"--set {text}" for text in settings), *point)


def parameter_values(parameters: Json) -> dict[str, Json]:
    """Give a manifest's parameters by their dotted keys."""
    told = [each for each in parameters if isinstance(each, Mapping)] if isinstance(parameters, list) else []
    return {f"finetune.parameters.{each.get('name')}": each.get("value") for each in told}


def recorded_places(recipe: Mapping[str, Json]) -> Mapping[str, str]:
    """Give, by dotted key, where a value is from and what it overrode: `r.yaml:31`, `the schema`.

    Empty for a run that has not recorded it.
    """
    from runner.yaml12 import parse  # noqa: PLC0415 - as above

    text = str(recipe.get("in_force") or "")
    lines = text.split("\n")
    found = {}
    for key, position in parse(text).places.items():
        # YAML's lines end in more ways than one; a recipe in force as this program writes it has only this.
        comment = _COMMENT.match(lines[position.line - 1]) if key and position.line <= len(lines) else None
        if comment:
            found[".".join(str(part) for part in key)] = comment.group(1)
    return found


def leaves(tree: Mapping[str, Json], above: str = "") -> Iterator[tuple[str, Json]]:
    """Give the leaves of a tree by their dotted keys, what is null among them."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
