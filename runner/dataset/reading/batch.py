"""Rows on their way from a source, some hundred at a time, and each still known by its file and number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from runner.dataset.reading.rows import Row
from runner.dataset.selection import Picked

if TYPE_CHECKING:
    import pyarrow as pa


class Batch(Protocol):
    """Some rows of one file."""

    @property
    def label(self) -> str:
        """Name the file, as a diagnostic does."""

    @property
    def numbers(self) -> Sequence[int]:
        """Give the rows' numbers in the file, from 1."""

    def rows(self) -> Sequence[Row]:
        """Give each row: a mapping of the source's columns, or what was wrong with reading it."""

    def column(self, name: str) -> "pa.Array | None":
        """Give a whole column where it lies in memory as one; None where the rows come one by one."""


class Source(Protocol):
    """One split where it is from. `source` names it in the manifest, `label` in a diagnostic."""

    source: str
    label: str
    revision: str | None

    def count(self) -> int:
        """Count the rows, reading no more than that takes."""

    def batches(self, picked: Picked, columns: Sequence[str]) -> Iterator[Batch]:
        """Give the picked rows in their order, with these columns if they are there; may be called again."""


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Rows that were read one by one, from a file of lines for instance."""

    label: str
    numbers: Sequence[int]
    values: Sequence[Row]

    def rows(self) -> Sequence[Row]:
        """Give the rows."""
        return self.values

    def column(self, name: str) -> None:
        """Have no column in one piece."""
        del name
