"""The charts as Vega-Lite specifications: plain values, in which no text from outside is anything but data.

Axes and texts take the page's own colour and lines take its variables, so that a chart is light where the
page is light; lines also differ in their dashes, bars in their outline: nothing is told by colour alone.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from runner.report.curves import MOST_POINTS, Panel, Series
from runner.report.timeline import Bar, Timeline
from runner.report.wording import shown

Specification = Mapping[str, Any]
Part = dict[str, Any]

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_WIDE, _NARROW, _HEIGHT, _ROW = 860, 500, 210, 26
# A reader's font may be wider than the one that a drawing is measured with.
_PADDING = {"left": 22, "top": 6, "right": 14, "bottom": 6}
_COLOURS = tuple(f"var(--series-{index})" for index in range(1, 7))
_DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [12, 4])
_INK = "currentColor"
# What drawings are measured with; the page shows them in its own font.
_FONT = "sans-serif"
_TEXT = {"labelColor": _INK, "titleColor": _INK, "labelFont": _FONT, "titleFont": _FONT, "labelFontSize": 12}
_CONFIG: Mapping[str, Any] = {
    "aria": False,
    "font": _FONT,
    "view": {"stroke": None},
    "axis": _TEXT
    | {"gridColor": _INK, "gridOpacity": 0.14, "domainColor": _INK, "tickColor": _INK, "domainOpacity": 0.5}
    | {"tickOpacity": 0.5, "titleFontSize": 12, "titleFontWeight": 400, "titlePadding": 8},
    "legend": _TEXT
    | {"title": None, "labelLimit": 420, "symbolStrokeWidth": 2.5, "symbolSize": 300}
    | {"orient": "top", "columns": 1},
}
_MINUTE, _HOUR = 60, 3600
# Beyond these a chart of minutes has too many.
_IN_SECONDS, _IN_MINUTES = 5 * _MINUTE, 3 * _HOUR
# A line of a few points is told by its points.
_FEW = 40
_MOST_LABELS = 6
_ROOM_FOR_LABELS, _THINNEST = 1.22, 1 / 400
_PATH, _BESIDE = "on the critical path", "beside it"
_TINY, _MANY, _HUGE = 1e-3, 1e5, 1e15


def curves(panel: Panel) -> Specification:
    """Draw lines over the optimizer's steps."""
    names = [_flat(each.name) for each in panel.series]
    rows = [row for name, each in zip(names, panel.series, strict=True) for row in _rows(name, each)]
    few = {name for name, each in zip(names, panel.series, strict=True) if len(each.points) <= _FEW}
    legend: Part | None = {"symbolType": "stroke"} if names != [_flat(panel.title)] else None
    colour = _by_line(names, _COLOURS) | {"legend": legend}
    dashes = _by_line(names, _DASHES) | {"legend": legend}
    shared = {"x": _STEPS, "y": _values(panel)}
    line = {"type": "line", "strokeWidth": 2, "invalid": "break-paths-show-path-domains"}
    point = {"type": "point", "filled": True, "size": 30, "opacity": 1, "invalid": "filter"}
    pointed = {"values": [row for row in rows if row["line"] in few]}
    return _chart(
        rows,
        width=_NARROW,
        height=_HEIGHT,
        layer=[
            {"mark": line, "encoding": shared | {"color": colour, "strokeDash": dashes}},
            {"mark": point, "encoding": shared | {"color": colour | {"legend": None}}, "data": pointed},
        ],
    )


_STEPS: Mapping[str, Any] = {
    "field": "step",
    "type": "quantitative",
    "title": "optimizer step",
    "axis": {"tickMinStep": 1, "format": "d", "tickCount": 8, "labelOverlap": True},
    "scale": {"zero": False, "nice": False},
}


def _values(panel: Panel) -> Part:
    axis: Part = {"tickCount": _MOST_LABELS, "labelOverlap": True} | _format(panel)
    scale = {"type": "log" if panel.logarithmic else "linear", "zero": False}
    return {"field": "value", "type": "quantitative", "title": None, "scale": scale, "axis": axis}


