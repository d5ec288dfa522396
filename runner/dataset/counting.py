"""How many rows there are in files that lie here, and how many of them a run would take, at a glance."""

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.dataset.reading import files
from runner.dataset.selection import taken
from runner.errors import Diagnostic, RecipeInvalid
from runner.recipe import Dataset

# Longer lines of a split are measured by their head: a plan is not worth reading gigabytes for.
MOST_BYTES_READ = 64 * 1024 * 1024
_BLOCK = 1024 * 1024
_LINES = frozenset({".jsonl", ".ndjson"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """The rows of a split at its source, and their bytes, with those of columns that are not trained on.

    `exact` is False where the number of rows was concluded from the head of long files.
    """

    rows: int
    bytes: int
    exact: bool = True


def unusable(dataset: Dataset, folder: Path) -> Mapping[str, Diagnostic]:
    """Find files that are not there or are none, by role; what the environment names is not known yet."""
    found: dict[str, Diagnostic] = {}
    if dataset.path is None or "${env:" in dataset.path:
        return found
    for role, split in dataset.splits().items():
        try:
            files.find(folder, dataset.path, split, role)
        except RecipeInvalid as invalid:
            found[role] = invalid.diagnostics[0]
    return found


def sizes(dataset: Dataset, folder: Path, *, footers: bool) -> Mapping[str, Size]:
    """Measure the splits whose files lie here, by role, before anything is taken of them.

    Absent is what lies elsewhere or cannot be told without reading all of it. Nothing is fetched. `footers`:
    those of Parquet files may be read, which takes a library that a plan without a cloud does without.
    """
    if dataset.path is None:
        return {}
    written, splits = dataset.path, dataset.splits()
    found = {role: _size(written, split, role, folder, footers=footers) for role, split in splits.items()}
    return {role: size for role, size in found.items() if size is not None}


def expected(dataset: Dataset, found: Mapping[str, Size]) -> Mapping[str, int]:
    """Count the rows that a run would have for each role; about so many where some are held out."""
    counted = {role: taken(dataset, size.rows) for role, size in found.items() if size.exact}
    if "train" not in counted:
        return counted
    held_out = {role: round(counted["train"] * share / 100) for role, share in dataset.carved().items()}
    return {**counted, "train": counted["train"] - sum(held_out.values()), **held_out}


def size_of(paths: Sequence[Path], *, footers: bool) -> Size | None:
    """Measure the files of one split, which are all of one format."""
    try:
        ending = paths[0].suffix
        if ending in _LINES:
            return _of_lines(paths)
        return _of_footers(paths) if ending == files.PARQUET and footers else None
    except (OSError, ValueError):  # the latter is what a broken footer is told as
        return None


def _size(written: str, split: str, role: str, folder: Path, *, footers: bool) -> Size | None:
    try:
        return size_of(files.find(folder, written, split, role).paths, footers=footers)
    except RecipeInvalid:
        return None


def _of_lines(paths: Sequence[Path]) -> Size:
    total = sum(_regular(path) for path in paths)
    lines = read = 0
    for path in paths:
        if read < MOST_BYTES_READ:
            more, length = _count(path, MOST_BYTES_READ - read)
            lines, read = lines + more, read + length
    if read >= total:
        return Size(rows=lines, bytes=read)
    return Size(rows=round(total * lines / read), bytes=total, exact=False)


def _regular(path: Path) -> int:
    """Give a file's bytes. Raises OSError for what is no file, and may never end."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError
    return status.st_size


def _count(path: Path, most: int) -> tuple[int, int]:
    """Count the lines of a file and the bytes they take, up to the most that is read.

    A last line without an end counts, unless reading stopped in it.
    """
    lines = read = 0
    last = b"\n"
    with path.open("rb") as file:
        while read < most and (block := file.read(_BLOCK)):
            lines += block.count(b"\n")
            read += len(block)
            last = block[-1:]
        ended = not file.read(1)
    return lines + (ended and last != b"\n"), read


def _of_footers(paths: Sequence[Path]) -> Size:
    from pyarrow import parquet  # noqa: PLC0415 - heavy, and most files are lines

    footers = [parquet.read_metadata(path) for path in paths]
    groups = [footer.row_group(index) for footer in footers for index in range(footer.num_row_groups)]
    return Size(
        rows=sum(footer.num_rows for footer in footers), bytes=sum(group.total_byte_size for group in groups)
    )
