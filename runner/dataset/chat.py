"""What a row of a chat has to be: messages that end with what the model shall learn to say."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b

from runner.dataset.rows import Problem

_ROLES = ("system", "user", "assistant")
_CALLS = ("tool_calls", "function_call")
_DIGEST_BYTES = 8


def problems(row: object) -> tuple[Problem, ...]:
    """Find everything wrong with a row; other columns and other keys of a message may be there."""
    if not isinstance(row, Mapping):
        return (Problem("row-not-object", "is not an object", "", 'an object with "messages"'),)
    if "messages" not in row:
        return (Problem("messages-missing", "is not there", "messages"),)
    messages = row["messages"]
    if not isinstance(messages, list):
        return (Problem("messages-not-a-list", "is not a list", "messages"),)
    if not messages:
        return (Problem("messages-empty", "is an empty list", "messages"),)
    found = [problem for index, message in enumerate(messages) for problem in _message(index, message)]
    return tuple(found or _conversation([message["role"] for message in messages]))


def size(row: object) -> tuple[int, int]:
    """Count the messages of a sound row and the characters in them."""
    contents = [message["content"] for message in _messages(row)]
    return len(contents), sum(map(len, contents))


def prompt_digest(row: object) -> int:
    """Digest what opens the conversation of a sound row; NFC and white space do not tell prompts apart."""
    opening: list[str] = []
    for message in _messages(row):
        opening.append(" ".join(unicodedata.normalize("NFC", message["content"]).split()))
        if message["role"] == "user":
            break
    digest = blake2b("\n".join(opening).encode(), digest_size=_DIGEST_BYTES).digest()
    return int.from_bytes(digest, "big")


def _messages(row: object) -> Sequence[Mapping[str, str]]:
    messages: Sequence[Mapping[str, str]] = row["messages"]  # type: ignore[index]  # `problems` found none
    return messages


def _message(index: int, message: object) -> Iterator[Problem]:
    key = f"messages[{index}]"
    if not isinstance(message, Mapping):
        yield Problem("message-not-object", "is not an object", key)
        return
    role = message.get("role")
    if role not in _ROLES:
        yield Problem("unknown-role", "is not a known role", f"{key}.role", f"one of {', '.join(_ROLES)}")
    if role == "system" and index:
        yield Problem("system-not-first", "only the first message may be the system's", f"{key}.role")
    yield from _content(f"{key}.content", message.get("content"))
    for call in _CALLS:
        if message.get(call) is not None:
            yield Problem("tool-call", "a call of a tool cannot be trained on here", f"{key}.{call}")


def _content(key: str, content: object) -> Iterator[Problem]:
    if not isinstance(content, str):
        yield Problem("content-not-text", "is not text", key)
    elif not content.strip():
        yield Problem("content-empty", "is empty", key)


def _conversation(roles: Sequence[str]) -> Iterator[Problem]:
    if "user" not in roles:
        yield Problem("no-user-turn", "no message is the user's", "messages")
    if roles[-1] != "assistant":
        yield Problem("last-not-assistant", "the last message is not the assistant's", "messages")
