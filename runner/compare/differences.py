"""The values in which sides differ, and none in which they agree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from runner.compare.side import Section, Side
from runner.journal import Json

_CLUSTER, _OF_THE_CLUSTER = "compute.name", "finetune.parameters.compute_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One value: what each side says, in the order of the sides; None where a side does not say."""

    section: Section
    key: str
    values: tuple[Json, ...]


def differences(sides: Sequence[Side], *, measured: bool = False) -> tuple[Difference, ...]:
    """Give every value in which not all sides agree, among the sections that all of them have.

    How fast the trainings were is told only with `measured`: it is never the same.
    """
    told = tuple(each for each in Section if measured or each is not Section.MEASURED)
    return tuple(_walked(sides, told))


def told_once(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """Leave out the parameters that follow from the cluster's name where that is told itself."""
    names = next(
        (each.values for each in found if each.key == _CLUSTER and each.section is Section.RECIPE), None
    )
    return tuple(
        each
        for each in found
        if not (
            each.section is Section.RECIPE and each.key.startswith(_OF_THE_CLUSTER) and each.values == names
        )
    )


def lacking(sides: Sequence[Side]) -> Mapping[Section, tuple[str, ...]]:
    """Give, by section, the sides that do not have one which another has: it could not be compared."""
    without = {each: tuple(side.name for side in sides if each not in side.sections) for each in Section}
    return {each: names for each, names in without.items() if 0 < len(names) < len(sides)}


def not_compared(sides: Sequence[Side]) -> Mapping[tuple[str, ...], tuple[Section, ...]]:
    """Give the same by those that lack them, each combination of sides once."""
    by_names: dict[tuple[str, ...], tuple[Section, ...]] = {}
    for section, names in lacking(sides).items():
        by_names[names] = (*by_names.get(names, ()), section)
    return by_names


def _walked(sides: Sequence[Side], sections: Sequence[Section]) -> Iterator[Difference]:
    for section in sections:
        told = [side.sections[section] for side in sides if section in side.sections]
        if len(told) < len(sides):
            continue
        for key in dict.fromkeys(key for each in told for key in each):
            values = tuple(each.get(key) for each in told)
            if not all(_is_same(value, values[0]) for value in values[1:]):
                yield Difference(section=section, key=key, values=values)


def _is_same(one: Json, other: Json) -> bool:
    """Compare values: 1 and 1.0 are the same number, but true is none, and "16" no 16."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
