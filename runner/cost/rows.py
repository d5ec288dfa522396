"""How many rows would be trained on and how long they are, as far as that is known without fetching any."""

import stat
from dataclasses import dataclass
from pathlib import Path

from runner.catalog.datasets import known_split
from runner.recipe import Dataset

# A longer file is measured by its head: a plan is not worth reading gigabytes for.
MOST_BYTES_READ = 64 * 1024 * 1024
_BLOCK = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """The rows of the splits at their source, before `percent` is taken of them.

    `validation` is None where the recipe names no such split. The bytes are those of whole lines, hence of
    columns too that are not trained on. `counted` is False where the number of rows was concluded from the
    head of a long file. `origin` says where the figures are from.
    """

    train: int
    validation: int | None
    bytes_per_row: float
    counted: bool
    origin: str


@dataclass(frozen=True, slots=True)
class _Size:
    rows: int
    bytes: int
    counted: bool
    origin: str


def rows_of(dataset: Dataset, folder: Path) -> Rows | None:
    """Measure the recipe's files, or look its data set up; None where neither tells.

    `folder` is the recipe's. At most `MOST_BYTES_READ` of each file are read, and nothing is fetched. A file
    that is not there is no error here: the dataset step tells of it.
    """
    train = _size(dataset, folder, dataset.train)
    validation = _size(dataset, folder, dataset.validation) if dataset.validation else None
    if train is None or not train.rows or (dataset.validation and validation is None):
        return None
    return Rows(
        train=train.rows,
        validation=validation.rows if validation else None,
        bytes_per_row=train.bytes / train.rows,
        counted=train.counted and (validation is None or validation.counted),
        origin=train.origin,
    )


def _size(dataset: Dataset, folder: Path, split: str) -> _Size | None:
    if dataset.path is not None:
        return _measured(folder / dataset.path / f"{split}.jsonl")
    if dataset.huggingface is not None:
        found = known_split(dataset.huggingface, split)
        return _Size(found.rows, found.bytes, True, f"{found.source} ({found.as_of})") if found else None  # noqa: FBT003 - the fields' order is right above
    return None


def _measured(path: Path) -> _Size | None:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return None
        lines, read = _count(path)
    except (OSError, ValueError):
        return None
    if read >= status.st_size:
        return _Size(lines, read, True, "counted in the file")  # noqa: FBT003 - as above
    rows = round(status.st_size * lines / read)
    return _Size(rows, status.st_size, False, "concluded from the head of the file")  # noqa: FBT003 - as above


def _count(path: Path) -> tuple[int, int]:
    """Count the lines of a file and the bytes they take, up to the most that is read.

    A last line without an end counts, unless reading stopped in it.
    """
    lines = read = 0
    last = b"\n"
    with path.open("rb") as file:
        while read < MOST_BYTES_READ and (block := file.read(_BLOCK)):
            lines += block.count(b"\n")
            read += len(block)
            last = block[-1:]
        ended = not file.read(1)
    return lines + (ended and last != b"\n"), read
