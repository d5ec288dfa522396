"""Picks the corpus: single mistakes of every kind, and files with several of them."""

import random
from collections.abc import Sequence
from functools import cache

from tests.corpus import characters, keys, layout, parameters, sections, values
from tests.corpus.slip import Kind, Slip, Wrong, wrong
from tests.corpus.source import Source, sources

SEED = 20261121
OF_EACH_KIND = 24
SEVERAL = 160

_MAKERS = (
    *keys.MAKERS,
    *values.MAKERS,
    *sections.MAKERS,
    *parameters.MAKERS,
    *layout.MAKERS,
    *characters.MAKERS,
)

# Kinds that hide nothing of the rest of the file, and say nothing of other sections.
_COMPATIBLE = frozenset(
    {
        Kind.KEY_TYPO,
        Kind.UNKNOWN_KEY,
        Kind.MISPLACED_KEY,
        Kind.MISSING_KEY,
        Kind.BAD_KEY,
        Kind.DUPLICATE_KEY,
        Kind.WRONG_TYPE,
        Kind.EMPTY_VALUE,
        Kind.NOT_ALLOWED,
        Kind.OUT_OF_RANGE,
        Kind.WRONG_FORM,
        Kind.TOO_LONG,
        Kind.BAD_REFERENCE,
        Kind.SECRET,
        Kind.UNKNOWN_PARAMETER,
        Kind.PARAMETER_TYPE,
        Kind.PARAMETER_VALUE,
        Kind.PARAMETER_RANGE,
        Kind.DERIVED_PARAMETER,
        Kind.TAG,
        Kind.UNKNOWN_ALIAS,
        Kind.NOT_A_NUMBER,
        Kind.HUGE_NUMBER,
        Kind.SMART_QUOTES,
    }
)


@cache
def every_slip() -> tuple[Slip, ...]:
    """Make every mistake that the makers know, of every recipe."""
    chance = random.Random(SEED)  # noqa: S311 - the same corpus each time is the point
    return tuple(slip for source in sources() for make in _MAKERS for slip in make(source, chance))


@cache
def single(of_each: int = OF_EACH_KIND) -> tuple[Wrong, ...]:
    """Pick so many files of each kind with one mistake, out of all recipes."""
    chance = random.Random(SEED)  # noqa: S311 - as above
    return tuple(wrong([slip]) for kind in Kind for slip in pick(_of_kind(kind), of_each, chance))


@cache
def several(count: int = SEVERAL) -> tuple[Wrong, ...]:
    """Make files with two to six mistakes, each in a section of its own."""
    chance = random.Random(SEED)  # noqa: S311 - as above
    return tuple(wrong(_together(chance, chance.choice(sources()), 2 + n % 5)) for n in range(count))


def _of_kind(kind: Kind) -> list[Slip]:
    return [slip for slip in every_slip() if slip.kind is kind]


def pick(slips: Sequence[Slip], count: int, chance: random.Random) -> list[Slip]:
    """Draw so many, or all if there are fewer."""
    return chance.sample(slips, k=min(count, len(slips)))


def _together(chance: random.Random, source: Source, count: int) -> list[Slip]:
    found: list[Slip] = []
    usable = _combinable(source.name)
    while len(found) < count:
        kind = chance.choice(sorted({slip.kind for slip in usable}))
        slip = chance.choice([each for each in usable if each.kind is kind])
        if all(slip.section != other.section for other in found):
            found.append(slip)
    return found


@cache
def _combinable(name: str) -> tuple[Slip, ...]:
    """Keep what changes something within a section of a recipe, not the section as a whole."""
    slips = (slip for slip in every_slip() if slip.source.name == name and slip.kind in _COMPATIBLE)
    return tuple(slip for slip in slips if _is_within(slip))


def _is_within(slip: Slip) -> bool:
    section = slip.source.at(slip.section)
    if section is None or section.is_scalar:
        return False
    inside = range(section.value.start, section.value.end + 1)
    return all(
        edit.start in inside or edit.start == slip.source.line_end(section.value.end - 1)
        for edit in slip.edits
    )
