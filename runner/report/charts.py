"""The charts as Vega-Lite specifications: plain values, in which no text from outside is anything but data.

Axes and texts take the page's own colour and lines take its variables, so that a chart is light where the
page is light; lines also differ in their dashes, bars in their outline: nothing is told by colour alone.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from runner.report.curves import MOST_POINTS, Panel, Series
from runner.report.timeline import Timeline
from runner.report.wording import shown

Specification = Mapping[str, Any]

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_WIDTH, _HEIGHT, _ROW = 640, 220, 26
_COLOURS = tuple(f"var(--series-{index})" for index in range(1, 7))
_DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [12, 4])
_INK = "currentColor"
_FONT = "system-ui, sans-serif"
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
    | {"orient": "top", "direction": "horizontal", "columns": 2},
}
_MINUTE, _HOUR = 60, 3600
# Beyond these a chart of minutes has too many.
_IN_SECONDS, _IN_MINUTES = 5 * _MINUTE, 3 * _HOUR
# A line of a few points is told by its points.
_FEW = 40
_MOST_LABELS = 6


def curves(panel: Panel) -> Specification:
    """Draw lines over the optimizer's steps."""
    names = [shown(each.name).replace("\n", " ") for each in panel.series]
    rows = [row for name, each in zip(names, panel.series, strict=True) for row in _rows(name, each)]
    few = {name for name, each in zip(names, panel.series, strict=True) if len(each.points) <= _FEW}
    x = {"field": "step", "type": "quantitative", "title": "optimizer step"}
    x |= {"axis": {"tickMinStep": 1, "format": "d"}, "scale": {"zero": False, "nice": False}}
    y = {"field": "value", "type": "quantitative", "title": shown(panel.title).replace("\n", " ")}
    y |= {"scale": {"type": "log" if panel.logarithmic else "linear", "zero": False}}
    y |= (
        {"axis": {"tickCount": _MOST_LABELS, "format": "~g" if panel.logarithmic else "~s"}}
        if panel.logarithmic
        else {"axis": {"tickCount": _MOST_LABELS}}
    )
    legend = {} if len(names) > 1 else None
    colour = {
        "field": "line",
        "type": "nominal",
        "scale": {"domain": names, "range": _cycled(_COLOURS, names)},
    }
    dash = {"field": "line", "type": "nominal", "scale": {"domain": names, "range": _cycled(_DASHES, names)}}
    shared = {"x": x, "y": y, "color": colour | {"legend": legend}}
    line = {"type": "line", "strokeWidth": 2, "invalid": "break-paths-show-path-domains"}
    point = {"type": "point", "filled": True, "size": 30, "opacity": 1, "invalid": "filter"}
    return _chart(
        rows,
        height=_HEIGHT,
        layer=[
            {"mark": line, "encoding": shared | {"strokeDash": dash | {"legend": legend}}},
            {
                "mark": point,
                "encoding": shared,
                "data": {"values": [row for row in rows if row["line"] in few]},
            },
        ],
    )


def steps(told: Timeline) -> Specification:
    """Draw a bar for each step; those of the critical path are filled, the others only outlined."""
    unit, divisor = _unit(told.all_seconds)
    rows = [
        {
            "step": bar.step,
            "begin": bar.begin / divisor,
            "end": max(bar.end, bar.begin + told.all_seconds / 400) / divisor,
            "kind": _PATH if bar.critical else _BESIDE,
            "label": ", ".join(each for each in (bar.took, bar.note) if each),
        }
        for bar in told.bars
    ]
    kinds = [_PATH, _BESIDE]
    y = {"field": "step", "type": "nominal", "sort": [row["step"] for row in rows], "title": None}
    y |= {"axis": {"ticks": False, "domain": False, "labelPadding": 8, "labelFontSize": 13}}
    x = {"field": "begin", "type": "quantitative", "title": f"{unit} since the run began"}
    # A label stands right of its bar, the last one's too.
    x |= {"scale": {"domain": [0, 1.22 * told.all_seconds / divisor or 1], "nice": False}}
    fill = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": kinds, "range": ["var(--critical)", "var(--beside)"]},
    }
    bar_mark = {"type": "bar", "height": {"band": 0.62}, "cornerRadius": 3, "stroke": "var(--critical)"}
    text = {"type": "text", "align": "left", "dx": 7, "color": _INK, "fontSize": 12}
    return _chart(
        rows,
        height=_ROW * max(1, len(rows)),
        layer=[
            {"mark": bar_mark, "encoding": {"y": y, "x": x, "x2": {"field": "end"}, "fill": fill}},
            {"mark": text, "encoding": {"y": y, "x": x | {"field": "end"}, "text": {"field": "label"}}},
        ],
    )


_PATH, _BESIDE = "on the critical path", "beside it"


def _chart(rows: Sequence[Mapping[str, Any]], **drawn: Any) -> Specification:  # noqa: ANN401 - Vega-Lite's own
    data = {"values": list(rows)}
    return {"$schema": _SCHEMA, "width": _WIDTH, "background": None, "config": _CONFIG, "data": data, **drawn}


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


def _cycled(found: Sequence[Any], names: Sequence[str]) -> list[Any]:
    return [found[index % len(found)] for index in range(len(names))]


def _unit(seconds: float) -> tuple[str, float]:
    if seconds <= _IN_SECONDS:
        return "seconds", 1
    return ("minutes", _MINUTE) if seconds <= _IN_MINUTES else ("hours", _HOUR)
