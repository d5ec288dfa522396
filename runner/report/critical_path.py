"""Which chain of steps a run took its time for: the longest way through what needs what."""

from collections.abc import Mapping, Sequence


def critical_path(seconds: Mapping[str, float], needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Give the chain of steps whose times add up to the most, first step first.

    `needs` names each step after those it needs. A step without a time (it never began) is stepped over: its
    needs stand for it. Of chains that took equally long the one with the most steps is given.
    """

    def weight(chain: tuple[str, ...]) -> tuple[float, int]:
        return sum(seconds[step] for step in chain), len(chain)

    longest: dict[str, tuple[str, ...]] = {}
    for step, needed in needs.items():
        before = max((longest[each] for each in needed if each in longest), key=weight, default=())
        longest[step] = (*before, step) if step in seconds else before
    return max(longest.values(), key=weight, default=())
