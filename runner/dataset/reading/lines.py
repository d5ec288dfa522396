r"""Files of JSON lines: parted at \n alone, and parsed only where a row is asked for."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from runner.dataset.reading.refusals import refusal
from runner.dataset.reading.rows import Problem, Row, read

MAX_ROW_BYTES = 16 * 1024 * 1024
_BLOCK_BYTES = 1024 * 1024


def count(path: Path) -> int:
    """Count lines in blocks, so that neither a long line nor a long file takes memory.

    Raises RecipeInvalid where they are those of one JSON array.
    """
    lines, first, last = 0, b"", b"\n"
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            lines += block.count(b"\n")
            first, last = first or block.lstrip()[:1], block
    if first == b"[" and last.rstrip().endswith(b"]"):
        mend = f"name it {path.stem}.json"
        raise refusal(
            str(path), "path", "json-array", "this is a JSON array", expected="must be JSON lines", mend=mend
        )
    return lines + (not last.endswith(b"\n"))


def rows(path: Path, numbers: Sequence[int]) -> Iterator[Row]:
    """Give the rows of these numbers (from 0, rising); what follows the last is not read."""
    passed = 0
    with path.open("rb") as file:
        for number in numbers:
            for _ in range(number - passed):
                line_of(file)
            line = line_of(file)
            yield Row(b"", problem=too_long()) if line is None else read(line.rstrip(b"\r\n"))
            passed = number + 1


def line_of(file: BinaryIO) -> bytes | None:
    r"""Read one line with its \n; None in place of one that is longer than a row may be.

    Other line ends of Unicode (U+2028, U+0085) may stand within a text.
    """
    line = file.readline(MAX_ROW_BYTES + 1)
    if len(line) <= MAX_ROW_BYTES or line.endswith(b"\n"):
        return line
    while (rest := file.readline(MAX_ROW_BYTES)) and not rest.endswith(b"\n"):
        pass
    return None


def too_long() -> Problem:
    """Say that a row is longer than any that can be trained on."""
    return Problem("row-too-long", f"is longer than {MAX_ROW_BYTES // 1024 // 1024} MiB")
