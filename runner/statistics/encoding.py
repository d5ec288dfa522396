"""Conversations to their lengths in a model's own tokens, and how many of those are learnt from.

The rule is the trainer's: answers alone are learnt from, each with the mark that ends it. One begins where
the template stops when it is asked to prompt for one, and ends where the conversation up to it, rendered
alone, no longer reads the same. A row is cut after the longest input; a first token is never predicted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from runner.statistics.conversation import ANSWERING, Length, Message, NotRendered
from runner.statistics.tokenizer import Encoded, Tokenizer

if TYPE_CHECKING:
    from runner.statistics.template import ChatTemplate

_Span = tuple[int, int]
_Rendered = tuple[str, Sequence[_Span] | None]
_CHARACTERS_AT_ONCE = 250_000


def lengths(
    tokenizer: Tokenizer, conversations: Iterable[Sequence[Message]], longest: int | None
) -> Iterator[Length | None]:
    """Give the length of each, None for one that the template does not take."""
    for some in _gathered(_rendered(tokenizer.template, messages) for messages in conversations):
        encoded = iter(tokenizer.encode([each[0] for each in some if each]))
        for each in some:
            yield _length(next(encoded), each[1], longest) if each else None


def _gathered(rendered: Iterable[_Rendered | None]) -> Iterator[Sequence[_Rendered | None]]:
    """Gather enough to keep all cores at work, and no more: a token takes some hundred bytes of memory."""
    some: list[_Rendered | None] = []
    characters = 0
    for each in rendered:
        some.append(each)
        characters += len(each[0]) if each else 0
        if characters > _CHARACTERS_AT_ONCE:
            yield some
            some, characters = [], 0
    yield some


def _rendered(template: "ChatTemplate", messages: Sequence[Message]) -> _Rendered | None:
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


def _length(encoded: Encoded, answers: Sequence[_Span] | None, longest: int | None) -> Length:
    tokens = len(encoded)
    kept = tokens if longest is None else min(tokens, longest)
    learnt = None if answers is None else sum(_within(encoded, span, kept) for span in answers)
    return Length(tokens=tokens, kept=kept, learnt=learnt)


def _within(encoded: Encoded, answer: _Span, kept: int) -> int:
    """Count the tokens that lie whole in an answer, looking at few: where tokens begin and end only rises."""

    def place(token: int) -> _Span:
        return encoded.token_to_chars(token) or (0, 0)

    numbers = range(len(encoded))
    first = bisect_left(numbers, answer[0], key=lambda token: place(token)[0])
    past = bisect_right(numbers, answer[1], key=lambda token: place(token)[1])
    return max(0, min(past, kept) - max(first, 1))
