"""What a deployed model is to be asked: one text, or a file's rows, checked before anything is sent."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from runner.dataset.checking import chat
from runner.dataset.reading import rows
from runner.dataset.reading.rows import Problem
from runner.errors import Diagnostic, QuestionsInvalid, UsageError

STDIN = "-"
_LARGEST = 64 * 1024 * 1024
_ANY_ANSWER = {"role": "assistant", "content": "any"}
_INDEX = re.compile(r"\[\d+\]")
_FIRST_LINES = 3

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
    """Read a JSONL file, or what stdin holds: each row has `messages`, or else a `prompt`.

    UltraChat's rows have both: its `prompt` only opens the `messages`. A last message of the assistant is
    what the answer is shown beside, and not sent. Raises QuestionsInvalid with every kind of mistake and the
    rows that make it, none of which is quoted; UsageError for what cannot be read.
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
        raise QuestionsInvalid("not every row can be asked: nothing was sent", tuple(_kinds(found)))
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
    if not isinstance(row, Mapping) or not {"messages", "prompt"} & row.keys():
        yield Problem("row-no-question", "is no question", "", 'an object with "messages" or a "prompt"')
    elif "messages" not in row and isinstance(row["prompt"], str):
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
    if "messages" not in row and isinstance(row["prompt"], str):
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


def _kinds(found: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Give one for each kind of mistake, at its first line, with how many rows make it."""
    alike: dict[tuple[str, str], list[Diagnostic]] = {}
    for each in found:
        alike.setdefault((each.code, _INDEX.sub("[]", each.key)), []).append(each)
    for first, *others in alike.values():
        lines = list(dict.fromkeys(each.line for each in (first, *others)))
        yield replace(first, message=first.message + _in_rows(lines)) if len(lines) > 1 else first


def _in_rows(lines: Sequence[int]) -> str:
    named = ", ".join(map(str, lines[:_FIRST_LINES])) + (", …" if len(lines) > _FIRST_LINES else "")
    return f" (in {len(lines)} rows: lines {named})"
