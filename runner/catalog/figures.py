"""Figures that nobody knows exactly, such as how well a GPU is used: each a span, with its reason."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "figures.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """What a figure is at least, likely and at most."""

    low: float
    likely: float
    high: float

    def times(self, factor: float) -> "Span":
        """Multiply by what is known exactly and is not negative."""
        return Span(low=self.low * factor, likely=self.likely * factor, high=self.high * factor)

    def plus(self, other: "Span") -> "Span":
        """Add a span, end to end."""
        return Span(low=self.low + other.low, likely=self.likely + other.likely, high=self.high + other.high)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A span with its unit, why it is what it is, the public source of what is known, and its day."""

    name: str
    span: Span
    unit: str
    reason: str
    source: str
    as_of: str


def exactly(value: float) -> Span:
    """Give the span of what is known exactly."""
    return Span(low=value, likely=value, high=value)


def figure(name: str) -> Figure:
    """Look up a figure of `figures.json`; that it is there is ours to see to."""
    content = _read()
    entry = content["figures"][name]
    return Figure(
        name=name,
        span=Span(low=entry["low"], likely=entry["likely"], high=entry["high"]),
        unit=entry["unit"],
        reason=entry["reason"],
        source=entry["source"],
        as_of=content["as_of"],
    )


@cache
def _read() -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return content
