"""The marker lines that an unresolved merge leaves in a file."""

import re
from collections.abc import Iterator

from runner.yaml12.places import Position
from runner.yaml12.problems import Fault, Problem

_MARKER = re.compile(r"^(?:<{7}|>{7})(?: .*)?\r?$", re.MULTILINE)
_CONFLICT = Fault(
    "merge-conflict", "an unresolved merge conflict", "keep one side and delete the marker lines"
)


def merge_conflicts(text: str) -> Iterator[Problem]:
    """Find where each side of a conflict is marked."""
    for match in _MARKER.finditer(text):
        yield _CONFLICT.at(Position(text.count("\n", 0, match.start()) + 1, 1))
