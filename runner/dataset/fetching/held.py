"""Which bytes of a file are held: pure spans, each from its first byte to before its past one."""

from collections.abc import Iterable
from dataclasses import dataclass

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Held:
    """Spans that rise and neither touch nor overlap."""

    spans: tuple[Span, ...] = ()

    def adding(self, first: int, past: int) -> "Held":
        """Hold these bytes too."""
        return Held(merged((*self.spans, (first, past))))

    def gap(self, first: int, past: int) -> Span | None:
        """Give the first of these bytes that are not held, up to the next that are; None if all are."""
        for begin, end in self.spans:
            if end <= first:
                continue
            if begin > first:
                return first, min(past, begin)
            first = end
            if first >= past:
                return None
        return (first, past) if first < past else None

    def missing(self, first: int, past: int) -> int:
        """Count those of these bytes that are not held."""
        inside = (min(past, end) - max(first, begin) for begin, end in self.spans)
        return past - first - sum(size for size in inside if size > 0)


def merged(spans: Iterable[Span], *, apart: int = 0) -> tuple[Span, ...]:
    """Sort spans and join those that touch, overlap, or lie at most so many bytes apart."""
    joined: list[Span] = []
    for first, past in sorted(spans):
        if joined and first <= joined[-1][1] + apart:
            joined[-1] = (joined[-1][0], max(past, joined[-1][1]))
        elif first < past:
            joined.append((first, past))
    return tuple(joined)
