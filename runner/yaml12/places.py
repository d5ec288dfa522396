"""Where something stands: its path among the values, its line and column in the text."""

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

Key = tuple[str | int, ...]

_LINE_END = r"\r\n?|\n"


class Position(NamedTuple):
    """A place in a file; both count from 1. A tuple, since there is one for each key and each value."""

    line: int
    column: int


START = Position(1, 1)


class Mark(Protocol):
    """What PyYAML's two kinds of marks have in common; they count from 0."""

    line: int
    column: int


def position_of(mark: Mark | None) -> Position:
    """Give the place of a mark; the start of the file where PyYAML has none."""
    return START if mark is None else Position(mark.line + 1, mark.column + 1)


def lines_of(text: str) -> list[str]:
    """Split where YAML does: a carriage return ends a line, too."""
    return re.split(_LINE_END, text)


def line_at(lines: Sequence[str], position: Position) -> str:
    """Give the line of a place; an empty one for the place behind the last."""
    return lines[position.line - 1] if position.line <= len(lines) else ""
