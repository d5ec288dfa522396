"""What people read of sweeps: the points and what they cost together before, what they came to after."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from runner.console import outlook, texts
from runner.console.lines import diagnostics, safe, table
from runner.cost import Basis, Money
from runner.errors import Diagnostic, RunnerError
from runner.facts import TargetKind
from runner.journal import Json
from runner.load import Loaded
from runner.load.points import LEFT_OUT
from runner.metric_table import LOSSES
from runner.plan import Plan
from runner.recipe import Scalar, given
from runner.runs import PAGE
from runner.sweep.standing import NOT_BEGUN, Standing, best, compared_by

_MOST_NAMED = 8
_NONE = "–"  # noqa: RUF001 - a dash for what a point does not say


def plan(loaded: Loaded, kind: TargetKind, plans: Sequence[Plan]) -> Iterator[str]:
    """Give the points, what they share, what they cost together, and the plan of the first."""
    sweep = given(loaded.recipe.sweep)
    yield (
        f"{loaded.recipe.name}: a sweep of {len(plans)} runs, {sweep.max_concurrent} at a time,"
        f" on {texts.where(kind)}"
    )
    values = [point.values for point in loaded.points]
    yield from table(_with_costs(values, plans))
    yield from _shared(loaded)
    total = together(plans)
    if any(each.cost for each in plans):
        told = outlook.amount(total) if total else "unknown: the price or the hours of a point are"
        yield f"the jobs together (low / likely / high): {told}"
    found = told_of(loaded, plans)
    yield from diagnostics(found)
    yield ""
    yield "each point is a run of its own; the first:"
    yield from texts.plan(loaded.recipe.name, kind, replace(plans[0], diagnostics=()), defaults=False)


def plan_as_json(loaded: Loaded, plans: Sequence[Plan]) -> dict[str, Json]:
    """Give the points as values."""
    total = together(plans)
    return {
        "max_concurrent": given(loaded.recipe.sweep).max_concurrent,
        "points": [
            {"index": point.index, "values": dict(point.values), "cost": _amounts(together([each]))}
            for point, each in zip(loaded.points, plans, strict=True)
        ],
        "cost": _amounts(total),
        "left_out": left_out(loaded),
    }


def told_of(loaded: Loaded, plans: Sequence[Plan]) -> tuple[Diagnostic, ...]:
    """Give what was found of any point, each once, at its place in the sweep and with the points it is of."""
    of_points: dict[Diagnostic, list[int]] = {}
    for point, each in zip(loaded.points, plans, strict=True):
        for found in each.diagnostics:
            of_points.setdefault(point.in_sweep(found), []).append(point.index)
    told = (
        _of_some(found, indexes, len(plans))
        for found, indexes in of_points.items()
        if found not in loaded.notices
    )
    return loaded.source.in_order((*loaded.notices, *told))


def _of_some(found: Diagnostic, indexes: Sequence[int], total: int) -> Diagnostic:
    """Say of which points something is told that is not told of all."""
    if len(indexes) == total:
        return found
    named = ", ".join(map(str, indexes[:_MOST_NAMED]))
    more = f" and {len(indexes) - _MOST_NAMED} more" if len(indexes) > _MOST_NAMED else ""
    return replace(found, message=f"{found.message} (point{'s' * (len(indexes) > 1)} {named}{more})")


def together(plans: Sequence[Plan]) -> Money | None:
    """Add up what the jobs cost, none of which serves anything; None where that is not known of each."""
    found = [each.cost.total(Basis.ONCE) for each in plans if each.cost]
    known = [total for total in found if total is not None]
    if not known or len(known) < len(plans) or len({each.currency for each in known}) > 1:
        return None
    return Money(
        low=sum((each.low for each in known), Decimal()),
        likely=sum((each.likely for each in known), Decimal()),
        high=sum((each.high for each in known), Decimal()),
        currency=known[0].currency,
    )


def left_out(loaded: Loaded) -> list[str]:
    """Name the sections that a sweep has no use for."""
    return [name for name in LEFT_OUT if loaded.source.says((name,))]


def began(folder: Path) -> str:
    """Give the id by which a sweep is known from now on, and how to follow it."""
    return f"{folder.name}: runner show {folder.name} tells how its points stand"


def swept(
    folder: Path,
    points: Sequence[Standing],
    errors: Mapping[int, RunnerError],
    *,
    interrupted: bool,
) -> Iterator[str]:
    """Give what each point came to, which is best, and what can be done next."""
    yield ""
    yield from table(_results(points))
    chosen, name = best(points), compared_by(points)
    if chosen and name:
        yield f"best by {name}: point {chosen.member.index}, {chosen.member.run}"
    for index, error in errors.items():
        yield safe(f"point {index}: {error.message}")
        if error.hint:
            yield safe(f"  hint: {error.hint}")
    alive = [f"{each.kind} {each.name}" for point in points if point.said for each in point.said.alive]
    yield f"left alive: {', '.join(alive)}" if alive else "nothing that bills is left alive"
    yield from _next(folder, points, chosen, interrupted=interrupted, alive=bool(alive))


def swept_as_json(
    folder: Path, points: Sequence[Standing], errors: Mapping[int, RunnerError]
) -> dict[str, Json]:
    """Give the same as values."""
    chosen = best(points)
    return {
        "sweep": folder.name,
        "folder": str(folder),
        "points": [
            {
                "index": each.member.index,
                "values": dict(each.values),
                "run_id": each.member.run,
                "status": each.status,
                "losses": {name: each.loss(name) for name in LOSSES if each.loss(name) is not None},
                "error": errors[each.member.index].message if each.member.index in errors else None,
                "alive": [f"{left.kind} {left.name}" for left in each.said.alive] if each.said else [],
            }
            for each in points
        ],
        "best": chosen.member.index if chosen else None,
        "compared_by": compared_by(points),
    }


def _next(
    folder: Path, points: Sequence[Standing], chosen: Standing | None, *, interrupted: bool, alive: bool
) -> Iterator[str]:
    name = folder.name
    if interrupted or not all(each.has_succeeded for each in points):
        yield f"  go on with it:        runner resume {name}"
        yield f"  end it:               runner cancel {name}"
    if alive and all(each.is_decided or each.status == NOT_BEGUN for each in points):
        yield f"  take back what is left: runner down {name}"
    if chosen and chosen.said:
        given_values = "".join(
            f" --set {shlex.quote(f'{key}={texts.written(value)}')}" for key, value in chosen.values.items()
        )
        path = shlex.quote(str(chosen.said.recipe["path"]))
        yield safe(f"  run the best one, to its deployment: runner run {path} --set sweep=null{given_values}")
        is_written = not interrupted and (folder / PAGE).exists()
        yield f"  compare the points:   {folder / PAGE if is_written else f'runner report {name}'}"
    yield f"  {folder}"


def _shared(loaded: Loaded) -> Iterator[str]:
    recipe = loaded.recipe
    cluster = f", compute {recipe.compute.name}" if recipe.compute and not recipe.compute.serverless else ""
    yield f"made once for all that agree in them: the rows, their data assets{cluster}"
    away = left_out(loaded)
    if away:
        yield (
            f"notice: left out, since side by side the points would overwrite one another: {', '.join(away)};"
            " runner run RECIPE --set sweep=null --set … deploys the one that you choose"
        )


def _with_costs(values: Sequence[Mapping[str, Scalar]], plans: Sequence[Plan]) -> list[tuple[str, ...]]:
    rows = _columns(values)
    if not any(each.cost for each in plans):
        return rows
    costs = [outlook.amount(together([each])) for each in plans]
    return [(*row, cost) for row, cost in zip(rows, ["cost", *costs], strict=True)]


def _results(points: Sequence[Standing]) -> list[tuple[str, ...]]:
    shown = [name for name in LOSSES if any(each.loss(name) is not None for each in points)]
    chosen = best(points)
    rows = _columns([each.values for each in points])
    heads = (*shown, "status", "run")
    ends = [
        (
            *(_loss(each.loss(name)) for name in shown),
            "succeeded, best" if each is chosen else each.status,
            each.member.run,
        )
        for each in points
    ]
    return [(*row, *end) for row, end in zip(rows, [heads, *ends], strict=True)]


def _columns(values: Sequence[Mapping[str, Scalar]]) -> list[tuple[str, ...]]:
    """Give a row of the keys, then one a point; a key by its last part, where that tells it from others."""
    keys = list(dict.fromkeys(key for each in values for key in each))
    lasts = [key.rpartition(".")[2] for key in keys]
    heads = [last if lasts.count(last) == 1 else key for key, last in zip(keys, lasts, strict=True)]
    rows = [
        (str(number), *(texts.written(each[key]) if key in each else _NONE for key in keys))
        for number, each in enumerate(values, start=1)
    ]
    return [("point", *heads), *rows]


def _loss(value: float | None) -> str:
    return _NONE if value is None else f"{value:.4f}"


def _amounts(total: Money | None) -> Mapping[str, str] | None:
    if total is None:
        return None
    return {
        "low": str(total.low),
        "likely": str(total.likely),
        "high": str(total.high),
        "currency": total.currency,
    }
