"""Parquet files: of the row groups with picked rows, the columns that are asked for, in small batches."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from runner.dataset.reading.batch import Batch
from runner.dataset.reading.columns import MESSAGE_KEYS, absent
from runner.dataset.reading.refusals import refusal
from runner.dataset.reading.rows import Problem, Row, written
from runner.dataset.selection import Picked
from runner.errors import RecipeInvalid

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet

Opener = Callable[[], BinaryIO]

# As many rows come at a time as take about so many bytes: fewer are too much to and fro between threads.
_BATCH_BYTES = 4 * 1024 * 1024
_FEWEST_ROWS, _MOST_ROWS = 16, 512
# A column of a row group is read in pieces: some writers make one group of a whole file.
_BYTES_AT_ONCE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ArrowBatch:
    """Rows as they lie in a file of columns."""

    label: str
    numbers: Sequence[int]
    content: "pa.RecordBatch"

    def rows(self) -> Sequence[Row]:
        """Give the rows one by one, which takes ten times as long as a column."""
        try:
            return [_written(value) for value in self.content.to_pylist()]
        except UnicodeDecodeError:  # some row of them
            return [self._row(index) for index in range(len(self.numbers))]

    def column(self, name: str) -> "pa.Array | None":
        """Give a column; None if there is none of that name, or several."""
        found = self.content.schema.get_all_field_indices(name)
        return self.content.column(found[0]) if len(found) == 1 else None

    def _row(self, index: int) -> Row:
        try:
            return _written(self.content.slice(index, 1).to_pylist()[0])
        except UnicodeDecodeError:
            return Row(b"", problem=Problem("row-not-utf8", "has a text that is not UTF-8"))


def _written(row: Mapping[str, object]) -> Row:
    return written({name: _without_others(value) for name, value in row.items()})


def _without_others(value: object) -> object:
    """Leave out of messages what is not trained on: an image, say, which JSON has no form for."""
    if not isinstance(value, list):
        return value
    return [
        {key: said for key, said in each.items() if key in MESSAGE_KEYS} if isinstance(each, dict) else each
        for each in value
    ]


class ParquetSource:
    """One split in one file, or in several that follow each other; each may lie here or be opened anew."""

    def __init__(
        self,
        files: Sequence[Path | Opener],
        label: str,
        source: str,
        revision: str | None = None,
        *,
        labels: Sequence[str] | None = None,
    ) -> None:
        self.label = label
        self.source = source
        self.revision = revision
        names = labels or [str(file) if isinstance(file, Path) else label for file in files]
        self._files = [_File(file, name) for file, name in zip(files, names, strict=True)]

    def count(self) -> int:
        """Count the rows, as each file's last bytes tell."""
        return sum(file.rows for file in self._files)

    def footers(self) -> "Sequence[parquet.FileMetaData]":
        """Give what the last bytes of each file tell of it. Raises RecipeInvalid where they are none."""
        return [file.metadata for file in self._files]

    def batches(self, picked: Picked, columns: Sequence[str]) -> Iterator[Batch]:
        """Give the picked rows, file by file."""
        first = 0
        for file in self._files:
            yield from file.batches(first, picked, columns)
            first += file.rows


@dataclass(eq=False)
class _File:
    file: Path | Opener
    label: str

    @cached_property
    def metadata(self) -> "parquet.FileMetaData":
        with self._errors(), self._opened(None) as opened:
            return opened.metadata

    @property
    def rows(self) -> int:
        return int(self.metadata.num_rows)

    def batches(self, start: int, picked: Picked, columns: Sequence[str]) -> Iterator[Batch]:
        """Give this file's picked rows; `start` is the number of its first in the split."""
        if not picked.within(start, start + self.rows):
            return
        with self._errors(), self._opened(self.metadata) as opened:
            names = opened.schema_arrow.names
            if refused := absent(self.label, names, columns):
                raise refused
            there = list(columns)
            for first, group in self._groups(start, picked):
                rows = _rows_at_once(self.metadata.row_group(group))
                pieces = opened.iter_batches(rows, row_groups=[group], columns=there, use_threads=False)
                for at, content in _picked(pieces, first, picked):
                    yield ArrowBatch(self.label, [number - start + 1 for number in at], content)

    def _groups(self, start: int, picked: Picked) -> Iterator[tuple[int, int]]:
        """Give the row groups that hold a picked row, each after the number of its first row."""
        first = start
        for group in range(self.metadata.num_row_groups):
            past = first + self.metadata.row_group(group).num_rows
            if picked.within(first, past):
                yield first, group
            first = past

    @contextmanager
    def _opened(self, metadata: "parquet.FileMetaData | None") -> "Iterator[parquet.ParquetFile]":
        from pyarrow import parquet  # noqa: PLC0415 heavy, and most commands load no data

        with ExitStack() as stack:
            file = self.file if isinstance(self.file, Path) else stack.enter_context(self.file())
            yield stack.enter_context(
                parquet.ParquetFile(
                    file,
                    metadata=metadata,
                    buffer_size=_BYTES_AT_ONCE,
                    pre_buffer=False,
                    page_checksum_verification=True,  # where the pages have one
                )
            )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Say of a file that is no Parquet, or a torn one, that it is; why is in the cause."""
        import pyarrow as pa  # noqa: PLC0415 as above

        try:
            yield
        except pa.ArrowException as error:
            raise self._unreadable() from error
        except OSError as error:
            if error.errno is not None:  # of the disk; without a number it is the library's
                raise
            raise self._unreadable() from error

    def _unreadable(self) -> RecipeInvalid:
        message = "is no Parquet file, or not a whole one"
        mend = "" if isinstance(self.file, Path) else "if it is sound there: delete $HF_HOME/runner, its copy"
        return refusal(self.label, "path", "unreadable-file", message, mend=mend)


def _rows_at_once(group: "parquet.RowGroupMetaData") -> int:
    fitting = int(_BATCH_BYTES * group.num_rows // max(group.total_byte_size, 1))
    return max(_FEWEST_ROWS, min(_MOST_ROWS, fitting))


def _picked(
    pieces: "Iterable[pa.RecordBatch]", first: int, picked: Picked
) -> "Iterator[tuple[Sequence[int], pa.RecordBatch]]":
    """Take the picked rows out of the pieces of a row group, and no piece after the last of them."""
    for content in pieces:
        past = first + content.num_rows
        if numbers := picked.within(first, past):
            yield numbers, _taken(content, [number - first for number in numbers])
        if past > picked.numbers[-1]:
            return
        first = past


def _taken(content: "pa.RecordBatch", indices: Sequence[int]) -> "pa.RecordBatch":
    if len(indices) == indices[-1] - indices[0] + 1:
        return content.slice(indices[0], len(indices))
    return content.take(indices)
