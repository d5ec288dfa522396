"""What was seen of each role: digests of prompts and of rows, which are all that stays of them in memory."""

import string
import unicodedata
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from runner.dataset.checking.conversation import Conversation

_BYTES = 8
# All that `str.split` takes for white space in ASCII, and what of it people write beyond: the no-break space,
# its narrow form, the ideographic space, and the end of a line and of a paragraph.
_WHITE_SPACE = (string.whitespace + "\x1c\x1d\x1e\x1f").encode()
_WIDE_SPACE = tuple(space.encode() for space in "\u00a0\u202f\u3000\u2028\u2029")


class Digests(NamedTuple):
    """What tells two prompts, and two rows, apart."""

    prompt: bytes
    row: bytes


@dataclass(slots=True)
class Sightings:
    """The digests of one role's rows."""

    prompts: set[bytes] = field(default_factory=set)
    rows: set[bytes] = field(default_factory=set)

    def add(self, digests: Digests) -> bool:
        """Note a row, and tell whether it was seen before."""
        seen = len(self.rows)
        self.prompts.add(digests.prompt)
        self.rows.add(digests.row)
        return len(self.rows) == seen


def digests(conversation: Conversation) -> Digests:
    """Digest what opens a conversation, up to the user's first message, and that with all that follows.

    The form in which an accent is written tells no two texts apart, nor does white space: in what opens the
    conversation any, in what follows that around a text.
    """
    roles, contents = conversation
    past = roles.index("user") + 1
    prompt = sha256(b"\n".join(map(_plain, contents[:past]))).digest()[:_BYTES]
    # Python's own hash of a text costs a tenth of a digest; it is another one in each process, as these are.
    rest = hash(tuple(map(_trimmed, contents[past:]))).to_bytes(_BYTES, "big", signed=True)
    return Digests(prompt, prompt + rest)


def _trimmed(text: str) -> str:
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip()


def _plain(text: str) -> bytes:
    if text.isascii():
        return text.encode().translate(None, _WHITE_SPACE)
    plain = unicodedata.normalize("NFC", text).encode().translate(None, _WHITE_SPACE)
    for space in _WIDE_SPACE:
        plain = plain.replace(space, b"")
    return plain
