"""What a training logged, point by point: a table beside the manifest, as CSV that any reader takes.

One row a point, `job,metric,step,value,time`: the job is the child's name in the job's tree without the run
it was of (`chat_completion_finetune`), the step counts optimizer steps, the value has all its digits, the
time is UTC.
"""

import csv
import hashlib
import io
import math
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runner.durable import replace_file
from runner.errors import UsageError

FILE_NAME = "metrics.csv"
_COLUMNS = ("job", "metric", "step", "value", "time")
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Point:
    """One value of one metric at one step; `time` is as 2026-11-21T08:23:00.123Z."""

    job: str
    metric: str
    step: int
    value: float
    time: str


def write(points: Iterable[Point], path: Path) -> None:
    """Replace the table atomically."""
    replace_file(path, as_csv(points).encode())


def as_csv(points: Iterable[Point]) -> str:
    """Give the table's text; a number is written with all its digits."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(_COLUMNS)
    rows.writerows((each.job, each.metric, each.step, repr(each.value), each.time) for each in points)
    return out.getvalue()


def read(path: Path) -> tuple[Point, ...]:
    """Read a table; one that is not there is empty. Raises UsageError for what is none."""
    try:
        return parsed(_content(path).decode())
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is not a table of metrics as this program writes it") from error


def _content(path: Path) -> bytes:
    """Read the file itself, through no link; the flag that does not wait is for a FIFO."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(file, "rb") as stream:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ValueError("no plain file")
        return stream.read()


def parsed(text: str) -> tuple[Point, ...]:
    """Give the points of a table's text. Raises ValueError for what is none."""
    try:
        rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        return tuple(_point(row) for row in rows)
    except (KeyError, TypeError, csv.Error) as error:
        raise ValueError("no table of metrics") from error


def is_formula(text: str) -> bool:
    """Tell whether a spreadsheet would take a text for a formula, and not for a text."""
    return text.lstrip(" ").startswith(_FORMULA)


def _point(row: dict[str, str]) -> Point:
    if None in row.values():
        raise ValueError("the row is too short")
    return Point(
        job=row["job"],
        metric=row["metric"],
        step=int(row["step"]),
        value=float(row["value"]),
        time=row["time"],
    )


# What trainings are compared by, the first that they have. Less is better. The test split comes after the
# rows that are there to choose by: who chooses by it has nothing left to tell how good the choice is.
LOSSES = ("eval_loss", "test_loss", "train_loss", "loss")
# The loss of the base model on the test split.
BASE_LOSS = "test_loss_base"
# The same as they are told, each before what it is held against.
TOLD_LOSSES = ("eval_loss", BASE_LOSS, "test_loss", "train_loss", "loss")

# What depends on the machine and the hour, and not on what was trained.
MEASURED = ("runtime", "per_second", "memory", "time")


def is_measured(metric: str) -> bool:
    """Tell whether a metric is about how long the training took, how fast, or in how much memory."""
    return any(word in metric for word in MEASURED)


def digest(points: Iterable[Point]) -> str:
    """Give the SHA-256 of what was learnt: job, metric, step and value of each point that is not measured.

    Two trainings with equal digests have the same loss at every step, bit by bit.
    """
    told = sorted(
        (each.job, each.metric, each.step, _text(each.value))
        for each in points
        if not is_measured(each.metric)
    )
    return hashlib.sha256("\n".join(",".join(map(str, row)) for row in told).encode()).hexdigest()


def _text(value: float) -> str:
    return "nan" if math.isnan(value) else value.hex()
