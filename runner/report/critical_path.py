"""Which chain of steps a run took its time for: the longest way through what needs what."""

from collections.abc import Mapping, Sequence


def critical_path(seconds: Mapping[str, float], needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Give the chain of steps whose times add up to the most, first step first.

    `needs` names each step after those it needs. A step without a time (it never began) is stepped over: its
    needs stand for it. Of equal chains the one found first is given.
    """
    longest: dict[str, tuple[str, ...]] = {}
    for step, needed in needs.items():
        before = max(
            (longest.get(each, ()) for each in needed), key=lambda chain: _sum(chain, seconds), default=()
        )
        longest[step] = (*before, step) if step in seconds else before
    return max(longest.values(), key=lambda chain: _sum(chain, seconds), default=())


def _sum(chain: Sequence[str], seconds: Mapping[str, float]) -> float:
    return sum(seconds[step] for step in chain)
