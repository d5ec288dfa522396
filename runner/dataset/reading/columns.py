"""From a row of a data set's own columns to a conversation, as the recipe's `columns` say."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from runner.dataset.reading.refusals import refusal
from runner.dataset.reading.rows import Problem, read
from runner.errors import RecipeInvalid
from runner.recipe import Columns

# Who speaks in a message, and its keys where it calls a tool.
ROLES = ("system", "user", "assistant")
CALLS = ("tool_calls", "function_call")
# Who speaks in ShareGPT's turns, by the words that data sets have for it.
SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "system": "system",
}
# What data sets call a prompt and its completion, the likelier ones first.
_PAIRS = (
    ("prompt", "completion"),
    ("instruction", "output"),
    ("instruction", "response"),
    ("prompt", "response"),
    ("question", "answer"),
    ("question", "response"),
    ("query", "response"),
    ("query", "answer"),
    ("input", "output"),
    ("problem", "solution"),
)
_LISTS = (("messages", "messages"), ("conversations", "conversations"), ("conversation", "conversations"))
_SYSTEMS = ("system", "system_prompt")
_KEY = re.compile(r"messages(?:\[(\d+)\])?(?:\.(\w+))?")
_SHAREGPT = {"role": "from", "content": "value"}
# Of a message, or a turn, all that is looked at.
MESSAGE_KEYS = frozenset({*_SHAREGPT, *_SHAREGPT.values(), *CALLS})
# Nothing else is shown as a column's name: a file without a header has texts in its place.
_SHOWN = re.compile(r"[^\W\d][\w.-]{0,63}")
_MAX_SHOWN = 20


def conversation(row: object, columns: Columns) -> object | Problem:
    """Give the `messages` that a row means, of whatever shape they are; or why there are none."""
    if not isinstance(row, Mapping):
        return Problem("row-not-object", "is not an object", "", "must be an object with its columns")
    if columns.prompt is not None and columns.completion is not None:
        missing = next((name for name in (columns.prompt, columns.completion) if name not in row), None)
        if missing is not None:
            return _missing(missing)
        turns: object = [
            _message("user", row[columns.prompt]),
            _message("assistant", row[columns.completion]),
        ]
    else:
        turns = _turns(row, columns)
    if isinstance(turns, list) and _has_system(row, columns):
        return [_message("system", row[columns.system or ""]), *turns]
    return turns


def placed(problem: Problem, row: object, columns: Columns) -> Problem:
    """Give what is wrong with a row's conversation its place in the columns that it was made of."""
    found = _KEY.fullmatch(problem.key)
    if found is None:
        return problem
    index = int(found[1]) if found[1] else None
    if index is not None and _has_system(row, columns):
        if index == 0:
            return replace(problem, key=columns.system or "")
        index -= 1
    return replace(problem, key=_key(columns, index, found[2]))


def absent(label: str, there: Iterable[str], names: Sequence[str]) -> RecipeInvalid | None:
    """Refuse a split in which a column that the recipe means is not; None where all of them are there."""
    known = tuple(dict.fromkeys(there))
    missing = next((name for name in names if name not in known), None)
    if missing is None:
        return None
    return refusal(
        label,
        "columns",
        "no-such-column",
        f"the data set has no column {missing!r}",
        expected=_listed(known),
        mend=_proposal(known, missing, names),
    )


def _turns(row: Mapping[str, object], columns: Columns) -> object | Problem:
    name = columns.messages if columns.messages is not None else columns.conversations or ""
    if name not in row:
        return _missing(name)
    turns = _unpacked(name, row[name])
    if not isinstance(turns, list):
        return turns
    if columns.messages is not None:
        return _unlike_sharegpt(name, turns)
    return _spoken(name, turns)


def _unpacked(name: str, value: object) -> object | Problem:
    """Read a list that is written as JSON within a text, which is all that a cell of CSV can hold."""
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return value
    row = read(value.encode("utf-8", "surrogatepass"))
    return row.value if row.problem is None else replace(row.problem, key=name)


