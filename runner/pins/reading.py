"""From a lock's file to the lock it is, or to everything that is wrong with it, each at its place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.errors import Diagnostic, LockInvalid, UsageError
from runner.facts import TargetKind
from runner.load import alone
from runner.load.shape import schema_mistakes
from runner.pins.lock import Lock
from runner.pins.values import from_json
from runner.yaml12 import Key, Position

_SCHEMA = "lock.schema.json"


def read(path: Path, recipe: Path) -> Lock:
    """Read the lock of a recipe. Raises UsageError where there is none, else LockInvalid."""
    if not path.exists():
        raise UsageError(f"there is no lock {path}", hint=f"runner lock {recipe} makes it")
    found = alone.read(path, lambda value: schema_mistakes(value, _SCHEMA))
    if found.value is None:
        raise _invalid(path, recipe, found.diagnostics)
    return _built(path, found.value, found.places)


def _invalid(path: Path, recipe: Path, diagnostics: tuple[Diagnostic, ...]) -> LockInvalid:
    return LockInvalid(
        f"{path} is not a lock as this program writes it",
        diagnostics,
        hint=f"take it from git as it was, or make it anew: runner lock {recipe}",
    )


def _built(path: Path, said: Mapping[str, Any], places: Mapping[Key, Position]) -> Lock:
    """Make the lock; the schema has been seen to hold."""
    return Lock(
        target=TargetKind(said["target"]),
        recipe=said["recipe"],
        pins=from_json(said),
        versions=said["versions"],
        options=said.get("options", ""),
        path=str(path),
        positions=places,
    )
