"""A run's manifest as flat facts by key, typed as JSON has them."""

import math
import re
from collections.abc import Mapping
from datetime import datetime

from runner.journal import Json
from runner.manifest.values import leaves, made_with, parameter_values, recorded_values
from runner.metric_table import LOSSES

Fact = str | int | float | bool | tuple[str, ...]

# What stands for a run's status where its manifest does not tell it.
DAMAGED, LATER, MISSING = "damaged", "later format", "no manifest"

# The loss on rows that were not trained on, by what the target logs of it.
_LOSSES = LOSSES[:2]
_BEGAN = re.compile(r"\A(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z-")


def facts_of(folder: str, read: Mapping[str, Json]) -> dict[str, Fact]:
    """Give what a manifest tells; what it does not is left out, and what it tells otherwise is no error."""
    recipe, metrics = _mapping(read.get("recipe")), _metrics(read)
    parameters = read.get("parameters")
    values = recorded_values(recipe, parameters)
    told: dict[str, Json] = dict(parameter_values(parameters) if values is None else values)
    told |= {f"metrics.{name}": value for name, value in metrics.items()}
    told |= dict(leaves(_mapping(read.get("pins")), "pins."))
    told |= _of_the_run(read, recipe) | _loss(metrics) | {"id": _text(read.get("run_id")) or folder}
    return {key: fact for key, value in told.items() if (fact := _fact(value)) is not None}


def facts_without(folder: str, status: str) -> dict[str, Fact]:
    """Give what is known of a run whose manifest cannot be read: what its id says."""
    began = _BEGAN.match(folder)
    started = {"started": "{}-{}-{}T{}:{}:{}.000Z".format(*began.groups())} if began else {}
    return {"id": folder, "status": status, **started}


def _of_the_run(read: Mapping[str, Json], recipe: Mapping[str, Json]) -> dict[str, Json]:
    alive = read.get("alive")
    resources = [_mapping(each) for each in alive] if isinstance(alive, list) else []
    return {
        "name": recipe.get("name"),
        "status": read.get("status"),
        "started": read.get("started"),
        "ended": read.get("ended"),
        "duration": _seconds(read.get("started"), read.get("ended")),
        "target": _mapping(read.get("target")).get("kind"),
        "parent": _mapping(read.get("parent")).get("run_id"),
        "sweep": _mapping(read.get("sweep")).get("id"),
        "settings": ", ".join(made_with(recipe, read.get("sweep"))) or None,
        "alive": [f"{each.get('kind')} {each.get('name')}" for each in resources],
    }


def _metrics(read: Mapping[str, Json]) -> Mapping[str, Json]:
    return _mapping(_mapping(_mapping(read.get("steps")).get("finetune")).get("metrics"))


def _loss(metrics: Mapping[str, Json]) -> dict[str, Json]:
    name = next((each for each in _LOSSES if each in metrics), None)
    return {"loss": metrics[name], "loss_metric": name} if name else {}


def _seconds(started: Json, ended: Json) -> float | None:
    try:
        return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()
    except (TypeError, ValueError):
        return None


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _fact(value: Json) -> Fact | None:
    if isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return tuple(str(each) for each in value) if isinstance(value, list) else None
