"""Several runs beside each other: only what differs, and their figures with the best of each marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from runner.compare import Difference, Side
from runner.manifest import Manifest
from runner.metric_table import BASE_LOSS, LOSSES
from runner.report.wording import number, shortened, value

# Of these the least is the best; speed and memory hang on the machine.
_FIGURES = (BASE_LOSS, *LOSSES, "train_tokens_per_second", "peak_memory_mib")
_ABSENT = "–"  # noqa: RUF001 - a dash stands for nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One value in which the sides differ, as each says it."""

    key: str
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The differences of one section; `whole` are the values that are cut short in its lines."""

    title: str
    lines: tuple[Line, ...]
    whole: tuple[Line, ...] = ()


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
        _group(section.value, [_line(each) for each in found])
        for section, found in groupby(differences, key=lambda each: each.section)
    )


def figures(runs: Sequence[Manifest]) -> tuple[Figure, ...]:
    """Give the metrics that are worth comparing, those of them that any run has."""
    found = [run.steps["finetune"].metrics if "finetune" in run.steps else {} for run in runs]
    told = [name for name in _FIGURES if any(name in each for each in found)]
    return tuple(_figure(name, [each.get(name) for each in found]) for name in told)


def sweep_of(runs: Sequence[Manifest]) -> str:
    """Give the sweep that all of these runs are points of; "" where they are not."""
    ids = {str((run.sweep or {}).get("id", "")) for run in runs}
    return ids.pop() if len(ids) == 1 else ""


def points(runs: Sequence[Manifest]) -> tuple[str, ...]:
    """Name the points of one sweep: by number and values, a key by its last part where that is enough."""
    told = [(run.sweep or {}) for run in runs]
    keys = list(dict.fromkeys(key for each in told for key in each["point"]))
    lasts = [key.rpartition(".")[2] for key in keys]
    short = {key: last if lasts.count(last) == 1 else key for key, last in zip(keys, lasts, strict=True)}
    values = [
        ", ".join(f"{short[key]} {value(given)}" for key, given in each["point"].items()) for each in told
    ]
    return tuple(f"{each['index']}: {given}" for each, given in zip(told, values, strict=True))


def _group(title: str, lines: Sequence[Line]) -> Group:
    cut = [Line(key=each.key, cells=tuple(map(shortened, each.cells))) for each in lines]
    whole = [each for each, short in zip(lines, cut, strict=True) if each != short]
    return Group(title=title, lines=tuple(cut), whole=tuple(whole))


def _line(difference: Difference) -> Line:
    cells = tuple(_ABSENT if each is None else value(each) for each in difference.values)
    return Line(key=difference.key, cells=cells)


def _figure(metric: str, values: Sequence[float | None]) -> Figure:
    known = [each for each in values if each is not None]
    best = min(known) if metric in LOSSES and len(set(known)) > 1 else None
    cells = tuple(
        (_ABSENT if each is None else number(each), best is not None and each == best) for each in values
    )
    return Figure(metric=metric, cells=cells)
