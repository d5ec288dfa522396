"""A row that can be trained on, and the line that it becomes."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import orjson


class Conversation(NamedTuple):
    """Who speaks, and what: as many contents as roles, the last of the assistant."""

    roles: tuple[str, ...]
    contents: Sequence[str]

    def line(self) -> bytes:
        """Write the row as it is uploaded: its messages alone, and the same bytes wherever it is from."""
        return _frame(self.roles) % tuple(map(orjson.dumps, self.contents))


@lru_cache(maxsize=4096)
def _frame(roles: tuple[str, ...]) -> bytes:
    """Give a line with a place for each content; conversations take turns in few orders."""
    messages = b",".join(b'{"role":%b,"content":%%b}' % orjson.dumps(role) for role in roles)
    return b'{"messages":[%b]}\n' % messages
