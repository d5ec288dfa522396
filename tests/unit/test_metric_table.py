"""The table of what a training logged: what comes back from the disk, and what its digest is of."""

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runner import metric_table
from runner.errors import UsageError
from runner.metric_table import Point

LOSS = Point(job="x_finetune", metric="loss", step=1, value=0.1 + 0.2, time="2026-11-21T08:23:00.123Z")
SPEED = replace(LOSS, metric="train_tokens_per_second", value=1234.5)
MEMORY = replace(LOSS, metric="peak_memory_mib", value=812.25)


def test_what_was_written_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / metric_table.FILE_NAME
    points = (LOSS, replace(LOSS, step=2, value=1e-300), replace(LOSS, step=3, value=-math.inf), SPEED)
    metric_table.write(points, path)
    assert metric_table.read(path) == points
    assert path.read_text().splitlines()[:2] == [
        "job,metric,step,value,time",
        "x_finetune,loss,1,0.30000000000000004,2026-11-21T08:23:00.123Z",
    ]


def test_what_is_no_number_comes_back_as_that(tmp_path: Path) -> None:
    path = tmp_path / metric_table.FILE_NAME
    metric_table.write([replace(LOSS, value=math.nan)], path)
    [point] = metric_table.read(path)
    assert math.isnan(point.value)


def test_a_table_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert metric_table.read(tmp_path / metric_table.FILE_NAME) == ()


@pytest.mark.parametrize(
    "text",
    [
        "epoch,loss\n1,2\n",
        "job,metric,step,value,time\nx,loss,one,2,t\n",
        "job,metric,step,value,time\nx,loss,1\n",
        "job,metric,step,value,time\nx,loss,1,2\n",
        'job,metric,step,value,time\nx,"loss,1,2,t\n',
        b"\xff\xfe",
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / metric_table.FILE_NAME
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match="not a table of metrics"):
        metric_table.read(path)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_only_a_plain_file_is_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """A folder of runs may come from anybody: what waits, or never ends, is not read."""
    path = tmp_path / metric_table.FILE_NAME
    make(path)
    with pytest.raises(UsageError, match="not a table of metrics"):
        metric_table.read(path)


def test_the_digest_is_of_what_was_learnt() -> None:
    """Neither when, nor how fast, nor in which order it was told."""
    told = metric_table.digest([LOSS, SPEED, MEMORY])
    later = replace(LOSS, time="2026-11-22T00:00:00.000Z")
    assert metric_table.digest([replace(MEMORY, value=1.0), later]) == told
    nearly = replace(LOSS, value=math.nextafter(LOSS.value, 1))
    assert metric_table.digest([nearly, SPEED, MEMORY]) != told
    second = replace(LOSS, step=2)
    assert metric_table.digest([LOSS, second]) == metric_table.digest([second, LOSS]) != told
    unknown = [replace(LOSS, value=math.nan)]
    assert metric_table.digest(unknown) == metric_table.digest(unknown) != told
