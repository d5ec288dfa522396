"""Which rows of a split are taken: pure, and the same however the split's files are cut."""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random

from runner.recipe import Dataset, Sampling


@dataclass(frozen=True, slots=True)
class Picked:
    """Rows of one split by their numbers from 0, rising; `total` counts the split's rows."""

    total: int
    numbers: Sequence[int]

    def __len__(self) -> int:
        """Count the rows that are taken."""
        return len(self.numbers)

    def within(self, first: int, past: int) -> Sequence[int]:
        """Give the numbers from `first` to before `past`: those of one file, say, or of one row group."""
        return self.numbers[bisect_left(self.numbers, first) : bisect_left(self.numbers, past)]


def pick(dataset: Dataset, split: str, total: int) -> Picked:
    """Pick the rows that the recipe asks for of a split with so many rows.

    At random, every row gets a place in an order that hangs on the seed, the split's name and its number
    alone, and the first so many are taken: more of them are those and others.
    """
    wanted = taken(dataset, total)
    if dataset.sample is Sampling.HEAD or wanted == total:
        return Picked(total, range(wanted))
    # Python keeps what `random()` gives for a seed from version to version, as of no other method.
    draw = Random(f"{dataset.seed} {split}").random  # noqa: S311 - a repeatable draw, not a secret
    places = array("d", (draw() for _ in range(total)))
    first = sorted(range(total), key=places.__getitem__)[:wanted]
    return Picked(total, array("Q", sorted(first)))


def taken(dataset: Dataset, total: int) -> int:
    """Count the rows taken of so many; half a row is rounded to even, as `datasets` rounds `[:5%]`."""
    if dataset.rows is not None:
        return min(dataset.rows, total)
    exact = Decimal(total) * Decimal(str(dataset.percent)) / 100
    return int(exact.to_integral_value(ROUND_HALF_EVEN))
