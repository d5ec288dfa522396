"""How full batches are: what padding wastes, by the order in which rows come, and what packing would save."""

from collections.abc import Sequence
from random import Random

# transformers 5.23.0, trainer_pt_utils.py: get_length_grouped_indices.
_MEGABATCHES_AT_LEAST = 4
_BATCHES_AT_MOST = 50


def wasted(batches: Sequence[Sequence[int]]) -> float:
    """Give the share of positions that are filled up where each batch is padded to its longest row."""
    positions = sum(max(batch) * len(batch) for batch in batches)
    return 1 - sum(map(sum, batches)) / positions


def wasted_at(lengths: Sequence[int], longest: int) -> float:
    """Give it where every row is padded to the same length."""
    return 1 - sum(lengths) / (len(lengths) * longest)


def at_random(lengths: Sequence[int], batch_size: int, seed: int) -> list[Sequence[int]]:
    """Draw batches in random order, the same for the same seed."""
    drawn = list(lengths)
    Random(seed).shuffle(drawn)  # noqa: S311 - a repeatable draw, not a secret
    return _cut(drawn, batch_size)


def by_length(lengths: Sequence[int], batch_size: int, seed: int) -> list[Sequence[int]]:
    """Draw batches of rows of like length, as transformers does for `group_by_length`.

    Rows in random order are cut into pieces of up to 50 batches and each piece is sorted, longest first; the
    longest row of all changes its place with the very first.
    """
    drawn = list(lengths)
    Random(seed).shuffle(drawn)  # noqa: S311 - as above
    together = max(1, min(len(drawn) // (batch_size * _MEGABATCHES_AT_LEAST), _BATCHES_AT_MOST)) * batch_size
    pieces = [sorted(piece, reverse=True) for piece in _cut(drawn, together)]
    longest = max(range(len(pieces)), key=lambda at: pieces[at][0])
    pieces[0][0], pieces[longest][0] = pieces[longest][0], pieces[0][0]
    return _cut([length for piece in pieces for length in piece], batch_size)


def packed(lengths: Sequence[int], longest: int) -> int:
    """Count the rows of full length that hold all, none cut: each, longest first, into the first with room.

    The room that is left is kept in a tree whose nodes know the most below them, which finds the first in as
    many looks as the tree is high.
    """
    height = (min(len(lengths), 2 * (sum(lengths) // longest) + 2) - 1).bit_length()
    leaves = 1 << height
    room = [longest] * (2 * leaves)
    for length in sorted(lengths, reverse=True):
        at = 1
        while at < leaves:
            at = 2 * at + (room[2 * at] < length)
        room[at] -= length
        while at > 1:
            at //= 2
            room[at] = max(room[2 * at], room[2 * at + 1])
    return sum(left < longest for left in room[leaves:])


def _cut(lengths: Sequence[int], size: int) -> list[Sequence[int]]:
    return [lengths[at : at + size] for at in range(0, len(lengths), size)]
