"""Where each key and value of a valid recipe stands, found by a scanner that shares nothing with the reader.

It knows what recipes are written in, block mappings, flow mappings and scalars of one line, and nothing else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

Path = tuple[str, ...]


class Form(StrEnum):
    """How a value is written."""

    SCALAR = "scalar"
    BLOCK = "block mapping"
    FLOW = "flow mapping"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text, from offset to offset."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A key and its value; `in_flow` tells that the entry itself stands between braces."""

    path: Path
    key: Span
    value: Span
    form: Form
    in_flow: bool

    @property
    def section(self) -> str:
        return self.path[0]

    @property
    def name(self) -> str:
        return self.path[-1]

    @property
    def above(self) -> Path:
        return self.path[:-1]

    @property
    def is_scalar(self) -> bool:
        return self.form is Form.SCALAR


_BLOCK_LINE = re.compile(
    r"(?P<indent> *)(?P<key>[\w.-]+|\"[\w.-]+\")(?P<gap> *:)(?: +(?P<value>[^#\s].*))?(?: *#.*)?$"
)
_SCALAR = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|[^\n]*?(?=\s*(?:$|\s#))", re.MULTILINE)
_FLOW_SCALAR = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|[^,{}\n]*?(?=\s*[,}\n])")
_FLOW_KEY = re.compile(r"(?P<key>[\w.-]+|\"[\w.-]+\") *: *")
_FLOW_GAP = re.compile(r"(?:\s|,|#[^\n]*\n)*")


def entries(text: str) -> tuple[Entry, ...]:
    """Find every entry of a recipe, in the order of the text."""
    found = sorted(_Scanner(text).scan(), key=lambda entry: entry.key.start)
    return tuple(_with_its_end(entry, found) for entry in found)


def _with_its_end(entry: Entry, found: list[Entry]) -> Entry:
    """Give a block mapping the stretch from its first key to the end of its last value."""
    if entry.form is not Form.BLOCK:
        return entry
    depth = len(entry.path)
    below = [other for other in found if other.path[:depth] == entry.path and len(other.path) > depth]
    assert below, f"{'.'.join(entry.path)}: this scanner reads mappings and scalars only"
    span = Span(below[0].key.start, max(other.value.end for other in below))
    return Entry(path=entry.path, key=entry.key, value=span, form=Form.BLOCK, in_flow=False)


class _Scanner:
    """Goes over a text once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0  # of what has been scanned: a flow mapping takes several lines

    def scan(self) -> Iterator[Entry]:
        open_blocks: list[tuple[int, Path]] = []
        for line in re.finditer(r"[^\n]*\n?", self._text):
            match = _BLOCK_LINE.match(line.group().rstrip("\n"))
            if match is None or line.start() < self._end:
                continue
            indent = len(match["indent"])
            open_blocks = [block for block in open_blocks if block[0] < indent]
            path = (*(open_blocks[-1][1] if open_blocks else ()), match["key"].strip('"'))
            key = Span(line.start() + match.start("key"), line.start() + match.end("key"))
            if match["value"] is None:
                open_blocks.append((indent, path))
                yield Entry(path=path, key=key, value=key, form=Form.BLOCK, in_flow=False)
            else:
                start = line.start() + match.start("value")
                yield from self._entry(path, key, start, in_flow=False)

    def _entry(self, path: Path, key: Span, start: int, *, in_flow: bool) -> Iterator[Entry]:
        if self._text[start] == "{":
            below = list(self._flow(path, start + 1))
            span = Span(start, self._end)
            yield Entry(path=path, key=key, value=span, form=Form.FLOW, in_flow=in_flow)
            yield from below
            return
        match = (_FLOW_SCALAR if in_flow else _SCALAR).match(self._text, start)
        assert match is not None
        self._end = match.end()
        yield Entry(path=path, key=key, value=Span(start, match.end()), form=Form.SCALAR, in_flow=in_flow)

    def _flow(self, path: Path, start: int) -> Iterator[Entry]:
        self._end = self._after_gap(start)
        while self._text[self._end] != "}":
            match = _FLOW_KEY.match(self._text, self._end)
            assert match is not None, self._text[self._end :][:40]
            key = Span(match.start("key"), match.end("key"))
            yield from self._entry((*path, match["key"].strip('"')), key, match.end(), in_flow=True)
            self._end = self._after_gap(self._end)
        self._end += 1

    def _after_gap(self, start: int) -> int:
        match = _FLOW_GAP.match(self._text, start)
        assert match is not None
        return match.end()
