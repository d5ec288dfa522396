"""What a training logged, once it has ended: a table beside the manifest, and the newest values in it.

Nothing hangs on it: where it is refused for good, the training has succeeded all the same, and the manifest
says why the table is not known.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runner import metric_table
from runner.errors import CloudUnavailable, NotWritten, RunnerError
from runner.facts import ChildRun
from runner.journal import Json
from runner.metric_table import Point
from runner.steps.step import Context

_TABLE, _UNKNOWN = "table", "table_unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Curves:
    """What goes into the step's outputs and metrics; `metrics` is None where the table was not read."""

    outputs: Mapping[str, Json]
    metrics: Mapping[str, float] | None = None


def kept(context: Context, job: str) -> Curves:
    """Read a job's points and write the table, whole; twice is once.

    Raises CloudUnavailable where it may be read later, and NotWritten.
    """
    known = _known(context)
    if known:
        return Curves(outputs=known)
    try:
        points = context.cloud.metrics.points(job)
    except CloudUnavailable:
        raise
    except RunnerError as error:
        return Curves(outputs={_UNKNOWN: error.message})
    odd = {each for point in points for each in (point.job, point.metric) if metric_table.is_formula(each)}
    points = tuple(point for point in points if not {point.job, point.metric} & odd)
    _write(context, points)
    told = {"file": metric_table.FILE_NAME, "points": len(points), "sha256": metric_table.digest(points)}
    if odd:
        told["left_out"] = ", ".join(sorted(odd))
    return Curves(outputs={_TABLE: told}, metrics=newest(points))


def newest(points: Iterable[Point]) -> dict[str, float]:
    """Give each metric's value at its last step, of the child that trains.

    One that is no finite number is left out, since no JSON holds it; it stays in the table.
    """
    ours = [point for point in points if ChildRun(run_id="", name=point.job, status="").trains]
    ordered = sorted(ours, key=lambda point: (point.metric, point.step, point.time))
    values = {point.metric: point.value for point in ordered}
    return {metric: value for metric, value in values.items() if math.isfinite(value)}


def _known(context: Context) -> dict[str, Json]:
    """Give what an earlier look has found out: who looks again at a step that is done does not read anew."""
    told = context.outputs.get("finetune") or {}
    known = {key: told[key] for key in (_TABLE, _UNKNOWN) if key in told}
    there = _UNKNOWN in known or (context.run_folder / metric_table.FILE_NAME).exists()
    return known if there else {}


def _write(context: Context, points: tuple[Point, ...]) -> None:
    path = context.run_folder / metric_table.FILE_NAME
    try:
        metric_table.write(points, path)
    except OSError as error:
        raise NotWritten(
            f"{path} cannot be written: {error.strerror}", hint="make room on the disk"
        ) from error
