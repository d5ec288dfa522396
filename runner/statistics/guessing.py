"""Lengths in tokens where no tokenizer is at hand: a text's bytes over those that a token usually takes."""

from collections.abc import Sequence

from runner.catalog.figures import figure
from runner.statistics.conversation import ANSWERING, Length, Message


def length(messages: Sequence[Message], longest: int | None) -> Length:
    """Estimate a conversation's length; what a template writes around the messages is left out."""
    per_token = figure("bytes_per_token").span.likely
    learnt = end = 0.0
    for message in messages:
        begin, end = end, end + len(message["content"].encode()) / per_token
        if message["role"] == ANSWERING:
            learnt += _kept(end, longest) - _kept(begin, longest)
    tokens = max(1, round(end))
    return Length(tokens=tokens, kept=int(_kept(tokens, longest)), learnt=round(learnt))


def bounds(tokens: int) -> tuple[int, int]:
    """Give what an estimated number of tokens is at least and at most."""
    span = figure("bytes_per_token").span
    return round(tokens * span.likely / span.high), round(tokens * span.likely / span.low)


def _kept(tokens: float, longest: int | None) -> float:
    return tokens if longest is None else min(tokens, longest)
