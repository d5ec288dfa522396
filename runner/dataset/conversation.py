"""A row that can be trained on, and the line that it becomes."""

from collections.abc import Sequence
from typing import NamedTuple

import orjson


class Conversation(NamedTuple):
    """Who speaks, and what: as many contents as roles, the last of the assistant."""

    roles: Sequence[str]
    contents: Sequence[str]

    def line(self) -> bytes:
        """Write the row as it is uploaded: its messages alone, and the same bytes wherever it is from."""
        messages = [
            {"role": role, "content": content}
            for role, content in zip(self.roles, self.contents, strict=True)
        ]
        return orjson.dumps({"messages": messages}, option=orjson.OPT_APPEND_NEWLINE)
