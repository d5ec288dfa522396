"""Where a real process is cut off or troubled: each request of a whole run, and each change of its files.

A request is known by its method, its route and its number among those; a run may send them in another order.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any

from tests.faults.forked import Doomed

_CHANGING = {"PUT", "POST", "DELETE", "PATCH"}
WHENS = ("before", "after_apply", "mid_response")
_STATUSES = (408, 500, 502, 503, 504)
_SOON = "Sat, 21 Nov 2026 08:00:01 GMT"
# A server that is busy may say when to come back, in seconds, as a date, in Microsoft's own way, or badly.
_BUSY: Mapping[str, Mapping[str, str]] = {
    "429 with seconds": {"Retry-After": "1"},
    "429 with a date": {"Retry-After": _SOON},
    "429 with milliseconds": {"x-ms-retry-after-ms": "100"},
    "429 with garbage": {"Retry-After": "soon"},
    "429 with a negative number": {"Retry-After": "-5"},
    "429 with a huge number": {"Retry-After": "999999999"},
    "429 with nothing": {},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request of a run."""

    method: str
    route: str
    nth: int

    def __str__(self) -> str:
        return f"{self.method} {self.route.rsplit('/providers/', 1)[-1]} #{self.nth}"

    @property
    def changes(self) -> bool:
        """Tell whether it may change the cloud."""
        return self.method in _CHANGING

    def rule(self, when: str, action: str, **args: object) -> Mapping[str, Any]:
        """Give the emulator's rule that meets it."""
        match = {"method": self.method, "route": self.route, "nth": self.nth}
        return {"match": match, "when": when, "action": action, "args": args}


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One cruelty: a rule of the emulator, or a change of a file that the process does not survive."""

    name: str
    rules: tuple[Mapping[str, Any], ...] = ()
    doomed: Doomed | None = None


def requests_of(seen: Sequence[Mapping[str, Any]]) -> list[Request]:
    """Give a run's requests by their numbers; what is polled in the background comes as often as it likes."""
    numbers: Counter[tuple[str, str]] = Counter()
    found = []
    for each in seen:
        key = (each["method"], each["route"])
        numbers[key] += 1
        if "OperationsStatus" not in each["route"]:
            found.append(Request(method=key[0], route=key[1], nth=numbers[key]))
    return found


def kills(requests: Sequence[Request], changes: int) -> list[Point]:
    """Give every kill there is."""
    at_requests = [
        Point(name=f"kill {when} {request}", rules=(request.rule(when, "kill_pid"),))
        for request in requests
        for when in WHENS
    ]
    at_changes = [
        Point(
            name=f"kill {'after' if after else 'before'} change {number} of a file",
            doomed=Doomed(nth=number, after=after),
        )
        for number in range(1, changes + 1)
        for after in (False, True)
    ]
    return at_requests + at_changes


def troubles(requests: Sequence[Request]) -> list[Point]:
    """Give every trouble that passes."""
    return [point for request in requests for point in _troubles(request)]


def _troubles(request: Request) -> Iterator[Point]:
    def point(name: str, when: str, action: str, **args: object) -> Point:
        return Point(name=f"{name} at {request}", rules=(request.rule(when, action, **args),))

    for name, headers in _BUSY.items():
        yield point(name, "before", "status", status=429, headers=headers)
    for status in _STATUSES:
        yield point(f"{status}", "before", "status", status=status)
    yield point("reset before it was applied", "before", "reset")
    yield point("reset after it was applied", "after_apply", "reset")
    yield point("half an answer", "mid_response", "half")
    if not request.route.startswith("/_identity"):
        yield point("expired token", "before", "expire_tokens")


def spread(points: Sequence[Point], count: int) -> list[Point]:
    """Choose some points, as far apart as they go, and of each kind that takes turns in the list."""
    if count >= len(points):
        return list(points)
    stride = len(points) // count
    while gcd(stride, len(points)) > 1 or gcd(stride, 2 * len(WHENS)) > 1:
        stride += 1
    return [points[index * stride % len(points)] for index in range(count)]
