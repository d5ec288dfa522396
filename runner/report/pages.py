"""The page of a run, of several runs with what differs first, and of a comparison alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from runner import billing
from runner.billing import Basis, Hourly
from runner.compare import Difference, Side, by_prompt, differences, not_compared, of_manifest, told_once
from runner.console import going_on
from runner.cost import Prices
from runner.facts import TargetKind
from runner.manifest import Manifest, Resource
from runner.metric_table import Point
from runner.report import answers, charts, comparing, curves, inputs, overview, seen, verdict
from runner.report.drawing import draw
from runner.report.rendering import render
from runner.report.spending import Spending, spending
from runner.report.subject import Subject
from runner.report.timeline import Timeline, duration, timeline
from runner.report.wording import number, time


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """A drawing and what is said below it."""

    title: str
    drawing: Markup
    caption: str
    minor: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RunView:
    """All that the template of a run fills in; `anchor` begins the names within."""

    anchor: str
    run_id: str
    emulated: bool
    stand_in: str
    tiles: tuple[overview.Fact, ...]
    facts: tuple[overview.Fact, ...]
    verdict: tuple[tuple[str, ...], ...]
    errors: tuple[tuple[str, str], ...]
    log: tuple[str, ...]
    timeline: Timeline
    bars: Chart | None
    curves: tuple[Chart, ...]
    lone: tuple[tuple[str, str], ...]
    courses: tuple[tuple[str, ...], ...] | None
    settings: inputs.Settings
    in_force: str
    recipe: str
    data: inputs.Table
    seen: seen.Seen | None
    left_out: inputs.Table | None
    warnings: tuple[str, ...]
    samples: tuple[answers.Row, ...] | None
    spending: Spending
    alive: tuple[tuple[str, ...], ...]
    alive_together: tuple[str, ...]
    commands: tuple[str, ...]
    pins: tuple[tuple[str, str], ...]


def report_page(subjects: Sequence[Subject]) -> str:
    """Give the page of one run, or of several: then what differs comes first, and each run is folded."""
    views = [_view(each, f"run-{place}") for place, each in enumerate(subjects, start=1)]
    if len(views) == 1:
        return render("run.html", title=f"Run {views[0].run_id}", run=views[0])
    sides = [of_manifest(each.said, _answers(each)) for each in subjects]
    found = differences(sides)
    said = [each.said for each in subjects]
    swept = comparing.sweep_of(said)
    names = comparing.points(said) if swept else comparing.names(sides)
    runs = tuple(zip(names, [each.points or () for each in subjects], strict=True))
    return render(
        "runs.html",
        title=f"Sweep {swept} of {said[0].recipe['path']}" if swept else f"{len(views)} runs compared",
        names=names,
        swept=swept,
        groups=comparing.groups(told_once(found)),
        figures=comparing.figures(said),
        charts=_shared(runs),
        runs=views,
        without=[view.run_id for view in views if not view.courses],
        emulated=[view.run_id for view in views if view.emulated],
    )


def comparison_page(sides: Sequence[Side], found: Sequence[Difference]) -> str:
    """Give what differs as a page of its own."""
    return render(
        "comparison.html",
        title=f"{len(sides)} sides compared",
        names=comparing.names(sides),
        groups=comparing.groups(told_once(found)),
        not_compared=[
            (", ".join(sections), " and ".join(without)) for without, sections in not_compared(sides).items()
        ],
        emulated=[
            name
            for name, side in zip(comparing.names(sides), sides, strict=True)
            if side.target == TargetKind.EMULATOR.value
        ],
    )


def _answers(subject: Subject) -> Mapping[str, str]:
    return by_prompt((each.prompt, each.answer) for each in subject.samples or ())


def _view(subject: Subject, anchor: str) -> RunView:
    said = subject.said
    told = timeline(said)
    emulated = overview.is_emulated(said)
    spent = Spending(items=(), total="", source="") if emulated else spending(said, subject.prices)
    hourly = () if emulated else tuple(_hourly(said, each, subject.prices) for each in said.alive)
    return RunView(
        anchor=anchor,
        run_id=said.run_id,
        emulated=emulated,
        stand_in=overview.stand_in(said),
        tiles=(*_tiles(subject), _cost(spent, emulated=emulated), overview.left(said)),
        facts=overview.facts(subject),
        verdict=tuple(verdict.rows(said)),
        errors=tuple((name, step.error) for name, step in said.steps.items() if step.error),
        log=subject.log,
        timeline=told,
        bars=_bars(told, anchor),
        curves=_curves(subject.points or (), anchor),
        lone=tuple((name, number(value)) for name, value in curves.lone(subject.points or ())),
        courses=None if subject.points is None else tuple(map(_course, curves.courses(subject.points))),
        settings=inputs.settings(said),
        in_force=str(said.recipe.get("in_force") or ""),
        recipe=str(said.recipe.get("text") or ""),
        data=inputs.data(said),
        seen=seen.seen(said, subject.points),
        left_out=seen.left_out(said),
        warnings=inputs.warnings(said),
        samples=None if subject.samples is None else answers.rows(subject.samples),
        spending=spent,
        alive=_alive(said, hourly),
        alive_together=tuple(each.strip() for each in going_on.sum_of(hourly)),
        commands=tuple(each.strip() for each in going_on.commands(said, subject.carried)),
        pins=(*overview.leaves(said.pins), *overview.leaves(said.versions)),
    )


def _hourly(said: Manifest, resource: Resource, prices: Prices) -> Hourly:
    """Price one resource; a manifest from elsewhere may list one of a step that it does not have."""
    if resource.step not in said.steps:
        return Hourly(kind=resource.kind, name=resource.name, basis=Basis.UNKNOWN)
    return billing.hourly(replace(said, alive=[resource]), prices)[0]


def _tiles(subject: Subject) -> tuple[overview.Fact, ...]:
    return overview.standing(subject), overview.took(subject.said), overview.loss(subject.said)


def _cost(spent: Spending, *, emulated: bool) -> overview.Fact:
    if emulated:
        return overview.Fact(name="cost", value="nothing", note="on the emulator nothing is billed")
    if spent.total:
        return overview.Fact(name="cost", value=spent.total, note="by step times and list prices")
    note = "not all of it can be told" if spent.items else "nothing that bills was asked for"
    return overview.Fact(name="cost", value="not known" if spent.items else "nothing", note=note)


def _alive(said: Manifest, hourly: Sequence[Hourly]) -> tuple[tuple[str, ...], ...]:
    prices = [going_on.price(each) for each in hourly] or ["nothing is billed"] * len(said.alive)
    return tuple(
        (
            each.kind,
            each.name,
            time(each.since) if each.since else "",
            price,
            "" if each.deletion is None else each.deletion,
        )
        for each, price in zip(said.alive, prices, strict=True)
    )


def _bars(told: Timeline, anchor: str) -> Chart | None:
    if not told.bars:
        return None
    said = "; ".join(f"{bar.step} {bar.took}{f', {bar.note}' if bar.note else ''}" for bar in told.bars)
    label = f"When each step ran: {said}"
    path = " → ".join(told.path)
    took = f"{duration(told.path_seconds)} of {duration(told.all_seconds)}"
    drawing = draw(charts.steps(told), name=f"{anchor}-steps", label=label)
    return Chart(
        title="When each step ran", drawing=drawing, caption=f"Critical path (filled): {path}, {took}."
    )


def _curves(points: Sequence[Point], anchor: str) -> tuple[Chart, ...]:
    return tuple(
        _drawn(panel, f"{anchor}-curve-{place}") for place, panel in enumerate(curves.panels(points))
    )


def _shared(runs: Sequence[tuple[str, Sequence[Point]]]) -> tuple[Chart, ...]:
    panels = curves.shared_panels(runs)
    return tuple(_drawn(panel, f"shared-{place}") for place, panel in enumerate(panels))


def _drawn(panel: curves.Panel, name: str) -> Chart:
    lines = ", ".join(each.name for each in panel.series)
    label = f"{panel.title} over the optimizer's steps: {lines}"
    drawing = draw(charts.curves(panel), name=name, label=label)
    return Chart(title=panel.title, drawing=drawing, caption=_caption(panel), minor=panel.minor)


def _caption(panel: curves.Panel) -> str:
    notes = [
        "logarithmic scale" if panel.logarithmic else "",
        f"gaps: {panel.gaps} {'value is no number' if panel.gaps == 1 else 'values are no numbers'}"
        if panel.gaps
        else "",
        "thinned evenly for drawing" if panel.thinned else "",
    ]
    return "; ".join(each for each in notes if each)


def _course(course: curves.Course) -> tuple[str, ...]:
    figures = (course.first, course.lowest, course.highest, course.last)
    return (course.metric, str(course.count), *map(number, figures))
