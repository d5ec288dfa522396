"""Several runs beside each other: only what differs, and their figures with the best of each marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from runner.compare import Difference, Side
from runner.manifest import Manifest
from runner.metric_table import BASE_LOSS, LOSSES
from runner.report.wording import number, value

# What is better the more there is of it; the other figures are losses, and memory.
_MORE_IS_BETTER = ("per_second",)
_JUDGED = (*LOSSES, "train_tokens_per_second", "peak_memory_mib")
_ABSENT = "–"  # noqa: RUF001 - a dash stands for nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One value in which the sides differ, as each says it."""

    key: str
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The differences of one section."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One metric of every run; `best` tells of which of them it is the best."""

    metric: str
    cells: tuple[tuple[str, bool], ...]


def names(sides: Sequence[Side]) -> tuple[str, ...]:
    """Name the columns; two sides of one name are told apart by their places."""
    said = [side.name for side in sides]
    return tuple(
        name if said.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(said, start=1)
    )


def groups(differences: Sequence[Difference]) -> tuple[Group, ...]:
    """Give the differences by section, in their order."""
    return tuple(
        Group(title=section.value, lines=tuple(_line(each) for each in found))
        for section, found in groupby(differences, key=lambda each: each.section)
    )


def figures(runs: Sequence[Manifest]) -> tuple[Figure, ...]:
    """Give the metrics that are worth comparing, those of them that any run has."""
    found = [run.steps["finetune"].metrics if "finetune" in run.steps else {} for run in runs]
    told = [name for name in (BASE_LOSS, *_JUDGED) if any(name in each for each in found)]
    return tuple(_figure(name, [each.get(name) for each in found]) for name in told)


def _line(difference: Difference) -> Line:
    cells = tuple(_ABSENT if each is None else value(each) for each in difference.values)
    return Line(key=difference.key, cells=cells)


def _figure(metric: str, values: Sequence[float | None]) -> Figure:
    known = [each for each in values if each is not None]
    more = any(word in metric for word in _MORE_IS_BETTER)
    best = (max if more else min)(known) if metric in _JUDGED and len(set(known)) > 1 else None
    cells = tuple(
        (_ABSENT if each is None else number(each), best is not None and each == best) for each in values
    )
    return Figure(metric=metric, cells=cells)
