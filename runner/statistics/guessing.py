"""Lengths in tokens where no tokenizer is at hand: a text's bytes over those that a token usually takes."""

from collections.abc import Sequence

from runner.catalog.figures import figure
from runner.statistics.conversation import ANSWERING, Length, Message

# Of the bytes: French and German stay below, a Slavic language with accents may not.
_MOST_BEYOND_ASCII = 0.1


def length(messages: Sequence[Message], longest: int | None) -> Length:
    """Estimate a conversation's length; what a template writes around the messages is left out."""
    per_token = figure("bytes_per_token").span.likely
    learnt = end = 0.0
    beyond_ascii = 0
    for message in messages:
        size = len(message["content"].encode())
        begin, end = end, end + size / per_token
        beyond_ascii += size - len(message["content"].encode("ascii", "ignore"))
        if message["role"] == ANSWERING:
            learnt += _kept(end, longest) - _kept(begin, longest)
    tokens = max(1, round(end))
    return Length(
        tokens=tokens,
        kept=int(_kept(tokens, longest)),
        learnt=round(learnt),
        beyond_ascii=beyond_ascii / per_token,
    )


def is_bounded(lengths: Sequence[Length]) -> bool:
    """Tell whether bounds can be given: tokenizers differ by far on Chinese or emoji."""
    return sum(each.beyond_ascii for each in lengths) <= _MOST_BEYOND_ASCII * sum(
        each.tokens for each in lengths
    )


def bounds(tokens: int) -> tuple[int, int]:
    """Give what an estimated number of tokens of mostly ASCII text is at least and at most."""
    span = figure("bytes_per_token").span
    return round(tokens * span.likely / span.high), round(tokens * span.likely / span.low)


def _kept(tokens: float, longest: int | None) -> float:
    return tokens if longest is None else min(tokens, longest)
