"""What a lock came to, in words."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from runner import pins
from runner.console import texts
from runner.journal import Json
from runner.pins import DatasetPin, Lock


def value(path: Path, lock: Lock) -> Mapping[str, Json]:
    """Give a lock as JSON."""
    return {
        "lock": str(path),
        "target": lock.target.value,
        "options": lock.options or None,
        "recipe": dict(lock.recipe),
        "pins": pins.as_json(lock.pins),
        "versions": dict(lock.versions),
    }


def text(path: Path, lock: Lock) -> Iterator[str]:
    """Give a lock for people: what of it can move."""
    yield f"{path} is written, on {texts.where(lock.target)}; commit it"
    if lock.pins.model:
        yield f"  model      {lock.pins.model.id}"
    if lock.pins.component:
        yield f"  component  {lock.pins.component.id}"
    if lock.pins.dataset:
        yield f"  dataset    {_rows(lock.pins.dataset)}"


def _rows(dataset: DatasetPin) -> str:
    at = f" at {dataset.revision}" if dataset.revision else ""
    counted = ", ".join(f"{file.rows} {role} rows" for role, file in dataset.files.items())
    return f"{dataset.source}{at}{': ' if counted else ''}{counted}"
