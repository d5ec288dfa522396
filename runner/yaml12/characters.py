"""Characters that a text must not hold: those that nobody sees, and those that look like others."""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from runner.yaml12.places import Position, line_at, lines_of
from runner.yaml12.problems import Fault, Problem

# What `mask` puts in the place of a hidden character; YAML takes it.
MASK = "\ufffd"

# All but: what YAML calls printable, less what no reader sees (line and paragraph separators, zero width
# space, direction marks and overrides, a byte order mark in the middle).
_HIDDEN = (
    "[^\t\n\r\x20-\x7e\xa0-\u061b\u061d-\u200a\u200c\u200d\u2010-\u2027\u202f-\u2065\u206a-\ud7ff"
    "\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_NOT_ASCII = re.compile("[^\t\n\r\x20-\x7e]")
_TYPOGRAPHIC_QUOTES = ("\u201c", "\u201d", "\u2018", "\u2019", "\u00ab", "\u201e")
_NO_BREAK_SPACE = "\u00a0"
_NO_BREAK = Fault("hidden-character", "a no-break space stands here", "type a space, or quote the text")


def hidden_characters(text: str) -> Iterator[Problem]:
    """Find the first hidden character of each line."""
    if not _NOT_ASCII.search(text):
        return
    for number, line in enumerate(lines_of(text), start=1):
        match = _hidden().search(line)
        if match:
            message = f"the character {_code_point(match)} cannot be seen"
            yield Fault("hidden-character", message, "delete it").at(Position(number, match.start() + 1))


def mask(text: str) -> str:
    """Replace each hidden character, so that the rest can be parsed; places stay the same."""
    return _hidden().sub(MASK, text) if _NOT_ASCII.search(text) else text


def text_fault(text: str, *, plain: bool) -> Fault | None:
    """Tell what is wrong with the characters of a scalar, escapes resolved; `plain`: it is not quoted."""
    if not _NOT_ASCII.search(text):
        return None
    hidden = _hidden().search(text)
    if hidden:
        message = f"the text holds the character {_code_point(hidden)}"
        return Fault("hidden-character", message, "delete it")
    if plain and text.startswith(_TYPOGRAPHIC_QUOTES):
        return Fault("typographic-quote", "a typographic quote is no quote in YAML", "use \" or '")
    if plain and _NO_BREAK_SPACE in text:
        return _NO_BREAK
    return None


def place_of_fault(fault: Fault, text: str, start: Position) -> Position:
    """Give the place of a scalar's fault: where it begins, or the no-break space, which nobody would find."""
    if fault is not _NO_BREAK:
        return start
    lines = lines_of(text)
    for line in range(start.line, len(lines) + 1):
        column = lines[line - 1].find(_NO_BREAK_SPACE, start.column - 1 if line == start.line else 0) + 1
        if column:
            return Position(line, column)
    return start


def no_break_space(lines: Sequence[str], position: Position) -> Problem | None:
    """Find a no-break space on a line that cannot be read: it was meant as a space."""
    column = line_at(lines, position).partition(" #")[0].find(_NO_BREAK_SPACE) + 1
    return _NO_BREAK.at(Position(position.line, column)) if column else None


@cache
def _hidden() -> re.Pattern[str]:
    """Compile it where it is needed: that takes as long as to read a recipe."""
    return re.compile(_HIDDEN)


def _code_point(match: re.Match[str]) -> str:
    return f"U+{ord(match.group()):04X}"
