"""A `.json` file: one array of objects, or else JSON lines under another name."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.dataset.reading import lines
from runner.dataset.reading.columns import MESSAGE_KEYS
from runner.dataset.reading.refusals import refusal
from runner.dataset.reading.rows import MEND_MARK, Row, read
from runner.errors import RecipeInvalid

# It is read whole: nothing tells where a row of it begins but what stands before.
MAX_BYTES = 64 * 1024 * 1024
_WHITE = " \t\n\r"
# A character for each byte: what parts an array is ASCII, and UTF-8 is a matter of each row. With its real
# characters a text may take four times the memory.
_BYTES = "latin-1"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FIRST_BYTES = 4096
# Finds where a value ends. What its numbers are is told by those who read the row; to convert them here
# would fail for those of some thousand digits.
_EXTENT = json.JSONDecoder(parse_int=str, parse_float=str)


def count(path: Path) -> int:
    """Count the objects of the array, or the lines. Raises RecipeInvalid where the array is none."""
    if _is_array(path):
        return sum(1 for _ in _elements(path))
    _refuse_object(path)
    return lines.count(path)


def rows(path: Path, numbers: Sequence[int]) -> Iterator[Row]:
    """Give the rows of these numbers (from 0, rising), each read as strictly as a line."""
    if not _is_array(path):
        yield from lines.rows(path, numbers)
        return
    wanted = iter(numbers)
    number = next(wanted, None)
    for index, text in enumerate(_elements(path)):
        if index == number:
            line = text.encode(_BYTES)
            is_too_long = len(line) > lines.MAX_ROW_BYTES
            yield Row(b"", problem=lines.too_long()) if is_too_long else read(line)
            number = next(wanted, None)
        if number is None:
            return


def _is_array(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(_FIRST_BYTES).removeprefix(_BYTE_ORDER_MARK).lstrip(_WHITE.encode()).startswith(b"[")


def _refuse_object(path: Path) -> None:
    """Refuse a file that is one object with the rows in it, or one row that takes several lines."""
    if path.stat().st_size > MAX_BYTES:
        return
    text = path.read_bytes().decode(_BYTES)
    start = _past_white(text, 0)
    try:
        value, end = _EXTENT.raw_decode(text, start)
    except (json.JSONDecodeError, RecursionError):  # told of its row
        return
    is_whole = isinstance(value, dict) and _past_white(text, end) == len(text)
    if is_whole and ("\n" in text[start:end] or any(map(_holds_rows, value.values()))):
        expected = "must be an array of objects, or JSON lines"
        mend = "take the array out of the object, such as jq .data"
        raise refusal(
            str(path), "path", "json-object", "the file is one object", expected=expected, mend=mend
        )


def _holds_rows(value: object) -> bool:
    """Tell a list of rows from one of messages, which a single row has."""
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and MESSAGE_KEYS.isdisjoint(first)


def _elements(path: Path) -> Iterator[str]:
    """Give the text of each value of the array."""
    text = _text(path)
    at = _past_white(text, _past_white(text, 0) + 1)
    if text[at : at + 1] == "]":
        _refuse_rest(path, text, at)
        return
    while True:
        end = _end(path, text, at)
        yield text[at:end]
        at = _past_white(text, end)
        if text[at : at + 1] == "]":
            _refuse_rest(path, text, at)
            return
        if text[at : at + 1] != ",":
            raise _broken(path, text, at, "the array breaks off, or a comma is missing")
        at = _past_white(text, at + 1)


def _text(path: Path) -> str:
    size = path.stat().st_size
    if size > MAX_BYTES:
        message = f"the array is of {size // 1024 // 1024} MiB, and is read whole"
        expected, mend = (
            f"must be at most {MAX_BYTES // 1024 // 1024} MiB",
            "write it as JSON lines: jq -c '.[]'",
        )
        raise refusal(str(path), "path", "json-too-large", message, expected=expected, mend=mend)
    text = path.read_bytes().decode(_BYTES)
    if text.startswith(_BYTE_ORDER_MARK.decode(_BYTES)):
        message, expected = "the file starts with a byte order mark", "must be UTF-8 without one"
        raise refusal(str(path), "path", "file-byte-order-mark", message, expected=expected, mend=MEND_MARK)
    return text


def _end(path: Path, text: str, at: int) -> int:
    try:
        return _EXTENT.raw_decode(text, at)[1]
    except json.JSONDecodeError as error:
        raise _broken(path, text, error.pos, "the array is not JSON") from None
    except RecursionError:
        raise _broken(path, text, at, "a value of the array nests too deep") from None


def _past_white(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _WHITE:
        at += 1
    return at


def _refuse_rest(path: Path, text: str, at: int) -> None:
    rest = _past_white(text, at + 1)
    if rest < len(text):
        raise _broken(path, text, rest, "the file goes on after its array")


def _broken(path: Path, text: str, at: int, message: str) -> RecipeInvalid:
    number, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    place = f"at byte {column} of line {number}"
    return refusal(
        str(path), "path", "json-broken", f"{message}, {place}", expected="must be an array of objects"
    )
