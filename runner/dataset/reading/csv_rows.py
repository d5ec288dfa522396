"""Files of comma-separated values, as RFC 4180 has them: a header, then rows whose cells are texts.

No cell is taken for anything else: `=1+1`, `007` and `true` stay what they are.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from runner.dataset.reading import lines
from runner.dataset.reading.refusals import refusal
from runner.dataset.reading.rows import MEND_ENCODING, Problem, Row, compact, written
from runner.errors import RecipeInvalid

MAX_COLUMNS = 10_000
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_BYTE_ORDER_MARK = "\ufeff"
_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True, slots=True)
class _Broken:
    """A record that could not be parted into cells, as the lines that it took."""

    problem: Problem
    lines: Sequence[str]


Record = list[str] | _Broken


def count(path: Path) -> int:
    """Count the rows after the header: a line end within quotes parts none, so that they have to be read."""
    return sum(1 for _ in islice(_records(path), 1, None))


def rows(path: Path, numbers: Sequence[int]) -> Iterator[Row]:
    """Give the rows of these numbers (from 0, rising), each as an object with a text for each column."""
    records = _records(path)
    names = _header(path, next(records, []))
    passed = 0
    for number in numbers:
        yield _row(names, next(islice(records, number - passed, None), []))
        passed = number + 1


def header(path: Path) -> Sequence[str]:
    """Give the columns' names. Raises RecipeInvalid where the first line cannot be a header."""
    return _header(path, next(_records(path), []))


def _records(path: Path) -> Iterator[Record]:
    # The limit is the process's, and far too low for a long answer; it is the same for all who come here.
    csv.field_size_limit(lines.MAX_ROW_BYTES)
    taken: list[str] = []
    reader = csv.reader(_noted(_texts(path), taken), strict=True)
    while True:
        taken.clear()
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _Broken(_unreadable(str(error)), tuple(taken))


def _noted(texts: Iterable[str], taken: list[str]) -> Iterator[str]:
    """Take note of each line that a record takes: of one that breaks nothing else is left."""
    for text in texts:
        taken.append(text)
        yield text


def _texts(path: Path) -> Iterator[str]:
    """Give the lines; bytes that are not UTF-8 come as surrogates, by which their row is found."""
    with path.open("rb") as file:
        first = True
        while (line := lines.line_of(file)) != b"":
            # One that is too long comes as a cell that is, too.
            text = (
                "x" * (lines.MAX_ROW_BYTES + 1) if line is None else line.decode("utf-8", "surrogateescape")
            )
            # Excel writes the mark, and no name begins with it.
            yield text.removeprefix(_BYTE_ORDER_MARK) if first else text
            first = False


def _header(path: Path, record: Record) -> Sequence[str]:
    if isinstance(record, _Broken):
        raise _refusal(path, f"the header {record.problem.message}")
    named = [name for name in record if name]
    if not named:
        raise _refusal(path, "the file has no header")
    if len(record) > MAX_COLUMNS:
        raise _refusal(path, f"the header has {len(record)} columns", f"must be at most {MAX_COLUMNS}")
    if len(set(named)) != len(named):
        raise _refusal(path, "the header has a name twice", "must be a name of its own for each column")
    if any(map(_NOT_UTF8.search, named)):
        raise _refusal(path, "the header is not UTF-8", mend=MEND_ENCODING)
    for delimiter, word in _OTHER_DELIMITERS.items():
        if len(record) == 1 and delimiter in record[0]:
            raise _refusal(path, f"the columns are parted by {word}", "must be commas")
    return record


def _row(names: Sequence[str], record: Record) -> Row:
    if isinstance(record, _Broken):
        return Row(compact(record.lines), problem=record.problem)
    if problem := _problem(names, record):
        return Row(compact(record), problem=problem)
    return written({name: cell for name, cell in zip(names, record, strict=True) if name})


def _problem(names: Sequence[str], record: Sequence[str]) -> Problem | None:
    if not record:
        return Problem("row-blank", "is an empty line")
    if len(record) != len(names):
        return Problem("row-ragged", f"has {len(record)} cells, and the header has {len(names)}")
    if any(map(_NOT_UTF8.search, record)):
        return Problem("row-not-utf8", "has a cell that is not UTF-8", "", "must be UTF-8", MEND_ENCODING)
    return lines.too_long() if sum(map(len, record)) > lines.MAX_ROW_BYTES else None


def _unreadable(words: str) -> Problem:
    """Tell what the parser met, by its words, which never quote a cell."""
    if words.startswith("field larger"):
        return lines.too_long()
    if words.startswith("unexpected end"):
        return Problem("row-not-csv", "has a quote that is never closed")
    if words.startswith("new-line character"):
        message = "has a carriage return outside quotes"
        return Problem("row-not-csv", message, "", "must be lines that end in a line feed")
    expected = "must be a comma, or a quote twice"
    return Problem("row-not-csv", "has something after a closing quote", "", expected)


def _refusal(path: Path, message: str, expected: str = "", mend: str = "") -> RecipeInvalid:
    return refusal(str(path), "path", "csv-header", message, expected=expected, mend=mend)
