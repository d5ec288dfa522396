"""What was asked and answered, side by side, with the words in which an answer and the truth differ."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from runner.report.subject import Sample
from runner.report.wording import shown

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
# Beyond this, which takes a second, only what begins and ends alike is told apart.
_MOST_WORDS = 1500


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A stretch of a text; `differs` where the other text does not have it."""

    text: str
    differs: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One message of a prompt."""

    role: str
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row as it is shown; `base` is empty where the base model was not asked."""

    prompt: tuple[Turn, ...]
    answer: tuple[Piece, ...]
    truth: tuple[Piece, ...]
    base: tuple[Piece, ...]
    verdict: str
    base_verdict: str
    seconds: str


def rows(samples: Sequence[Sample]) -> tuple[Row, ...]:
    """Lay the rows out in their order."""
    return tuple(_row(each) for each in samples)


def _row(sample: Sample) -> Row:
    # Secrets go before texts are taken to pieces: no piece has a secret's shape.
    answer, truth, base = shown(sample.answer), shown(sample.ground_truth), shown(sample.base_answer or "")
    said, meant = compared(answer, truth)
    based, _ = compared(base, truth)
    return Row(
        prompt=tuple(
            Turn(role=str(turn.get("role")), content=str(turn.get("content"))) for turn in sample.prompt
        ),
        answer=said,
        truth=meant,
        base=based,
        verdict=_verdict(answer, truth),
        base_verdict="" if sample.base_answer is None else _verdict(base, truth),
        seconds="" if sample.seconds is None else f"{sample.seconds:.2f} s",
    )


def compared(one: str, other: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Take two texts to pieces, by words: what both have, and what only one of them has."""
    left, right = _WORDS.findall(one), _WORDS.findall(other)
    if max(len(left), len(right)) > _MOST_WORDS:
        return _by_ends(left, right), _by_ends(right, left)
    pieces: tuple[list[Piece], list[Piece]] = ([], [])
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    for tag, begin, end, other_begin, other_end in matcher.get_opcodes():
        for found, words in zip(pieces, (left[begin:end], right[other_begin:other_end]), strict=True):
            if words:
                found.append(Piece(text="".join(words), differs=tag != "equal"))
    return tuple(pieces[0]), tuple(pieces[1])


def _by_ends(words: list[str], other: list[str]) -> tuple[Piece, ...]:
    shorter = min(len(words), len(other))
    begin = next((at for at in range(shorter) if words[at] != other[at]), shorter)
    end = next((at for at in range(shorter - begin) if words[-1 - at] != other[-1 - at]), shorter - begin)
    stretches = (
        (words[:begin], False),
        (words[begin : len(words) - end], True),
        (words[len(words) - end :], False),
    )
    return tuple(Piece(text="".join(each), differs=differs) for each, differs in stretches if each)


def _verdict(answer: str, truth: str) -> str:
    if answer == truth:
        return "equal to the ground truth"
    return "equal but for blanks around it" if answer.strip() == truth.strip() else "differs"
