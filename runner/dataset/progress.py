"""How far the rows are on their way, for those who watch."""

from typing import Protocol


class Progress(Protocol):
    """Is called from time to time, from any thread."""

    def __call__(self, doing: str, done: int, total: int | None, /) -> None:
        """Tell what is being done, how many bytes of it are done, and of how many, if known."""


def silent(doing: str, done: int, total: int | None) -> None:
    """Tell nobody."""
    del doing, done, total
