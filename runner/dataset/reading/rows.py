"""One line of JSONL: read strictly, so that every later reader sees the same row in it.

No problem carries a word of the row: whose data it is has not agreed to see it in a log.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Never

MEND_ENCODING = "save it as UTF-8, such as iconv -f latin1 -t utf-8"
MEND_MARK = "save it without a byte order mark"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MAX_DEPTH = 64
_MAX_DIGITS = 19
_MAX_INTEGER = 2**63
# By the words of Python's parser; those that another version may have get the plain one.
_SYNTAX = {
    "Expecting property name enclosed in double quotes": (
        "is not JSON: a name does not stand in double quotes, {place}"
    ),
    "Invalid control character at": "is not JSON: a text has a line end or a control character, {place}",
    "Invalid \\escape": "is not JSON: a text has a backslash that escapes nothing, {place}",
}
_ODD_CHARACTERS = re.compile("[\x00\ud800-\udfff]")
# How the odd ones are written in a line; sound pairs of surrogates match too and are cleared by the walk.
_ODD_ESCAPES = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row cannot be used; `key` is the place within the row (`messages[2].role`)."""

    code: str
    message: str
    key: str = ""
    expected: str = ""
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the bytes that are written (without a line end) and the value they mean, or its problem."""

    line: bytes
    value: object = None
    problem: Problem | None = None


class _Refused(Exception):
    """Carries a problem out of the parser's hooks; no one outside meets it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def read(line: bytes) -> Row:
    """Parse a line as RFC 8259 has it: one spelling of each key, finite numbers, sound Unicode."""
    try:
        text = _text(line)
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_float,
            parse_int=_integer,
        )
        _check_shape(line, value)
    except _Refused as refused:
        return Row(line, problem=refused.problem)
    except json.JSONDecodeError as error:
        return Row(line, problem=_not_json(text, error))
    except RecursionError:
        return Row(line, problem=_too_deep())
    return Row(line, value)


def written(value: object) -> Row:
    """Write a value that was not JSON at its source; the same value gives the same bytes."""
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"), default=_plain)
        line = text.encode("ascii")
        _check_shape(line, value)
    except _Refused as refused:
        problem = refused.problem
    except ValueError:
        problem = _not_finite()
    except TypeError:
        problem = Problem("row-not-json", "has a column whose type JSON does not have")
    else:
        return Row(line, value)
    return Row(compact(value), problem=problem)


def compact(value: object) -> bytes:
    """Write what cannot be a row, so that its digest tells it from others."""
    return json.dumps(value, separators=(",", ":"), default=repr).encode("ascii")


def _not_json(text: str, error: json.JSONDecodeError) -> Problem:
    """Tell what was likely meant, by where and why the parser stopped, and by nothing that is said there."""
    place = f"at character {error.pos + 1}"
    if error.msg == "Extra data" and "\r" in text:
        message = "holds several rows, which carriage returns alone part"
        return Problem("row-carriage-return", message, "", "must be rows that end in a line feed")
    if error.msg == "Extra data":
        return Problem("row-not-json", f"is not JSON: it goes on after its value, {place}")
    if error.pos == 0 and "," in text:
        mend = "name the file .csv if it is one"
        return Problem("row-not-json", "is not JSON; it looks like a line of CSV", "", "must be JSON", mend)
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return Problem("row-not-json", "is not JSON: it breaks off before its value is whole")
    return Problem("row-not-json", _SYNTAX.get(error.msg, "is not JSON {place}").format(place=place))


def _text(line: bytes) -> str:
    if not line.strip():
        raise _Refused(Problem("row-blank", "is an empty line"))
    if line.startswith(_BYTE_ORDER_MARK):
        told, expected = "starts with a byte order mark", "must be UTF-8 without one"
        raise _Refused(Problem("row-byte-order-mark", told, "", expected, MEND_MARK))
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        is_wide = line.startswith(_WIDE_MARKS)
        told = "is in UTF-16" if is_wide else f"is not UTF-8 at byte {error.start + 1}"
        mend = "save it as UTF-8" if is_wide else MEND_ENCODING
        raise _Refused(Problem("row-not-utf8", told, "", "must be UTF-8", mend)) from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise _Refused(Problem("row-duplicate-key", "has a key twice in one object"))
    return content


def _refuse_constant(_name: str) -> Never:
    raise _Refused(_not_finite())


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused(Problem("row-not-finite", "has a number that is larger than a float can be"))
    return value


def _integer(text: str) -> int:
    value = int(text) if len(text) <= _MAX_DIGITS + 1 else _MAX_INTEGER
    if not -_MAX_INTEGER <= value < _MAX_INTEGER:
        raise _Refused(Problem("row-number-too-large", "has a whole number beyond 64 bits"))
    return value


def _check_shape(line: bytes, value: object) -> None:
    """Walk the row for depth and odd characters; only rows that could have them pay for it."""
    may_be_deep = line.count(b"[") + line.count(b"{") > _MAX_DEPTH
    if not may_be_deep and not _ODD_ESCAPES.search(line):
        return
    for depth, text in _walk(value):
        if depth > _MAX_DEPTH:
            raise _Refused(_too_deep())
        if odd := _ODD_CHARACTERS.search(text):
            raise _Refused(_odd(odd.group()))


def _walk(value: object) -> Iterator[tuple[int, str]]:
    """Give every text in a value, keys too, and for every container an empty one, with its depth."""
    left = [(1, value)]
    while left:
        depth, item = left.pop()
        if isinstance(item, str):
            yield depth, item
        elif isinstance(item, dict | list):
            yield depth, ""
            left.extend((depth + 1, child) for child in item)
            if isinstance(item, dict):
                left.extend((depth + 1, child) for child in item.values())


def _plain(value: object) -> str:
    """Write times, dates and decimals as text; bytes (an image, say) have no such form."""
    if isinstance(value, bytes | bytearray | memoryview):
        raise TypeError
    return str(value)


def _odd(character: str) -> Problem:
    if character == "\x00":
        return Problem("row-nul", "has a NUL character in a text")
    return Problem("row-lone-surrogate", "has half a surrogate pair in a text")


def _not_finite() -> Problem:
    return Problem("row-not-finite", "has a number that is not finite")


def _too_deep() -> Problem:
    return Problem("row-too-deep", f"nests deeper than {_MAX_DEPTH}")
