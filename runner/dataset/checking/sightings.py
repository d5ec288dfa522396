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

    In the prompt and in the last answer neither white space nor the form in which an accent is written tells
    two texts apart; what is said in between is the same only letter by letter.
    """
    roles, contents = conversation
    past = roles.index("user") + 1
    digest = sha256(b"\n".join(map(_plain, contents[:past])))
    prompt = digest.digest()[:_BYTES]
    digest.update(b"\n" + _plain(contents[-1]))
    # Python's own hash of a text costs a tenth of a digest; it is another one in each process, as these are.
    between = hash(tuple(contents[past:-1])).to_bytes(_BYTES, "big", signed=True)
    return Digests(prompt, digest.digest()[:_BYTES] + between)


def _plain(text: str) -> bytes:
    if text.isascii():
        return text.encode().translate(None, _WHITE_SPACE)
    plain = unicodedata.normalize("NFC", text).encode().translate(None, _WHITE_SPACE)
    for space in _WIDE_SPACE:
        plain = plain.replace(space, b"")
    return plain