def _format(panel: Panel) -> Part:
    """Choose how the axis writes numbers: as powers of ten, with a unit's prefix, or plainly."""
    values = (abs(value) for each in panel.series for _, value in each.points if math.isfinite(value))
    largest = max(values, default=0.0)
    if largest and not _TINY <= largest < _HUGE:
        return {"format": "~e"}
    return {"format": "~s"} if largest >= _MANY else {}


def _by_line(names: Sequence[str], values: Sequence[Any]) -> Part:
    found = [values[index % len(values)] for index in range(len(names))]
    return {"field": "line", "type": "nominal", "scale": {"domain": list(names), "range": found}}


def steps(told: Timeline) -> Specification:
    """Draw a bar for each step; those of the critical path are filled, the others only outlined."""
    unit, divisor = _unit(told.all_seconds)
    rows = [_bar(bar, told.all_seconds, divisor) for bar in told.bars]
    # A label stands right of its bar, the last one's too.
    width = _ROOM_FOR_LABELS * told.all_seconds / divisor or 1
    x: Part = {"type": "quantitative", "title": f"{unit} since the run began"}
    x |= {"scale": {"domain": [0, width], "nice": False}, "axis": {"tickCount": 10}}
    y: Part = {"field": "step", "type": "nominal", "sort": [row["step"] for row in rows], "title": None}
    y |= {"axis": {"ticks": False, "domain": False, "labelPadding": 8, "labelFontSize": 13}}
    fills = {"domain": [_PATH, _BESIDE], "range": ["var(--critical)", "var(--beside)"]}
    fill: Part = {"field": "kind", "type": "nominal", "scale": fills}
    fill |= {"legend": {"columns": 2, "columnPadding": 30, "symbolSize": 160}}
    bar: Part = {"type": "bar", "height": {"band": 0.62}, "cornerRadius": 3, "stroke": "var(--critical)"}
    text: Part = {"type": "text", "align": "left", "dx": 7, "color": _INK, "fontSize": 12}
    begin, end = x | {"field": "begin"}, x | {"field": "end"}
    return _chart(
        rows,
        width=_WIDE,
        height=_ROW * max(1, len(rows)),
        layer=[
            {"mark": bar, "encoding": {"y": y, "x": begin, "x2": {"field": "end"}, "fill": fill}},
            {"mark": text, "encoding": {"y": y, "x": end, "text": {"field": "label"}}},
        ],
    )


def _bar(bar: Bar, whole: float, divisor: float) -> Part:
    """Give a step's bar; the shortest is still to be seen."""
    return {
        "step": bar.step,
        "begin": bar.begin / divisor,
        "end": max(bar.end, bar.begin + whole * _THINNEST) / divisor,
        "kind": _PATH if bar.critical else _BESIDE,
        "label": ", ".join(each for each in (bar.took, bar.note) if each),
    }


def _chart(rows: Sequence[Mapping[str, Any]], **drawn: Any) -> Specification:  # noqa: ANN401 - Vega-Lite's own
    data = {"values": list(rows)}
    return {
        "$schema": _SCHEMA,
        "background": None,
        "padding": _PADDING,
        "config": _CONFIG,
        "data": data,
        **drawn,
    }


def _rows(name: str, series: Series) -> list[dict[str, Any]]:
    return [
        {"line": name, "step": step, "value": value if math.isfinite(value) else None}
        for step, value in _thinned(series.points)
    ]


def _thinned(points: Sequence[tuple[int, float]]) -> Sequence[tuple[int, float]]:
    """Keep at most so many points, evenly, the last among them."""
    if len(points) <= MOST_POINTS:
        return points
    stride = math.ceil(len(points) / MOST_POINTS)
    return [*points[:-1:stride], points[-1]]


def _flat(text: str) -> str:
    return shown(text).replace("\n", " ")


def _unit(seconds: float) -> tuple[str, float]:
    if seconds <= _IN_SECONDS:
        return "seconds", 1
    return ("minutes", _MINUTE) if seconds <= _IN_MINUTES else ("hours", _HOUR)
