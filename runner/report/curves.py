"""What was logged while a model was trained, as series to draw and as a table of what they come to."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from runner.metric_table import Point

# Drawn together, since they are read against each other.
LOSSES = ("loss", "eval_loss")
# What is looked at, in this order; everything else that has a course is folded, by name.
_FIRST = ("learning_rate", "grad_norm", "num_input_tokens_seen", "train_tokens_per_second", "peak_memory_mib")
# Counts of what was done, and what only repeats the axis.
_UNDRAWN = ("epoch", "total_flos", "step")
# More than a screen has columns shows nothing more.
MOST_POINTS = 1200
MOST_CHARTS = 16
# From here on a curve lies along the edge of a linear scale.
_SPREAD = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One line: its name in the legend, and (step, value) by step; a value that is no number is a gap."""

    name: str
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One chart: what its axis counts, and its lines."""

    title: str
    series: tuple[Series, ...]

    @property
    def minor(self) -> bool:
        """Whether it is of interest only to who looks for it, as the runtime of each evaluation."""
        return self.title not in {*LOSSES, *_FIRST}

    @property
    def logarithmic(self) -> bool:
        """Whether only a logarithmic axis shows all of it: losses that fall by orders of magnitude."""
        values = [value for each in self.series for _, value in each.points if math.isfinite(value)]
        return (
            "loss" in self.title and bool(values) and min(values) > 0 and max(values) / min(values) > _SPREAD
        )

    @property
    def gaps(self) -> int:
        """How many values are no numbers."""
        return sum(not math.isfinite(value) for each in self.series for _, value in each.points)

    @property
    def thinned(self) -> bool:
        """Whether not all points are drawn."""
        return any(len(each.points) > MOST_POINTS for each in self.series)


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """What one metric came to: from its first value to its last."""

    metric: str
    count: int
    first: float
    lowest: float
    highest: float
    last: float


def panels(points: Sequence[Point]) -> tuple[Panel, ...]:
    """Give the charts of one run; a metric with a single value has no course to draw."""
    series = _by_metric(points)
    losses = tuple(each for name in LOSSES for each in series.get(name, ()))
    first = [Panel(title="loss", series=losses)] if any(map(_has_course, losses)) else []
    rest = [Panel(title=name, series=lines) for name, lines in _drawn(series)]
    return (*first, *rest)[:MOST_CHARTS]


def shared_panels(runs: Sequence[tuple[str, Sequence[Point]]]) -> tuple[Panel, ...]:
    """Give the charts in which several runs lie over each other, one metric each."""
    known = [(run, _by_metric(points)) for run, points in runs]
    titles = dict.fromkeys(name for _, series in known for name in (*LOSSES, *(n for n, _ in _drawn(series))))
    found = (Panel(title=title, series=tuple(_lines(title, known))) for title in titles)
    return tuple(panel for panel in found if any(map(_has_course, panel.series)))[:MOST_CHARTS]


def lone(points: Sequence[Point]) -> tuple[tuple[str, float], ...]:
    """Give the losses of which there is but one value each, so that nothing of them is drawn."""
    series = _by_metric(points)
    losses = [each for name in LOSSES for each in series.get(name, ())]
    return () if any(map(_has_course, losses)) else tuple((each.name, each.points[0][1]) for each in losses)


def _has_course(series: Series) -> bool:
    return len(series.points) > 1


def courses(points: Iterable[Point]) -> tuple[Course, ...]:
    """Give what every metric came to, in the order of their names."""
    series = _by_metric(tuple(points))
    return tuple(_course(each) for name in sorted(series) for each in series[name])


def _lines(title: str, known: Sequence[tuple[str, dict[str, tuple[Series, ...]]]]) -> Iterator[Series]:
    for run, series in known:
        for each in series.get(title, ()):
            yield Series(name=run + each.name.removeprefix(title), points=each.points)


def _drawn(series: dict[str, tuple[Series, ...]]) -> list[tuple[str, tuple[Series, ...]]]:
    names = [*_FIRST, *(name for name in sorted(series) if name not in {*_FIRST, *LOSSES, *_UNDRAWN})]
    return [(name, series[name]) for name in names if any(map(_has_course, series.get(name, ())))]


def _by_metric(points: Sequence[Point]) -> dict[str, tuple[Series, ...]]:
    """Sort the points into lines; the job is named only where two have logged the same metric."""
    jobs: dict[str, dict[str, list[Point]]] = {}
    for point in points:
        jobs.setdefault(point.metric, {}).setdefault(point.job, []).append(point)
    return {
        metric: tuple(
            Series(name=metric if len(of_jobs) == 1 else f"{metric} ({job})", points=_ordered(of_job))
            for job, of_job in sorted(of_jobs.items())
        )
        for metric, of_jobs in jobs.items()
    }


def _ordered(points: list[Point]) -> tuple[tuple[int, float], ...]:
    """Order by step; of two values at one step the later one stands."""
    newest = {point.step: point.value for point in sorted(points, key=lambda each: (each.step, each.time))}
    return tuple(newest.items())


def _course(series: Series) -> Course:
    values = [value for _, value in series.points]
    finite = [value for value in values if math.isfinite(value)] or [math.nan]
    return Course(
        metric=series.name,
        count=len(values),
        first=values[0],
        lowest=min(finite),
        highest=max(finite),
        last=values[-1],
    )
