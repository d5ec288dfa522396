"""What a deployed model is to be asked: one text, or a file's rows, checked before anything is sent."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from runner.dataset import chat, rows
from runner.dataset.rows import Problem
from runner.errors import Diagnostic, QuestionsInvalid, UsageError

STDIN = "-"
_LARGEST = 64 * 1024 * 1024
_ANY_ANSWER = {"role": "assistant", "content": "any"}

Messages = tuple[Mapping[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A conversation that the model is to go on with; `ground_truth` is what it should say, if known."""

    messages: Messages
    ground_truth: str | None = None


def of_text(text: str) -> tuple[Question, ...]:
    """Give the one question that a command line asks."""
    if not text.strip():
        raise UsageError("the prompt is empty", hint="runner score RUN --prompt 'a text'")
    return (Question(messages=({"role": "user", "content": text},)),)


def of_file(name: str) -> tuple[Question, ...]:
    """Read a JSONL file, or what stdin holds: each row has `messages`, or a `prompt`.

    A last message of the assistant is what the answer is shown beside, and not sent. Raises QuestionsInvalid
    with every row that cannot be asked, none of which is quoted; UsageError for what cannot be read.
    """
    content = _content(name)
    lines = content.removesuffix(b"\n").split(b"\n") if content else []
    if not lines:
        raise UsageError(f"{_shown(name)} holds no rows", hint='one line each, such as {"prompt": "Hello"}')
    read = [rows.read(line.removesuffix(b"\r")) for line in lines]
    found = [
        _diagnostic(_shown(name), number, problem)
        for number, row in enumerate(read, start=1)
        for problem in ((row.problem,) if row.problem else _problems(row.value))
    ]
    if found:
        raise QuestionsInvalid("not every row can be asked: nothing was sent", tuple(found))
    return tuple(_question(cast("Mapping[str, object]", row.value)) for row in read)


def _content(name: str) -> bytes:
    try:
        if name == STDIN:
            content = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(name).open("rb") as stream:
                content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from error
    if len(content) > _LARGEST:
        raise UsageError(f"{_shown(name)} is larger than {_LARGEST >> 20} MiB", hint="ask it in parts")
    return content


def _shown(name: str) -> str:
    return "stdin" if name == STDIN else name


def _problems(row: object) -> Iterator[Problem]:
    if not isinstance(row, Mapping) or len({"messages", "prompt"} & row.keys()) != 1:
        yield Problem("row-no-question", "is no question", "", 'an object with either "messages" or "prompt"')
    elif isinstance(row.get("prompt"), str):
        if not row["prompt"].strip():
            yield Problem("content-empty", "is empty", "prompt")
    else:
        asked = row.get("messages", row.get("prompt"))
        whole = asked if _is_answered(asked) or not isinstance(asked, list) else [*asked, _ANY_ANSWER]
        yield from chat.problems({"messages": whole})


def _is_answered(messages: object) -> bool:
    last = messages[-1] if isinstance(messages, list) and messages else None
    return not isinstance(last, Mapping) or last.get("role") == "assistant"


def _question(row: Mapping[str, object]) -> Question:
    if isinstance(row.get("prompt"), str):
        return Question(messages=({"role": "user", "content": str(row["prompt"])},))
    told = cast("list[Mapping[str, str]]", row.get("messages", row.get("prompt")))
    messages = tuple({"role": each["role"], "content": each["content"]} for each in told)
    if messages[-1]["role"] == "assistant":
        return Question(messages=messages[:-1], ground_truth=messages[-1]["content"])
    return Question(messages=messages)


def _diagnostic(path: str, line: int, problem: Problem) -> Diagnostic:
    return Diagnostic(
        path=path,
        line=line,
        column=1,
        code=problem.code,
        key=problem.key,
        message=problem.message if problem.key else f"the row {problem.message}",
        expected=problem.expected,
    )
