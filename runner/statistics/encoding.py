"""Conversations to their lengths in a model's own tokens, and how many of those are learnt from.

The rule is the trainer's: answers alone are learnt from, each with the mark that ends it. One begins where
the template stops when it is asked to prompt for one, and ends where the conversation up to it, rendered
alone, no longer reads the same. A row is cut after the longest input; a first token is never predicted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

from runner.statistics.conversation import ANSWERING, Length, Message, NotRendered
from runner.statistics.tokenizer import Tokenizer

if TYPE_CHECKING:
    from runner.statistics.template import ChatTemplate

_Span = tuple[int, int]
_ROWS_AT_ONCE = 256
_FIRST, _PAST = itemgetter(0), itemgetter(1)


def lengths(
    tokenizer: Tokenizer, conversations: Iterable[Sequence[Message]], longest: int | None
) -> Iterator[Length | None]:
    """Give the length of each, None for one that the template does not take."""
    left = iter(conversations)
    while some := list(islice(left, _ROWS_AT_ONCE)):
        rendered = [_rendered(tokenizer.template, messages) for messages in some]
        encoded = iter(tokenizer.offsets([each[0] for each in rendered if each]))
        for each in rendered:
            yield _length(next(encoded), each[1], longest) if each else None


def _rendered(
    template: "ChatTemplate", messages: Sequence[Message]
) -> tuple[str, Sequence[_Span] | None] | None:
    """Give a conversation as text and where its answers are, None for the latter where that does not show."""
    try:
        whole = template.render(messages)
        return whole, _answers(template, messages, whole)
    except NotRendered:
        return None


def _answers(template: "ChatTemplate", messages: Sequence[Message], whole: str) -> Sequence[_Span] | None:
    spans = []
    for at, message in enumerate(messages):
        if message["role"] != ANSWERING:
            continue
        if at == 0:
            raise NotRendered("nothing comes before the answer")  # as transformers has it
        before = template.render(messages[:at], add_generation_prompt=True)
        if not whole.startswith(before):
            return None
        is_last = at + 1 == len(messages)
        after = whole if is_last else template.render(messages[: at + 1])
        spans.append((len(before), _common_length(whole, after)))
    return spans


def _common_length(one: str, other: str) -> int:
    """Count the characters with which two texts begin alike, by halves: texts are compared quickly."""
    if one.startswith(other):
        return len(other)
    return bisect_left(range(1, len(other) + 1), x=True, key=lambda size: not one.startswith(other[:size]))


def _length(offsets: Sequence[_Span], answers: Sequence[_Span] | None, longest: int | None) -> Length:
    kept = len(offsets) if longest is None else min(len(offsets), longest)
    learnt = None if answers is None else sum(_within(offsets, span, kept) for span in answers)
    return Length(tokens=len(offsets), kept=kept, learnt=learnt)


def _within(offsets: Sequence[_Span], answer: _Span, kept: int) -> int:
    """Count the tokens that lie whole in an answer; a tokenizer's offsets rise, at both ends."""
    first = bisect_left(offsets, answer[0], key=_FIRST)
    past = bisect_right(offsets, answer[1], key=_PAST)
    return max(0, min(past, kept) - max(first, 1))
