"""From a lock's file to the lock it is, or to everything that is wrong with it, each at its place."""

import hashlib
from pathlib import Path
from typing import Any, cast

from runner.errors import Diagnostic, LockInvalid, UsageError
from runner.facts import TargetKind
from runner.load.shape import schema_mistakes
from runner.load.source import Source, from_problem
from runner.pins.lock import Lock
from runner.pins.values import from_json
from runner.yaml12 import Document, Unreadable, decode, parse, read_bytes

_SCHEMA = "lock.schema.json"


def read(path: Path, recipe: Path) -> Lock:
    """Read the lock of a recipe. Raises UsageError where there is none, else LockInvalid."""
    if not path.exists():
        raise UsageError(f"there is no lock {path}", hint=f"runner lock {recipe} makes it")
    try:
        content = read_bytes(path)
        text = decode(content)
    except Unreadable as unreadable:
        raise _invalid(path, recipe, [from_problem(unreadable.problem, str(path))]) from unreadable
    document = parse(text)
    diagnostics = _diagnostics(document, _source(path, content, text, document))
    if document.value is None or diagnostics:
        raise _invalid(path, recipe, diagnostics)
    return _built(path, document)


def _invalid(path: Path, recipe: Path, diagnostics: list[Diagnostic]) -> LockInvalid:
    return LockInvalid(
        f"{path} is not a lock as this program writes it",
        tuple(diagnostics),
        hint=f"take it from git as it was, or make it anew: runner lock {recipe}",
    )


def _source(path: Path, content: bytes, text: str, document: Document) -> Source:
    return Source(
        path=str(path),
        folder=path.resolve().parent,
        text=text,
        digest=hashlib.sha256(content).hexdigest(),
        positions=document.places,
        key_positions=document.key_places,
    )


def _diagnostics(document: Document, source: Source) -> list[Diagnostic]:
    found = [from_problem(problem, source.path) for problem in document.problems]
    for mistake in schema_mistakes(document.value, _SCHEMA) if document.value is not None else ():
        told = any(mistake.key[:length] in document.spoiled for length in range(len(mistake.key) + 1))
        concluded = mistake.code == "missing-key" and not document.complete
        if not told and not concluded:
            found.append(source.place(mistake))
    return sorted(found, key=lambda diagnostic: (diagnostic.line, diagnostic.column))


def _built(path: Path, document: Document) -> Lock:
    """Make the lock; the schema has been seen to hold."""
    said = cast("dict[str, Any]", document.value)
    return Lock(
        target=TargetKind(said["target"]),
        recipe=said["recipe"],
        pins=from_json(said),
        versions=said["versions"],
        options=said.get("options", ""),
        path=str(path),
        positions=document.places,
    )
