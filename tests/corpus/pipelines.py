"""The same kinds of mistakes in a pipeline of DVC, as far as they are mistakes there.

Tags, merge keys, no-break spaces and typographic quotes are left out: DVC reads them as YAML does.
"""

import random
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from tests.corpus import characters, keys, layout
from tests.corpus.entries import Entry
from tests.corpus.generation import pick
from tests.corpus.slip import Edit, Expected, Kind, Slip, Wrong, wrong
from tests.corpus.source import Source, source
from tests.corpus.writing import at_key, at_value, deletion, inserted, typo

FOLDER = Path(__file__).parent / "dvc"
SEED = 20261121

_MAKERS = (*layout.MAKERS, *characters.MAKERS, *keys.MAKERS)
_SHARED = frozenset(
    {
        Kind.DUPLICATE_KEY,
        Kind.INDENT_MORE,
        Kind.INDENT_LESS,
        Kind.TAB,
        Kind.OPEN_BRACKET,
        Kind.OPEN_QUOTE,
        Kind.NO_SPACE,
        Kind.NO_COLON,
        Kind.SECOND_COLON,
        Kind.BAD_START,
        Kind.UNKNOWN_ALIAS,
        Kind.SECOND_DOCUMENT,
        Kind.CONFLICT,
        Kind.LATIN_1,
        Kind.NUL,
    }
)
_COMBINED = (Kind.KEY_TYPO, Kind.UNKNOWN_KEY, Kind.MISSING_KEY, Kind.WRONG_TYPE)
_STAGE_DEPTH = 3
_WRONG = {
    "cmd": ("{a: b}", "7", "true"),
    "desc": ("[a, b]", "7", "{a: b}"),
    "wdir": ("[src]", "7", "{a: b}"),
    "deps": ("text", "7", "{a: b}"),
    "outs": ("text", "7", "true"),
    "metrics": ("text", "7"),
    "frozen": ("text", "7", "[true]"),
    "always_changed": ("'true'", "no", "1"),
    "path": ("[a]", "7"),
    "type": ("[a]", "{a: b}"),
}


@cache
def pipeline() -> Source:
    """Read the valid pipeline."""
    path = FOLDER / "dvc.yaml"
    return source("dvc", path, path.read_text(encoding="utf-8"))


@cache
def every_slip() -> tuple[Slip, ...]:
    """Make every mistake there is to make in the pipeline."""
    chance = random.Random(SEED)  # noqa: S311 - the same files each time is the point
    shared = (slip for make in _MAKERS for slip in make(pipeline(), chance))
    made = [slip for slip in shared if slip.kind in _SHARED]
    made += [slip for make in (_typos, _unknown, _missing, _types, _references) for slip in make(chance)]
    return tuple(made)


@cache
def single(of_each: int) -> tuple[Wrong, ...]:
    """Pick so many files of each kind with one mistake."""
    chance = random.Random(SEED)  # noqa: S311 - as above
    kinds = sorted({slip.kind for slip in every_slip()}, key=list(Kind).index)
    return tuple(wrong([slip]) for kind in kinds for slip in pick(_of_kind(kind), of_each, chance))


@cache
def several(count: int) -> tuple[Wrong, ...]:
    """Make files with two to four mistakes, each in a stage of its own."""
    chance = random.Random(SEED)  # noqa: S311 - as above
    return tuple(wrong(_together(chance, 2 + number % 3)) for number in range(count))


def _of_kind(kind: Kind) -> list[Slip]:
    return [slip for slip in every_slip() if slip.kind is kind]


def _together(chance: random.Random, count: int) -> Sequence[Slip]:
    found: dict[str, Slip] = {}
    while len(found) < count:
        slip = chance.choice(_of_kind(chance.choice(_COMBINED)))
        found.setdefault(_stage(slip), slip)
    return list(found.values())


def _stage(slip: Slip) -> str:
    """Name the stage, or the artifact, that a mistake is in."""
    of = pipeline()
    inside = [entry for entry in of.mappings() if len(entry.path) == _STAGE_DEPTH - 1]
    return min(inside, key=lambda entry: abs(of.line_end(entry.value.end - 1) - slip.start)).name


def _typos(chance: random.Random) -> Iterator[Slip]:
    for entry in _settings():
        yield at_key(Kind.KEY_TYPO, pipeline(), entry, typo(entry.name, chance), "")


def _unknown(_chance: random.Random) -> Iterator[Slip]:
    for mapping in pipeline().below(("stages",)):
        for line in ("retries: 3", "gpus: 1", "instance_type: Standard_NC6"):
            yield inserted(Kind.UNKNOWN_KEY, pipeline(), mapping.path, line, "")


def _missing(_chance: random.Random) -> Iterator[Slip]:
    """Leave the command out: told at the stage, which begins with the next key then."""
    of = pipeline()
    for mapping in of.below(("stages",)):
        entry = of.at(*mapping.path, "cmd")
        assert entry is not None
        after = of.below(mapping.path)[1].key.start
        yield Slip(
            kind=Kind.MISSING_KEY,
            source=of,
            edits=(deletion(of, entry),),
            expected=(Expected(after, ""),),
        )


def _types(_chance: random.Random) -> Iterator[Slip]:
    for entry in _settings():
        for text in _WRONG[entry.name]:
            yield at_value(Kind.WRONG_TYPE, pipeline(), entry, text, "")


def _references(chance: random.Random) -> Iterator[Slip]:
    """Misspell what a command takes from the parameters: DVC's counterpart of an unknown parameter."""
    of = pipeline()
    for entry in of.scalars():
        value = of.value(entry)
        for part in ("prepare.rows", "train.rate", "score.rows", "seed"):
            place = value.find(f"{{{part}}}")
            if place >= 0:
                start = entry.value.start + place + 1
                for _ in range(3):
                    edit = Edit(start, start + len(part), typo(part, chance))
                    expected = (Expected(entry.value.start, ""),)
                    yield Slip(kind=Kind.UNKNOWN_PARAMETER, source=of, edits=(edit,), expected=expected)


def _settings() -> list[Entry]:
    """Give the keys of stages and artifacts."""
    return [entry for entry in pipeline().scalars() if len(entry.path) == _STAGE_DEPTH]
