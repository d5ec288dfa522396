"""Where the rows of a split are from: a file beside the recipe, or files of a dataset on the Hub."""

import difflib
import os
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from runner.dataset.batch import Batch, RowBatch
from runner.dataset.rows import Problem, Row, read
from runner.dataset.selection import Picked
from runner.errors import Diagnostic, RecipeInvalid

MAX_ROW_BYTES = 16 * 1024 * 1024
_ROWS_AT_ONCE = 256


class FileSplit:
    """A file `<folder>/<split>.jsonl`."""

    revision: str | None = None

    def __init__(self, folder: Path, written: str, split: str, role: str) -> None:
        self.source = f"{written}/{split}.jsonl"
        self.path = Path(os.path.normpath(folder / written)) / f"{split}.jsonl"
        self.label = str(self.path)
        self._refuse_unless_file(split, role)

    def count(self) -> int:
        """Count the lines; a last one without an end counts too."""
        return count_lines(self.path)

    def batches(self, picked: Picked, columns: Sequence[str]) -> Iterator[Batch]:
        """Give the picked rows."""
        del columns  # a line is read as a whole
        return in_batches(read_lines(self.path), self.label, picked)

    def _refuse_unless_file(self, split: str, role: str) -> None:
        if Path(split).name != split or not split.isprintable():
            raise refusal(self.label, role, "bad-split-name", "the name of a split holds no folder")
        try:
            regular = stat.S_ISREG(self.path.stat().st_mode)
        except OSError:
            raise self._missing(split, role) from None
        if not regular:
            raise refusal(self.label, role, "not-a-file", "the split is not a regular file")

    def _missing(self, split: str, role: str) -> RecipeInvalid:
        there = sorted(path.stem for path in islice(self.path.parent.glob("*.jsonl"), 100))
        return no_such_split(self.label, role, split, there)


def read_lines(path: Path) -> Iterator[Row]:
    r"""Read rows, parted at \n alone: other line ends of Unicode may stand within a text."""
    with path.open("rb") as file:
        while line := file.readline(MAX_ROW_BYTES + 1):
            if len(line) > MAX_ROW_BYTES and not line.endswith(b"\n"):
                while (rest := file.readline(MAX_ROW_BYTES)) and not rest.endswith(b"\n"):
                    pass
                limit = MAX_ROW_BYTES // 1024 // 1024
                yield Row(b"", problem=Problem("row-too-long", f"is longer than {limit} MiB"))
            else:
                yield read(line.rstrip(b"\r\n"))


def in_batches(rows: Iterator[Row], label: str, picked: Picked) -> Iterator[Batch]:
    """Give the picked ones of a file's rows, and read none beyond the last of them."""
    first, last = 0, picked.numbers[-1]
    while chunk := list(islice(rows, min(_ROWS_AT_ONCE, last + 1 - first))):
        if numbers := picked.within(first, first + len(chunk)):
            values = [chunk[number - first] for number in numbers]
            yield RowBatch(label, [number + 1 for number in numbers], values)
        first += len(chunk)


def count_lines(path: Path) -> int:
    """Count lines in blocks, so that neither a long line nor a long file takes memory."""
    lines, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(1024 * 1024):
            lines += block.count(b"\n")
            last = block[-1:]
    return lines + (last != b"\n")


def no_such_split(label: str, role: str, split: str, there: Sequence[str]) -> RecipeInvalid:
    """Say that a split is not there, which ones are, and which was likely meant."""
    close = difflib.get_close_matches(split, there, n=1)
    return refusal(
        label,
        role,
        "no-such-split",
        f"the split {split!r} is not there",
        expected=f"one of {', '.join(there)}" if there else "",
        mend=f"did you mean {close[0]}?" if close else "",
    )


def refusal(  # noqa: PLR0913 the fields of a diagnostic, each said once by the caller
    label: str, field: str, code: str, message: str, *, expected: str = "", mend: str = ""
) -> RecipeInvalid:
    """Refuse a whole split, by the recipe's field that asks for it."""
    diagnostic = Diagnostic(
        path=label,
        line=1,
        column=1,
        code=code,
        key=f"dataset.{field}",
        message=message,
        expected=expected,
        mend=mend,
    )
    return RecipeInvalid("the data set cannot be used as the recipe names it", (diagnostic,))
