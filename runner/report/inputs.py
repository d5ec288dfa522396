"""What a run was given: its parameters with their origins, and what its rows were."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from runner.journal import Json
from runner.manifest import Manifest
from runner.parameters import Origin
from runner.report.wording import count, size, value

# How the step of the rows tells it.
_LEFT_OUT = re.compile(r"[0-9,]+ bad rows? left out of ")
# What somebody chose; the rest is the component's own.
_CHOSEN = (Origin.RECIPE, Origin.MODEL_DEFAULT, Origin.DERIVED)
_HEADS: Mapping[str, str] = {
    "rows": "rows",
    "source_rows": "of rows in the source",
    "turns": "turns",
    "characters": "characters",
    "bytes": "bytes",
    "sha256": "SHA-256",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One parameter in force and who gave it."""

    name: str
    value: str
    origin: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The parameters: those that somebody chose, and the component's defaults."""

    changed: tuple[Setting, ...]
    defaults: tuple[Setting, ...]


def settings(said: Manifest) -> Settings:
    """Sort the parameters by who gave them; a manifest of another version may lack a detail."""
    given = list(said.parameters)
    chosen = [each for origin in _CHOSEN for each in given if each["origin"] == origin.value]
    rest = [each for each in given if each["origin"] not in {origin.value for origin in _CHOSEN}]
    return Settings(changed=tuple(map(_setting, chosen)), defaults=tuple(map(_setting, rest)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table whose columns depend on what is known."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def data(said: Manifest) -> Table:
    """Tell what is known of the rows by role; a column that nobody counted is left out."""
    step = said.steps.get("dataset")
    assets: Mapping[str, Mapping[str, Json]] = (step.intent.get("assets") or {}) if step else {}
    known = [key for key in _HEADS if any(asset.get(key) is not None for asset in assets.values())]
    rows = tuple((role, *(_cell(key, asset.get(key)) for key in known)) for role, asset in assets.items())
    return Table(head=("role", *(_HEADS[key] for key in known)), rows=rows)


def warnings(said: Manifest) -> tuple[str, ...]:
    """Give what was found odd in the rows; what was left out of them has a table of its own."""
    step = said.steps.get("dataset")
    told = map(str, step.intent.get("warnings") or ()) if step else ()
    return tuple(each for each in told if not _LEFT_OUT.match(each))


def _setting(each: Mapping[str, Json]) -> Setting:
    return Setting(
        name=str(each["name"]),
        value=value(each["value"]),
        origin=str(each["origin"]).replace("_", " "),
        detail=str(each.get("detail", "")),
    )


def _cell(key: str, given: Json) -> str:
    if key == "bytes":
        return size(given)
    return value(given) if key == "sha256" else count(given)
