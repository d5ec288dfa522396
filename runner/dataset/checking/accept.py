"""Which rows of a whole Arrow column are certainly sound, at a glance.

`chat.problems` is the arbiter. What is not certain here is left to it, row by row.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise, repeat
from operator import contains
from typing import TYPE_CHECKING

from runner.dataset.checking import chat
from runner.dataset.checking.conversation import Conversation
from runner.dataset.reading.columns import CALLS

if TYPE_CHECKING:
    import pyarrow as pa

_NUL = "\0"
_has_letter = re.compile(r"\w").search


def accepted(column: "pa.Array | None") -> Iterator[Conversation | None] | None:
    """Give every row of a column of messages that is certainly sound, and None for each other one.

    None in place of all where the column as a whole is of no form that is known here.
    """
    messages = None if column is None else _messages(column)
    if messages is None:
        return None
    offsets = messages.offsets.to_pylist()
    # As `flatten` would give them, which takes a library that takes longer to import than small data to read.
    flat = messages.values.slice(offsets[0], offsets[-1] - offsets[0])
    if not _is_plain(flat):
        return None
    try:
        roles, contents = flat.field("role").to_pylist(), flat.field("content").to_pylist()
    except UnicodeDecodeError:  # the arbiter tells in which row
        return None
    return _rows([offset - offsets[0] for offset in offsets], roles, contents)


def _messages(column: "pa.Array") -> "pa.ListArray | None":
    import pyarrow as pa  # noqa: PLC0415 heavy, and files of lines do without

    if not isinstance(column, pa.ListArray | pa.LargeListArray) or column.null_count:
        return None
    return column if isinstance(column.type.value_type, pa.StructType) else None


def _is_plain(flat: "pa.StructArray") -> bool:
    """Tell whether every message is there, each with a role and a content of its own, and none is a call."""
    names = [field.name for field in flat.type]
    if flat.null_count or names.count("role") != 1 or names.count("content") != 1:
        return False
    return all(names.count(call) == 0 or flat.field(call).null_count == len(flat) for call in CALLS)


def _rows(
    offsets: Sequence[int], roles: Sequence[str | None], contents: Sequence[str | None]
) -> Iterator[Conversation | None]:
    for first, past in pairwise(offsets):
        row = Conversation(tuple(roles[first:past]), contents[first:past])  # type: ignore[arg-type]  # see below
        yield row if _is_sound(row) else None


def _is_sound(row: Conversation) -> bool:
    try:
        return _are_sound_roles(row.roles) and _are_sound(row.contents)
    except TypeError:  # null, or something else that is no text
        return False


@lru_cache(maxsize=4096)
def _are_sound_roles(roles: tuple[str, ...]) -> bool:
    """Ask the arbiter once for each order in which people take turns."""
    return not chat.problems({"messages": [{"role": role, "content": "any"} for role in roles]})


def _are_sound(contents: Sequence[str]) -> bool:
    return _are_seen(contents) and not any(map(contains, contents, repeat(_NUL)))


def _are_seen(contents: Sequence[str]) -> bool:
    """Tell whether each text has a letter or a digit, as none of the many kinds has that nobody sees."""
    first = "".join([content[:1] for content in contents])
    return (len(first) == len(contents) and first.isalnum()) or all(map(_has_letter, contents))
