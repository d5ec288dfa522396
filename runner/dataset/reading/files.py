"""A split in files that lie here: which they are, and how files of their format are read."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from runner.dataset.reading import csv_rows, json_array, lines, split_files
from runner.dataset.reading.batch import Batch, RowBatch, Source
from runner.dataset.reading.columns import absent
from runner.dataset.reading.magic import refuse_foreign
from runner.dataset.reading.refusals import refusal
from runner.dataset.reading.rows import Row
from runner.dataset.selection import Picked

PARQUET = ".parquet"
_ROWS_AT_ONCE = 256
_MAX_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class Format:
    """How the rows of a file are counted, and given by their numbers from 0; `header` where it has one."""

    count: Callable[[Path], int]
    rows: Callable[[Path, Sequence[int]], Iterator[Row]]
    header: Callable[[Path], Sequence[str]] | None = None


_LINES = Format(lines.count, lines.rows)
_FORMATS: Mapping[str, Format] = {
    ".jsonl": _LINES,
    ".ndjson": _LINES,
    ".json": Format(json_array.count, json_array.rows),
    ".csv": Format(csv_rows.count, csv_rows.rows, csv_rows.header),
}


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one split, in order; `source` names them in the manifest, `label` in a diagnostic."""

    paths: Sequence[Path]
    source: str
    label: str

    def size(self) -> int:
        """Add up their bytes. Raises OSError."""
        return sum(path.stat().st_size for path in self.paths)


def local(folder: Path, written: str, split: str, role: str) -> Source:
    """Give a split of the recipe's `path:`. Raises RecipeInvalid where it is not there, or cannot be read."""
    found = find(folder, written, split, role)
    for path in found.paths:
        try:
            refuse_foreign(path, str(path), role)
        except OSError as error:
            message = f"the file cannot be read: {error.strerror}"
            raise refusal(str(path), role, "unreadable-file", message) from None
    return source(found.paths, found.label, found.source)


def source(
    paths: Sequence[Path],
    label: str,
    source: str,
    revision: str | None = None,
    *,
    labels: Sequence[str] | None = None,
) -> Source:
    """Give the rows of files that follow each other, all of the format that the first name ends with.

    `labels` are the files' names, if their paths are not what people know them by (those of a cache).
    """
    names = labels or [str(path) for path in paths]
    ending = Path(names[0]).suffix
    if ending == PARQUET:
        from runner.dataset.reading.parquet import ParquetSource  # noqa: PLC0415 heavy, and files of lines do without

        parquet: Source = ParquetSource(paths, label, source, revision, labels=names)
        return parquet
    return _RowSource(source, label, revision, _FORMATS[ending], tuple(zip(paths, names, strict=True)))


def find(folder: Path, written: str, split: str, role: str) -> Files:
    """Find the file of a split, or its shards, in the folder or its `data`, and nothing else beside it.

    Nothing is opened. Raises RecipeInvalid.
    """
    home = Path(os.path.normpath(folder / written))
    label = str(home / split)
    if Path(split).name != split or not split.isprintable():
        raise refusal(label, role, "bad-split-name", "the name of a split holds no folder")
    _refuse_unless_folder(home)
    names = [str(Path(place) / name) for place in split_files.PLACES for name in _names(home / place)]
    shown, files = split_files.choose(names, label, role, split)
    paths = [home / file for file in files]
    _refuse_unless_files(paths, role)
    return Files(paths, f"{written}/{shown}", str(home / shown))


def _names(home: Path) -> Sequence[str]:
    try:
        with os.scandir(home) as entries:
            return [entry.name for entry in islice(entries, _MAX_ENTRIES)]
    except OSError:
        return ()


def _refuse_unless_folder(home: Path) -> None:
    if home.is_dir():
        return
    there = home.exists()
    message, mend = ("is a file", "name its folder") if there else ("is not there", "")
    expected = "must be a folder" if there else "must be a folder, as seen from the recipe's"
    raise refusal(str(home), "path", "no-such-folder", message, expected=expected, mend=mend)


def _refuse_unless_files(paths: Sequence[Path], role: str) -> None:
    """Refuse folders, pipes and devices, which may give rows without end; a link may lead to a file."""
    for path in paths:
        try:
            regular = stat.S_ISREG(path.stat().st_mode)
        except OSError:
            regular = False
        if not regular:
            raise refusal(str(path), role, "not-a-file", "the split is not a regular file")


@dataclass
class _RowSource:
    """A split whose rows are read one by one."""

    source: str
    label: str
    revision: str | None
    format: Format
    files: Sequence[tuple[Path, str]]

    def count(self) -> int:
        """Count the rows of all files."""
        return sum(self._counts)

    def batches(self, picked: Picked, columns: Sequence[str]) -> Iterator[Batch]:
        """Give the picked rows, file by file.

        Raises RecipeInvalid where none of the rows has a column that is asked for; at once if none has any.
        """
        lacking, first = _Lacking(self.label, columns), 0
        for (path, label), total in zip(self.files, self._counts, strict=True):
            if self.format.header:
                lacking.add(self.format.header(path), whole=True)
            numbers = [number - first for number in picked.within(first, first + total)]
            for batch in _batches(self.format.rows(path, numbers), label, numbers):
                lacking.look(batch.values)
                yield batch
            first += total
        lacking.refuse()

    @cached_property
    def _counts(self) -> Sequence[int]:
        return [self.format.count(path) for path, _ in self.files]


def _batches(rows: Iterator[Row], label: str, numbers: Sequence[int]) -> Iterator[RowBatch]:
    for start in range(0, len(numbers), _ROWS_AT_ONCE):
        some = numbers[start : start + _ROWS_AT_ONCE]
        yield RowBatch(label, [number + 1 for number in some], tuple(islice(rows, len(some))))


class _Lacking:
    """The columns that no row has had so far."""

    def __init__(self, label: str, columns: Sequence[str]) -> None:
        self._label = label
        self._columns = columns
        self._left = set(columns)
        self._there: dict[str, None] = {}
        self._looked = False

    def add(self, names: Iterable[str], *, whole: bool = False) -> None:
        """Take note of the columns that a row, or the whole of a file, has."""
        self._there.update(dict.fromkeys(names))
        self._left -= self._there.keys()
        if whole:
            self.refuse()

    def look(self, rows: Sequence[Row]) -> None:
        """Take note of some rows, and refuse the split if the first ones have nothing that is asked for."""
        if not self._left:
            return
        objects = [row.value for row in rows if isinstance(row.value, dict)]
        for each in objects:
            self.add(each)
        if objects and not self._looked:
            self._looked = True
            if len(self._left) == len(self._columns):
                self.refuse()

    def refuse(self) -> None:
        """Refuse the split for a column that no row has; where no row could be read nothing is known."""
        if self._there and self._left and (refused := absent(self._label, self._there, self._columns)):
            raise refused
