"""A run as the page is told of it: its manifest and what lay beside it, or that it did not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.cost import Prices
from runner.manifest import Manifest
from runner.metric_table import Point
from runner.under_way import Carried


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One row that was scored; `base_answer` is the untrained model's, where it was asked."""

    prompt: Sequence[Mapping[str, str]]
    answer: str
    ground_truth: str
    seconds: float | None = None
    base_answer: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One run. `points` and `samples` are None where their file is not there, which the page then says.

    `log` are the last lines that a process of its own has written; `carried` tells who works on the run.
    """

    said: Manifest
    points: tuple[Point, ...] | None
    samples: tuple[Sample, ...] | None
    prices: Prices
    carried: Carried = Carried.BY_NOBODY
    log: tuple[str, ...] = ()


def sample_from(row: Mapping[str, Any]) -> Sample:
    """Make a row of what its line in the file says."""
    return Sample(
        prompt=row["prompt"],
        answer=str(row["answer"]),
        ground_truth=str(row["ground_truth"]),
        seconds=row.get("seconds"),
        base_answer=row.get("base_answer"),
    )
