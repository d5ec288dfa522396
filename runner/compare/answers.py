"""The answers that a run has kept, by what was asked."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from runner.errors import NotWritten
from runner.journal import Json
from runner.steps.sample import FILE_NAME, kept


def answers_of(folder: Path | None) -> Mapping[str, str] | None:
    """Give a run's answers by the prompt's text; None where none are at hand, or damaged."""
    if folder is None:
        return None
    try:
        rows = kept(folder / FILE_NAME)
    except NotWritten:
        return None
    return by_prompt((row["prompt"], row["answer"]) for row in rows) or None


def by_prompt(rows: Iterable[tuple[Sequence[Mapping[str, Json]], str]]) -> Mapping[str, str]:
    """Give answers by what was asked; what was asked twice is told twice."""
    answers: dict[str, str] = {}
    for prompt, answer in rows:
        answers[_unused(prompt_text(prompt), answers)] = answer
    return answers


def prompt_text(messages: Sequence[Mapping[str, Json]]) -> str:
    """Give a prompt as people read it: one message is its text, of several each is told with its role."""
    if len(messages) == 1:
        return str(messages[0]["content"])
    return "\n".join(f"{each['role']}: {each['content']}" for each in messages)


def _unused(prompt: str, answers: Mapping[str, str]) -> str:
    """Tell the second time that something was asked from the first."""
    times = sum(each == prompt or each.startswith(f"{prompt} (asked again: ") for each in answers)
    return f"{prompt} (asked again: {times})" if times else prompt
