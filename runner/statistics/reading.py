"""The rows of a prepared split, or as many of them as can be looked at in seconds."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from random import Random

from runner.dataset import PreparedSplit, Progress
from runner.statistics.conversation import Message

# Tokens are counted at some megabytes a second.
MOST_BYTES = 16 * 1024 * 1024
# Of a split that is small beside the others so many rows are looked at all the same, if they are not large.
_FEWEST_ROWS = 50
_SMALL = 8


def wanted(splits: Mapping[str, PreparedSplit], most_bytes: int = MOST_BYTES) -> Mapping[str, int]:
    """Tell how many rows of each split are looked at: all, up to `most_bytes` in all, else a share alike."""
    total = sum(split.bytes for split in splits.values())
    share = min(1.0, most_bytes / total) if total else 1.0
    return {
        role: min(split.rows, max(_fewest(split, most_bytes), ceil(split.rows * share)))
        for role, split in splits.items()
    }


def _fewest(split: PreparedSplit, most_bytes: int) -> int:
    """Give `_FEWEST_ROWS`, or as many as have an eighth of `most_bytes` where rows are large."""
    return max(1, min(_FEWEST_ROWS, most_bytes * split.rows // (_SMALL * max(1, split.bytes))))


def conversations(split: PreparedSplit, rows: int, progress: Progress) -> Iterator[Sequence[Message]]:
    """Give so many rows, evenly spread over the split and always the same; each is told first.

    What `progress` raises ends it.
    """
    left = _spread(rows, split.rows)
    wanted_next, read = next(left, None), 0
    with split.path.open("rb") as lines:
        for number, line in enumerate(lines):
            read += len(line)
            if number == wanted_next:
                progress(f"counting the tokens of {split.role}", read, split.bytes)
                yield json.loads(line)["messages"]
                wanted_next = next(left, None)
            if wanted_next is None:
                return


def _spread(some: int, rows: int) -> Iterator[int]:
    """Cut the rows into as many stretches and draw one of each: rows at even steps may be of one kind."""
    draw = Random(rows).random  # noqa: S311 - a repeatable draw, not a secret
    for number in range(some):
        first, past = number * rows // some, (number + 1) * rows // some
        yield first + int(draw() * (past - first))
