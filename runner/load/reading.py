"""From a file to a Recipe, or to everything that is wrong with it.

The YAML, the schema and the rules between sections are checked in one pass: a mistake of one kind never
hides one of another where it can still be seen.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from runner.errors import Diagnostic, Severity
from runner.load.building import build
from runner.load.rules import rule_mistakes
from runner.load.shape import schema_mistakes
from runner.load.source import Loaded, Mistake, Source, from_problem, invalid
from runner.load.texts import misplaced_references, secrets
from runner.yaml12 import Document, Key, Unreadable, decode, parse, read_bytes

# What is concluded from something not being there; not to be said of a file that was read in part.
_FROM_ABSENCE = frozenset(
    {"missing-key", "needs-section", "one-source", "workspace-incomplete", "traffic-sum"}
)


def load(path: Path) -> Loaded:
    """Read a recipe. Raises RecipeInvalid with every diagnostic, in the order of the file."""
    try:
        content = read_bytes(path)
    except Unreadable as unreadable:
        raise invalid(str(path), [from_problem(unreadable.problem, str(path))]) from unreadable
    return load_bytes(content, path)


def load_bytes(content: bytes, path: Path) -> Loaded:
    """Do as `load` does with a recipe that was read before, such as the one kept in a manifest.

    `path` says where it came from; no file need be there any more.
    """
    try:
        text = decode(content)
    except Unreadable as unreadable:
        raise invalid(str(path), [from_problem(unreadable.problem, str(path))]) from unreadable
    document = parse(text)
    source = _source(path, content, text, document)
    diagnostics = sorted(_diagnostics(document, source), key=_place)
    if document.value is None or any(found.severity is Severity.ERROR for found in diagnostics):
        raise invalid(source.path, diagnostics)
    return Loaded(recipe=build(document.value), source=source, notices=tuple(diagnostics))


def _source(path: Path, content: bytes, text: str, document: Document) -> Source:
    return Source(
        path=str(path),
        folder=path.resolve().parent,
        text=text,
        digest=hashlib.sha256(content).hexdigest(),
        positions=document.places,
        key_positions=document.key_places,
    )


def _diagnostics(document: Document, source: Source) -> Iterator[Diagnostic]:
    for problem in document.problems:
        yield from_problem(problem, source.path)
    for mistake in _mistakes(document):
        if not _is_under(_judged(mistake), document.spoiled):
            yield source.place(mistake)


def _mistakes(document: Document) -> Iterator[Mistake]:
    """Find what is wrong with a tree; a text that must go is not judged by its form as well."""
    if document.value is None:
        return
    of_texts = [*misplaced_references(document.value), *secrets(document.value)]
    yield from of_texts
    spoken_of = {mistake.key for mistake in of_texts}
    for mistake in [*schema_mistakes(document.value), *rule_mistakes(document.value)]:
        certain = document.complete or mistake.code not in _FROM_ABSENCE
        if certain and (mistake.at_key or mistake.key not in spoken_of):
            yield mistake


def _judged(mistake: Mistake) -> Key:
    """Give the path of what is judged: a key is right or wrong whatever its value is."""
    return mistake.key[:-1] if mistake.at_key else mistake.key


def _is_under(key: Key, paths: frozenset[Key]) -> bool:
    return any(key[:length] in paths for length in range(len(key) + 1))


def _place(diagnostic: Diagnostic) -> tuple[int, int]:
    return diagnostic.line, diagnostic.column
