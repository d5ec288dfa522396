"""What points have in common, rows and cluster: one point makes it, the others begin once it is there."""

from collections.abc import Hashable, Mapping, Sequence
from threading import Lock

Key = Hashable


class Shared:
    """Tells which point may begin. `needs` are, by point and step, what the step makes or finds made.

    Of points with something in common, the first goes ahead alone until that is made; if it ends without, the
    next one does. May be told from several threads.
    """

    def __init__(self, needs: Mapping[int, Mapping[str, Key]], made: set[Key]) -> None:
        self._needs = needs
        self._made = made
        self._making: dict[Key, int] = {}
        self._lock = Lock()

    def next(self, waiting: Sequence[int]) -> int | None:
        """Choose the first that may begin, and count it as begun; None while all have to wait."""
        with self._lock:
            for index in waiting:
                keys = set(self._needs[index].values()) - self._made
                if not keys & self._making.keys():
                    self._making |= dict.fromkeys(keys, index)
                    return index
        return None

    def succeeded(self, index: int, step: str) -> None:
        """Note that a step of a point is done."""
        key = self._needs[index].get(step)
        with self._lock:
            if key is not None:
                self._made.add(key)
                self._making.pop(key, None)

    def ended(self, index: int) -> None:
        """Note that a point has ended, whatever it came to."""
        with self._lock:
            self._making = {key: maker for key, maker in self._making.items() if maker != index}
