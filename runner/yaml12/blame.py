"""Where a syntax error began: a parser stops where it cannot go on, which may be lines further down."""

import re
from collections.abc import Sequence

import yaml

from runner.yaml12.places import Position, line_at, position_of

_QUOTES = frozenset({"'", '"'})
_AFTER_A_QUOTE = frozenset({"", " ", "\t", "\r", ",", ":", "]", "}"})
# Compiled where a text is wrong, not for every recipe.
_KEY_OF_A_LINE = r"\s*[^\s:]+\s*$"
_BETWEEN_BRACKETS = r"(?<=[\[{,:])\s*(?:\"[^\"]*\"|'[^']*')|(?:^|(?<=\s))#[^\n]*|[\[\]{}]"


def open_quote(last: yaml.Event | None, lines: Sequence[str], stopped: Position) -> Position | None:
    """Give the quote of a text that ends too early or too late: at an apostrophe, or at the next quote."""
    if not isinstance(last, yaml.ScalarEvent) or last.style not in _QUOTES:
        return None
    end = position_of(last.end_mark)
    goes_on = _after(lines, end)[:1] not in _AFTER_A_QUOTE
    taken_in = _is_long(last) and stopped.line == end.line
    return position_of(last.start_mark) if goes_on or taken_in else None


def no_key(last: yaml.Event | None, lines: Sequence[str]) -> Position | None:
    """Give the line that was meant as `key: value` and was read as a text, perhaps with lines below it."""
    if not isinstance(last, yaml.ScalarEvent) or last.style in _QUOTES or not last.implicit[0]:
        return None
    start, end = position_of(last.start_mark), position_of(last.end_mark)
    if _before(lines, start).strip() or (not _is_long(last) and _after(lines, end).lstrip().startswith(":")):
        return None
    return start


def pushed_key(lines: Sequence[str], colon: Position) -> Position | None:
    """Give the key that stands too far to the right, so that it was read as more of the text above it."""
    before = _before(lines, colon)
    if colon.line == 1 or not re.match(_KEY_OF_A_LINE, before):
        return None
    return Position(colon.line, len(before) - len(before.lstrip()) + 1)


def is_closed(lines: Sequence[str], bracket: Position) -> bool:
    """Tell whether a bracket or brace has its counterpart further down."""
    depth = 0
    text = "\n".join([_after(lines, bracket), *lines[bracket.line :]])
    for match in re.finditer(_BETWEEN_BRACKETS, text, re.MULTILINE):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match.group(), 0)
        if depth == 0:
            return True
    return False


def is_to_blame(last: yaml.Event | None, place: Position) -> bool:
    """Tell whether a text is not what was meant: the error is its own, or it took in what was to be a key."""
    if not isinstance(last, yaml.ScalarEvent) or last.style in {"|", ">"}:
        return False
    return _is_long(last) or place in {position_of(last.start_mark), position_of(last.end_mark)}


def _is_long(event: yaml.ScalarEvent) -> bool:
    return position_of(event.start_mark).line < position_of(event.end_mark).line


def _before(lines: Sequence[str], position: Position) -> str:
    return line_at(lines, position)[: position.column - 1]


def _after(lines: Sequence[str], position: Position) -> str:
    return line_at(lines, position)[position.column - 1 :]
