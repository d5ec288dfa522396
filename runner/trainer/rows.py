"""Rows of chat data: a JSONL file, checked; a mistake is told by its line, never by its text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypedDict

from runner.trainer.errors import Code, TrainerError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ROLES = ("system", "user", "assistant")


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str


def read_conversations(file: Path, name: str) -> list[list[Message]]:
    """Read the `messages` of every row; raises TrainerError naming the first line that is wrong."""
    try:
        lines = file.read_bytes().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise TrainerError(Code.DATA, f"{name}: not UTF-8 at byte {error.start}") from None
    except OSError as error:
        raise TrainerError(Code.DATA, f"{name}: cannot be read: {error.strerror}") from None
    conversations = [
        _conversation(line, f"{name}, line {at}") for at, line in enumerate(lines, 1) if line.strip()
    ]
    if not conversations:
        raise TrainerError(Code.DATA, f"{name}: has no rows")
    return conversations


def write_conversations(file: Path, conversations: Iterable[list[Message]]) -> None:
    """Write one row a line, `messages` being its only key."""
    with file.open("w", encoding="utf-8") as out:
        for messages in conversations:
            out.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")


def fault_of(messages: object) -> str | None:
    """Tell what is wrong with a conversation; None if nothing is."""
    if not isinstance(messages, list) or not messages:
        return " must be a list with at least one message"
    faults = (f"[{at}]{fault}" for at, message in enumerate(messages) if (fault := _fault_of(message, at)))
    return next(faults, None)


def _fault_of(message: object, at: int) -> str | None:
    if not isinstance(message, dict):
        return " must be an object with role and content"
    if message.get("role") not in ROLES:
        return f".role must be one of {', '.join(ROLES)}"
    if message["role"] == "system" and at:
        return ".role: only the first message may be the system's"
    if not isinstance(message.get("content"), str):
        return ".content must be text"
    if not _is_whole(message["content"]):
        return ".content holds half a character (a lone surrogate)"
    return None


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _conversation(line: str, place: str) -> list[Message]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise TrainerError(Code.DATA, f"{place}: is not JSON") from None
    if not isinstance(row, dict) or "messages" not in row:
        raise TrainerError(Code.DATA, f"{place}: must be an object with the key messages")
    fault = fault_of(row["messages"])
    if fault is None and not any(message["role"] == "assistant" for message in row["messages"]):
        fault = " must hold an answer, a message of the role assistant"
    if fault:
        raise TrainerError(Code.DATA, f"{place}: messages{fault}")
    return [{"role": message["role"], "content": message["content"]} for message in row["messages"]]
