"""Which bytes of Parquet files hold the rows and columns that are asked for: told from the footers alone."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from runner.dataset.fetching.held import Span
from runner.dataset.selection import Picked

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData, RowGroupMetaData


def reached(files: Sequence["FileMetaData"], picked: Picked, columns: Sequence[str]) -> list[list[Span]]:
    """Give for each file of a split the column chunks to read, the last rows of a group left out by estimate.

    Where a page begins is not in the footer; rows are taken to be of one size.
    """
    found, first = [], 0
    for file in files:
        found.append(list(_of_file(file, first, picked, columns)))
        first += file.num_rows
    return found


def _of_file(file: "FileMetaData", first: int, picked: Picked, columns: Sequence[str]) -> Iterator[Span]:
    for index in range(file.num_row_groups):
        group = file.row_group(index)
        if numbers := picked.within(first, first + group.num_rows):
            yield from _of_group(group, numbers[-1] + 1 - first, columns)
        first += group.num_rows


def _of_group(group: "RowGroupMetaData", rows: int, columns: Sequence[str]) -> Iterator[Span]:
    for index in range(group.num_columns):
        chunk = group.column(index)
        if chunk.path_in_schema.partition(".")[0] in columns:
            starts = (chunk.dictionary_page_offset, chunk.data_page_offset)
            first = min(start for start in starts if start)
            yield first, first + -(-chunk.total_compressed_size * rows // group.num_rows)
