"""From a tree that has passed every check to the values it means."""

from collections.abc import Callable, Mapping
from typing import Any

from runner.recipe import (
    Baseline,
    Cleanup,
    Columns,
    Compute,
    Dataset,
    Deployment,
    Endpoint,
    Finetune,
    Identity,
    IdentityType,
    Limits,
    Model,
    OnPreempt,
    Probe,
    Recipe,
    Register,
    Retries,
    Sample,
    Sampling,
    Sweep,
    Tier,
    Workspace,
)


def build(tree: Mapping[str, Any]) -> Recipe:
    """Make the values, with what the schema says a section left out stands for."""
    values = {**tree, "experiment": tree.get("experiment", tree["name"])}
    for name, make in _SECTIONS.items():
        if name in values:
            values[name] = make(values[name])
    return Recipe(**values)


def _compute(section: dict[str, Any]) -> Compute:
    return Compute(**{**section, "tier": Tier(section.get("tier", Tier.DEDICATED))})


def _dataset(section: dict[str, Any]) -> Dataset:
    columns = Columns(**section.get("columns", {"messages": "messages"}))
    sample = Sampling(section.get("sample", Sampling.HEAD))
    percent = float(section.get("percent", 100))
    return Dataset(**{**section, "percent": percent, "sample": sample, "columns": columns})


def _with_probes(section: dict[str, Any]) -> dict[str, Any]:
    probes = ("liveness_probe", "readiness_probe")
    return section | {name: Probe(**section[name]) for name in probes if name in section}


def _endpoint(section: dict[str, Any]) -> Endpoint:
    if "identity" not in section:
        return Endpoint(**section)
    given = section["identity"]
    identity = Identity(
        type=IdentityType(given["type"]),
        user_assigned_identities=tuple(given.get("user_assigned_identities", ())),
    )
    return Endpoint(**{**section, "identity": identity})


def _model(section: dict[str, Any]) -> Model:
    return Model(**{**section, "version": str(section.get("version", "latest"))})


def _sweep(section: dict[str, Any]) -> Sweep:
    grid = {key: tuple(values) for key, values in section.get("grid", {}).items()}
    return Sweep(**{**section, "grid": grid, "points": tuple(section.get("points", ()))})


_SECTIONS: Mapping[str, Callable[[Any], object]] = {
    "workspace": lambda section: Workspace(**section),
    "model": _model,
    "compute": _compute,
    "dataset": _dataset,
    "finetune": lambda section: Finetune(**section),
    "register": lambda section: Register(**section),
    "endpoint": _endpoint,
    "baseline": lambda section: Baseline(**_with_probes(section)),
    "deployment": lambda section: Deployment(**_with_probes(section)),
    "sample": lambda section: Sample(**section),
    "sweep": _sweep,
    "limits": lambda section: Limits(**section),
    "on_preempt": OnPreempt,
    "retries": lambda section: Retries(**section),
    "cleanup": Cleanup,
}
