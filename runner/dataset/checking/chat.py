"""What a row of a chat has to be: messages that end with what the model shall learn to say."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from runner.dataset.reading.columns import CALLS, ROLES
from runner.dataset.reading.rows import Problem

_TOOLS = ("tool", "function")
# Controls, format characters (the zero-width ones, soft hyphens, marks of direction) and every kind of space.
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
_TYPES = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def problems(row: object) -> tuple[Problem, ...]:
    """Find everything wrong with a row; other columns and other keys of a message may be there."""
    if not isinstance(row, Mapping):
        return (Problem("row-not-object", "is not an object", "", 'must be an object with "messages"'),)
    if "messages" not in row:
        return (Problem("messages-missing", "is not there", "messages"),)
    messages = row["messages"]
    if not isinstance(messages, list):
        return (Problem("messages-not-a-list", "is not a list", "messages"),)
    if not messages:
        return (Problem("messages-empty", "is an empty list", "messages"),)
    found = [problem for index, message in enumerate(messages) for problem in _message(index, message)]
    return tuple(found or _conversation([message["role"] for message in messages]))


def is_seen(text: str) -> bool:
    """Tell whether a text has a character that leaves a mark; spaces and zero-width ones leave none."""
    return text[:1].isalnum() or any(unicodedata.category(character) not in _INVISIBLE for character in text)


def _message(index: int, message: object) -> Iterator[Problem]:
    key = f"messages[{index}]"
    if not isinstance(message, Mapping):
        yield Problem("message-not-object", "is not an object", key)
        return
    yield from _role(index, message)
    yield from _content(f"{key}.content", message)
    for call in CALLS:
        if message.get(call) is not None:
            told = f"a message with `{call}` cannot be trained on here"
            yield Problem("tool-call", told, f"{key}.{call}")


def _role(index: int, message: Mapping[str, object]) -> Iterator[Problem]:
    key, expected = f"messages[{index}].role", f"must be one of {', '.join(ROLES)}"
    role = message.get("role")
    if role == "system" and index:
        yield Problem("system-not-first", "only the first message may be the system's", key)
    if role in ROLES:
        return
    if not isinstance(role, str):
        told = "is no text" if "role" in message else "is not there"
        yield Problem("unknown-role", told, key, expected)
    elif role in _TOOLS:
        yield Problem("tool-call", "what a tool answered cannot be trained on here", key, expected)
    elif (meant := role.strip().lower()) in ROLES:
        yield Problem("unknown-role", "has capitals or spaces", key, expected, f"did you mean {meant}?")
    else:
        yield Problem("unknown-role", "is not a known role", key, expected)


def _content(key: str, message: Mapping[str, object]) -> Iterator[Problem]:
    content = message.get("content")
    if not isinstance(content, str):
        told = f"is {_TYPES.get(type(content), 'something else')}" if "content" in message else "is not there"
        yield Problem("content-not-text", told, key, "must be text")
    elif not is_seen(content):
        told = "has nothing but characters that are not seen" if content.strip() else "is only white space"
        yield Problem("content-empty", told if content else "is empty", key)


def _conversation(roles: Sequence[str]) -> Iterator[Problem]:
    if "user" not in roles:
        yield Problem("no-user-turn", "no message is the user's", "messages")
    if "assistant" not in roles:
        yield Problem("no-assistant-turn", "no message is the assistant's", "messages")
    elif roles[-1] != "assistant":
        yield Problem("last-not-assistant", "the last message is not the assistant's", "messages")
    elif "user" in roles:
        yield from _order(roles)


def _order(roles: Sequence[str]) -> Iterator[Problem]:
    """Tell of the first turn that is out of turn; user and assistant take turns, and the user opens.

    The chat templates of Llama 2 and Mistral raise an error otherwise, which ends the training on its
    machines. Those of Llama 3 and Phi-3 take any order, but Phi-3's of 2024-05 opens an answer after each
    message of the user (ggml-org/llama.cpp#7449): of two in a row the model would learn to answer nothing.
    """
    first = int(roles[0] == "system")
    for index, role in enumerate(roles[first:], start=first):
        if role == "assistant" and index == first:
            message = "the assistant speaks before the user does"
            yield Problem("out-of-turn", message, f"messages[{index}].role")
            return
        if index > first and role == roles[index - 1]:
            message = f"two messages of the {role} follow each other"
            mend = "join them in one message"
            yield Problem("out-of-turn", message, f"messages[{index}].role", "", mend)
            return
