"""The rows of a prepared split, or as many of them as can be looked at in seconds."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from random import Random

from runner.dataset import PreparedSplit
from runner.statistics.conversation import Message

# Tokens are counted at some megabytes a second.
MOST_BYTES = 16 * 1024 * 1024
# Of a split that is small beside the others so many rows are looked at all the same.
_FEWEST_ROWS = 50


def wanted(splits: Mapping[str, PreparedSplit]) -> Mapping[str, int]:
    """Tell how many rows of each split are looked at: all, up to `MOST_BYTES` in all, else a share alike."""
    total = sum(split.bytes for split in splits.values())
    share = min(1.0, MOST_BYTES / total) if total else 1.0
    return {
        role: min(split.rows, max(_FEWEST_ROWS, ceil(split.rows * share))) for role, split in splits.items()
    }


def conversations(split: PreparedSplit, rows: int) -> Iterator[Sequence[Message]]:
    """Give so many rows, evenly spread over the split and always the same."""
    left = _spread(rows, split.rows)
    wanted_next = next(left, None)
    with split.path.open("rb") as lines:
        for number, line in enumerate(lines):
            if number == wanted_next:
                yield json.loads(line)["messages"]
                wanted_next = next(left, None)


def _spread(some: int, rows: int) -> Iterator[int]:
    """Cut the rows into as many stretches and draw one of each: rows at even steps may be of one kind."""
    draw = Random(rows).random  # noqa: S311 - a repeatable draw, not a secret
    for number in range(some):
        first, past = number * rows // some, (number + 1) * rows // some
        yield first + int(draw() * (past - first))