def _unlike_sharegpt(name: str, messages: list[object]) -> object | Problem:
    first = messages[0] if messages else None
    if isinstance(first, Mapping) and "role" not in first and {"from", "value"} <= first.keys():
        message, expected = "has turns with `from` and `value`", "must be messages with `role` and `content`"
        mend = f"write columns: {{conversations: {_yaml(name)}}}"
        return Problem("wrong-form", message, name, expected, mend)
    return messages


def _spoken(name: str, turns: list[object]) -> object | Problem:
    messages: list[object] = []
    for index, turn in enumerate(turns):
        if not isinstance(turn, Mapping):
            messages.append(turn)  # the arbiter says what it is not
            continue
        role = turn.get("from")
        if not isinstance(role, str) or role not in SPEAKERS:
            return _unknown_speaker(name, index, turn)
        messages.append({**_message(SPEAKERS[role], turn.get("value")), **_calls(turn)})
    return messages


def _unknown_speaker(name: str, index: int, turn: Mapping[str, object]) -> Problem:
    if "from" not in turn and turn.get("role") in ROLES:
        message, expected = "has messages with `role` and `content`", "must be turns with `from` and `value`"
        return Problem("wrong-form", message, name, expected, f"write columns: {{messages: {_yaml(name)}}}")
    told = "is no speaker that is known" if "from" in turn else "is not there"
    return Problem("unknown-role", told, f"{name}[{index}].from", f"must be one of {', '.join(SPEAKERS)}")


def _calls(turn: Mapping[str, object]) -> dict[str, object]:
    """Keep what the arbiter refuses a turn for."""
    return {key: turn[key] for key in CALLS if turn.get(key) is not None}


def _message(role: str, content: object) -> dict[str, object]:
    return {"role": role, "content": content}


def _missing(name: str) -> Problem:
    return Problem("column-missing", "is not there", name)


def _has_system(row: object, columns: Columns) -> bool:
    if columns.system is None or not isinstance(row, Mapping):
        return False
    system = row.get(columns.system)
    return system is not None and not (isinstance(system, str) and not system.strip())


def _key(columns: Columns, index: int | None, field: str | None) -> str:
    if columns.prompt is not None and index is not None:
        return columns.completion or "" if index else columns.prompt
    name = columns.messages or columns.conversations or columns.prompt or ""
    if columns.conversations is not None and field:
        field = _SHAREGPT.get(field, field)
    return name + ("" if index is None else f"[{index}]") + (f".{field}" if field else "")


def _listed(there: Sequence[str]) -> str:
    shown = [name for name in there if _SHOWN.fullmatch(name)][:_MAX_SHOWN]
    if not shown:
        return "must be columns with names, in the first line of a CSV file" if there else ""
    others = f" and {len(there) - len(shown)} more" if len(there) > len(shown) else ""
    return f"must be one of {', '.join(shown)}{others}"


def _proposal(there: Sequence[str], missing: str, names: Sequence[str]) -> str:
    """Propose a mapping of the columns that are there, else the name that is nearly the one that is not."""
    near = difflib.get_close_matches(missing, [name for name in there if _SHOWN.fullmatch(name)], n=1)
    mapping = _mapping(there)
    if near and tuple(names) == ("messages",):
        mapping = {"messages": near[0]}
    elif near:
        return f"did you mean {near[0]}?"
    if not mapping:
        return "say in columns: which of them hold the conversations" if there else ""
    written = ", ".join(f"{key}: {_yaml(name)}" for key, name in mapping.items())
    return f"write columns: {{{written}}}"


def _mapping(there: Sequence[str]) -> dict[str, str]:
    """Guess by the names that are common; capitals do not count."""
    by_name = {name.lower(): name for name in reversed(there) if _SHOWN.fullmatch(name)}
    for word, form in _LISTS:
        if word in by_name:
            return {form: by_name[word]}
    for prompt, completion in _PAIRS:
        if prompt in by_name and completion in by_name:
            system = next((by_name[word] for word in _SYSTEMS if word in by_name), None)
            pair = {"prompt": by_name[prompt], "completion": by_name[completion]}
            return {**pair, "system": system} if system else pair
    return {}


def _yaml(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name) else json.dumps(name)
