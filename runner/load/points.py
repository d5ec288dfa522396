"""The points of a recipe's sweep: what each sets, where that stands, and what is wrong with their list."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from runner.errors import Severity
from runner.load.source import Mistake
from runner.load.tree import Tree, mapping_at
from runner.recipe import Scalar
from runner.yaml12 import Key, meaning

SWEEP = "sweep"
MOST_POINTS = 500
_MAX_CONCURRENT = 2
# What one endpoint can only do for one of them: side by side the points would overwrite one another.
LEFT_OUT = ("endpoint", "deployment", "traffic", "sample", "baseline")


@dataclass(frozen=True, kw_only=True, slots=True)
class Unfolded:
    """One point's values by dotted key, and where each stands in the recipe."""

    values: Mapping[str, Scalar]
    places: tuple[Key, ...]


def unfold(tree: Tree) -> Iterator[Unfolded]:
    """Give the points of a sweep section that is of the right shape: the grid's, then the listed ones."""
    grid = _grid(tree)
    if grid:
        for picked in product(*(range(len(values)) for values in grid.values())):
            chosen = list(zip(grid, picked, strict=True))
            yield Unfolded(
                values={key: grid[key][index] for key, index in chosen},
                places=tuple((SWEEP, "grid", key, index) for key, index in chosen),
            )
    for index, values in enumerate(_listed(tree)):
        yield Unfolded(values=values, places=tuple((SWEEP, "points", index, key) for key in values))


def settings_of(tree: Tree, point: Unfolded) -> tuple[Sequence[str], Sequence[str]]:
    """Give as settings what takes away what a point has no use for, and what sets its values."""
    away = [f"{name}=null" for name in (SWEEP, *LEFT_OUT) if name in tree]
    return away, [f"{key}={_written(value)}" for key, value in point.values.items()]


def sweep_mistakes(tree: Tree) -> Iterator[Mistake]:
    """Check that a sweep has points, not too many of them, and none twice."""
    section = tree.get(SWEEP)
    if not isinstance(section, dict):
        return
    if not {"grid", "points"} & section.keys():
        expected = "grid, with lists of values by key, or points, a list of them, or both"
        yield Mistake(key=(SWEEP,), code="no-points", message="has no points", expected=expected)
    grid, listed = _grid(tree), _listed(tree)
    total = math.prod(map(len, grid.values())) * bool(grid) + len(listed)
    if total > MOST_POINTS:
        message = f"comes to {total} points; {MOST_POINTS} are the most"
        yield Mistake(key=(SWEEP,), code="too-many-points", message=message, mend="take values out of it")
        return
    repeated = list(_repeated_values(grid))
    yield from repeated or _repeated_points(tree)
    yield from _more_than_nodes(tree, section.get("max_concurrent", _MAX_CONCURRENT))


def _more_than_nodes(tree: Tree, at_once: object) -> Iterator[Mistake]:
    """Tell that a cluster has too few nodes for so many points: some of them only wait in its queue."""
    compute = mapping_at(tree, "compute")
    nodes = mapping_at(tree, "finetune", "parameters").get("num_nodes_finetune", 1)
    most = compute.get("max_instances", 1)
    if compute.get("serverless") is True or not all(type(each) is int for each in (at_once, nodes, most)):
        return
    needed = int(str(at_once)) * int(str(nodes))
    if needed > int(str(most)):
        yield Mistake(
            key=(SWEEP, "max_concurrent"),
            code="points-wait-for-nodes",
            message=f"needs {needed} nodes at once; compute.max_instances is {most}: jobs wait in the queue",
            mend="raise compute.max_instances, or leave it so: they are trained one after the other",
            severity=Severity.NOTICE,
        )


def _repeated_values(grid: Mapping[str, Sequence[Scalar]]) -> Iterator[Mistake]:
    for key, values in grid.items():
        told = [_identity(value) for value in values]
        for index, each in enumerate(told):
            if each in told[:index]:
                yield _twice((SWEEP, "grid", key, index), "stands in this list twice")


def _repeated_points(tree: Tree) -> Iterator[Mistake]:
    seen: dict[frozenset[tuple[str, object]], int] = {}
    for number, point in enumerate(unfold(tree), start=1):
        told = frozenset((key, _identity(value)) for key, value in point.values.items())
        if told and told in seen:
            yield _twice(point.places[0][:3], f"is the same point as number {seen[told]}")
        seen.setdefault(told, number)


def _twice(key: Key, message: str) -> Mistake:
    return Mistake(key=key, code="repeated-point", message=message, mend="delete one of the two")


def _identity(value: object) -> object:
    """Tell values apart as a recipe does: 1 and 1.0 are one number, true is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else repr(value)


def _grid(tree: Tree) -> Mapping[str, Sequence[Scalar]]:
    """Give the lists of the grid; what is of another shape is the schema's to tell."""
    grid: Mapping[str, Any] = mapping_at(tree, SWEEP, "grid")
    return {key: values for key, values in grid.items() if isinstance(values, list)}


def _listed(tree: Tree) -> Sequence[Mapping[str, Scalar]]:
    listed: Any = mapping_at(tree, SWEEP).get("points")
    points = listed if isinstance(listed, list) else []
    return [each if isinstance(each, dict) else {} for each in points]


def _written(value: Scalar) -> str:
    """Write a value so that a setting reads it as the same."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    plain = (
        bool(value) and not value.startswith(("'", '"', "[", "{")) and meaning(value, plain=True)[0] == value
    )
    return value if plain else json.dumps(value, ensure_ascii=False)
