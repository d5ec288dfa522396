"""Runs as a table: for people, as JSON, and as CSV that a spreadsheet may open without harm."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from runner.console.durations import seconds, since
from runner.console.lines import safe, table
from runner.index import Fact, Listed, Row
from runner.metric_table import is_formula

_TITLES = {
    "model.name": "model",
    "finetune.parameters.learning_rate": "learning rate",
    "alive": "left alive",
}
# Shown with the loss, as a column of its own only in JSON and CSV.
_LOSS_METRIC = "loss_metric"
# Told at the beginning of each line.
_ID = "id"
_EMULATOR = "emulator"


def text(found: Listed, columns: tuple[str, ...], left: frozenset[str], now: datetime) -> Iterator[str]:
    """Give a line each, under the names of the columns."""
    needless = {_ID, _LOSS_METRIC} if "loss" in columns else {_ID}
    shown = tuple(each for each in columns if each not in needless)
    if found.rows:
        titles = ("run", *(_TITLES.get(each, each) for each in shown))
        yield from table([titles, *(_cells(row, shown, left, now) for row in found.rows)])
    count = len(found.rows)
    runs = "run" if found.total == 1 else "runs"
    yield f"{count} of {found.total} {runs}" if count != found.total else f"{count} {runs}"
    for row in found.rows:
        if row.problem:
            yield safe(f"{row.run}: {row.problem}")


def as_json(found: Listed) -> Mapping[str, object]:
    """Give the runs with their values as they are."""
    rows = [
        {"run": row.run, "run_id": row.run_id, "values": row.values, "problem": row.problem or None}
        for row in found.rows
    ]
    return {"runs": rows, "total": found.total, "notices": list(found.notices)}


def as_csv(found: Listed, columns: tuple[str, ...]) -> str:
    """Give the runs as CSV; numbers stay numbers, and no text is taken for a formula."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["run", *map(_guarded, columns)])
    for row in found.rows:
        rows.writerow([_guarded(row.run), *(_csv_cell(row.values.get(each)) for each in columns)])
    return out.getvalue()


def _cells(row: Row, columns: tuple[str, ...], left: frozenset[str], now: datetime) -> tuple[str, ...]:
    cells = {each: _cell(each, row.values[each], now) for each in columns if each in row.values}
    if "loss" in cells and _LOSS_METRIC in row.values:
        cells["loss"] = f"{cells['loss']} {row.values[_LOSS_METRIC]}"
    if row.run in left and "status" in cells:
        cells["status"] = f"{cells['status']}, left"
    return tuple(each.replace("\n", " ") for each in (_named(row), *(cells.get(key, "-") for key in columns)))


def _named(row: Row) -> str:
    """Give the name that commands take, and the run's id where its folder is called otherwise."""
    return row.run if row.run_id == row.run else f"{row.run} ({row.run_id})"


def _cell(key: str, value: Fact, now: datetime) -> str:
    if key == "started":
        return since(str(value), now)
    if key == "duration" and isinstance(value, int | float):
        return seconds(value)
    if key == "target" and value == _EMULATOR:
        return _EMULATOR.upper()
    if isinstance(value, float):
        return f"{value:.6g}"
    return _plain(value)


def _plain(value: Fact) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "-"
    return value if isinstance(value, str) else json.dumps(value)


def _csv_cell(value: Fact | None) -> str:
    if value is None or value == ():
        return ""
    is_number = isinstance(value, int | float)
    return _plain(value) if is_number else _guarded(_plain(value))


def _guarded(value: str) -> str:
    shown = safe(value).replace("\n", " ")
    return f"'{shown}" if is_formula(shown) else shown
