"""What layers come to as one tree, and everything that is wrong with it.

The YAML, the schema and the rules between sections are checked in one pass: a mistake of one kind never
hides one of another where it can still be seen.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path

from runner.errors import Diagnostic
from runner.load.layers import Layer, Layers
from runner.load.merging import Merged, merge
from runner.load.rules import rule_mistakes
from runner.load.shape import schema_mistakes
from runner.load.source import Mistake, Part, Source, diagnostic_at, from_problem
from runner.load.texts import secrets, text_mistakes
from runner.yaml12 import START, Document, Key

# What is concluded from something not being there; not to be said of a file that was read in part.
_FROM_ABSENCE = frozenset(
    {"missing-key", "needs-section", "one-source", "workspace-incomplete", "traffic-sum", "no-points"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What layers come to, and all that was found in it, in the order of the files."""

    document: Document
    source: Source
    found: tuple[Diagnostic, ...]


def judge(recipe: Layer, read: Layers, layers: Sequence[Layer]) -> Judged:
    """Merge the layers of a recipe, and check what they come to."""
    merged = merge(layers)
    if read.diagnostics:  # of a file that could not be had, nothing follows from what is not there
        merged = replace(merged, document=replace(merged.document, complete=False))
    source = _source(recipe, read.folder, layers, merged)
    found = dict.fromkeys([*read.diagnostics, *_diagnostics(merged.document, layers, source)])
    return Judged(document=merged.document, source=source, found=source.in_order(found))


def _source(recipe: Layer, folder: Path, layers: Sequence[Layer], merged: Merged) -> Source:
    return Source(
        path=recipe.path,
        folder=folder,
        text=recipe.text,
        digest=recipe.digest,
        positions=merged.document.places,
        key_positions=merged.document.key_places,
        paths=merged.paths,
        parts=tuple(
            Part(kind=layer.kind.value, path=layer.path, text=layer.text, sha256=layer.digest)
            for layer in layers
        ),
        overridden=merged.overridden,
        tree=merged.document.value or {},
    )


def _diagnostics(document: Document, layers: Sequence[Layer], source: Source) -> Iterator[Diagnostic]:
    for layer in layers:
        for problem in layer.document.problems:
            yield from_problem(problem, layer.path)
        if len(layers) > 1:
            yield from _overridden_secrets(layer, source)
    for mistake in _mistakes(document):
        if not _is_under(_judged(mistake), document.spoiled):
            yield source.place(mistake)


def _overridden_secrets(layer: Layer, source: Source) -> Iterator[Diagnostic]:
    """Find secrets that another layer covers: they are in the file all the same."""
    for mistake in secrets(layer.document.value):
        if source.path_of(mistake.key) != layer.path:
            position = layer.document.places.get(mistake.key, START)
            yield diagnostic_at(mistake, layer.path, position)


def _mistakes(document: Document) -> Iterator[Mistake]:
    """Find what is wrong with a tree, once: a text that must go is not judged by its form as well.

    Nor does a rule judge what is not even of the right shape; a name that cannot be one is told as a name,
    with the one that was likely meant.
    """
    if document.value is None:
        return
    of_texts = list(text_mistakes(document.value))
    of_shape = schema_mistakes(document.value)
    of_rules = list(rule_mistakes(document.value))
    meant = {mistake.key: mistake.mend for mistake in of_rules if mistake.code == "unknown-parameter"}
    named = [replace(each, mend=each.mend or meant.get(each.key, "")) for each in of_shape]
    yield from of_texts
    spoken_of = {mistake.key for mistake in of_texts}
    yield from (each for each in named if _counts(each, document, spoken_of))
    spoken_of |= {mistake.key for mistake in of_shape if not mistake.at_key}
    misnamed = {mistake.key for mistake in of_shape if mistake.code == "bad-key"}
    for mistake in of_rules:
        told = mistake.code == "unknown-parameter" and mistake.key in misnamed
        if not told and _counts(mistake, document, spoken_of):
            yield mistake


def _counts(mistake: Mistake, document: Document, spoken_of: AbstractSet[Key]) -> bool:
    certain = document.complete or mistake.code not in _FROM_ABSENCE
    return certain and (mistake.at_key or mistake.key not in spoken_of)


def _judged(mistake: Mistake) -> Key:
    """Give the path of what is judged: a key is right or wrong whatever its value is."""
    return mistake.key[:-1] if mistake.at_key else mistake.key


def _is_under(key: Key, paths: frozenset[Key]) -> bool:
    return any(key[:length] in paths for length in range(len(key) + 1))
