"""A YAML file beside recipes (a lock, prices): read as strictly as one, judged by rules of its own."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.errors import Diagnostic
from runner.load.source import Mistake, Source, from_problem
from runner.yaml12 import Document, Key, Position, Unreadable, Value, decode, parse, read_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What a file says, and where; `value` is None where anything is wrong, as `diagnostics` then tell."""

    value: dict[str, Value] | None = None
    places: Mapping[Key, Position] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()


def read(path: Path, judge: Callable[[dict[str, Value]], Iterable[Mistake]]) -> Read:
    """Read a file; its diagnostics are in the file's order, none that only follows from another."""
    try:
        content = read_bytes(path)
        text = decode(content)
    except Unreadable as unreadable:
        return Read(diagnostics=(from_problem(unreadable.problem, str(path)),))
    document = parse(text)
    source = Source(
        path=str(path),
        folder=path.resolve().parent,
        text=text,
        digest=hashlib.sha256(content).hexdigest(),
        positions=document.places,
        key_positions=document.key_places,
    )
    mistakes = judge(document.value) if document.value is not None else ()
    found = [from_problem(problem, source.path) for problem in document.problems]
    found += [source.place(mistake) for mistake in _certain(mistakes, document)]
    if not found:
        return Read(value=document.value, places=document.places)
    return Read(diagnostics=tuple(sorted(found, key=lambda each: (each.line, each.column))))


def _certain(mistakes: Iterable[Mistake], document: Document) -> Iterator[Mistake]:
    """Leave out what is concluded from a part that the reader had refused."""
    for mistake in mistakes:
        told = any(mistake.key[:length] in document.spoiled for length in range(len(mistake.key) + 1))
        concluded = mistake.code == "missing-key" and not document.complete
        if not told and not concluded:
            yield mistake
