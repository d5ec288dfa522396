"""A conversation as it is trained on, and how long it is."""

from collections.abc import Mapping
from dataclasses import dataclass

Message = Mapping[str, str]
ANSWERING = "assistant"


class NotRendered(Exception):
    """A chat template is none, or does not take a conversation; no one outside this room meets it."""


@dataclass(frozen=True, slots=True)
class Length:
    """A conversation in tokens: in all, those left within the longest input, and of those the learnt ones.

    `learnt` is None where the template does not show where the answers begin. Of a length that is estimated,
    `beyond_ascii` tells for how many of its tokens no usual size is known.
    """

    tokens: int
    kept: int
    learnt: int | None
    beyond_ascii: float = 0.0

    @property
    def is_trained_on(self) -> bool:
        """Whether an answer, or a part of one, is left."""
        return (self.kept if self.learnt is None else self.learnt) > 0
