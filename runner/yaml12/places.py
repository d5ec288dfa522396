"""Where something stands: its path among the values, its line and column in the text."""

from typing import NamedTuple, Protocol

Key = tuple[str | int, ...]


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
