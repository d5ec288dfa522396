"""Keep secrets and control characters out of everything that leaves: console, journal, manifest, errors.

Secrets are known in two ways: by value, registered the moment one is fetched, and by shape.
"""

import json
import math
import re
from typing import Any
from urllib.parse import quote

MASK = "[redacted]"

# A value shorter than this would blank out innocent text; no service hands out keys that short.
SHORTEST_SECRET = 8

# Each with a text that it cannot match without, which is far quicker to look for (none where case is free).
_SHAPES = (
    ("=", re.compile(r"(?i)((?:^|(?<=[?&\s;\"']))(?:sig|se|sp|sv|skoid|sktid)=)[^&\s\"';]+")),
    (
        "=",
        re.compile(
            r"(?i)((?:AccountKey|SharedAccessKey|SharedAccessSignature|password|client_secret)=)[^;&\s\"']+"
        ),
    ),
    ("", re.compile(r"(?i)(Bearer\s+)[A-Za-z0-9._~+/=-]{8,}")),
    ("eyJ", re.compile(r"()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?")),
    ("_", re.compile(r"()\b(?:hf|ghp|gho|ghs|github_pat)_[A-Za-z0-9_]{16,}")),
    (
        "-----BEGIN ",
        re.compile(r"()-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    ),
)

# C0 but newline and tab, DEL, C1, and the marks that reorder text on a screen.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_LAST_OF_LATIN_1 = 0xFF

_known: set[str] = set()


def register(secret: str) -> str:
    """Remember a secret's value, so that `redact` takes it out wherever it turns up; give it back."""
    if len(secret) >= SHORTEST_SECRET:
        _known.update({secret, quote(secret, safe="")})
    return secret


def redact(text: str) -> str:
    """Take out every registered secret and everything that has a secret's shape."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    for part, shape in _SHAPES:
        if part in text:
            text = shape.sub(rf"\1{MASK}", text)
    return text


def scrub(value: Any) -> Any:  # noqa: ANN401 - JSON may be anything
    """Take secrets out of a JSON value, before it is written: in its texts they still stand unescaped.

    What JSON cannot hold is given up here: NaN and the infinities become null.
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(str(key)): scrub(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [scrub(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def as_json(value: Any, *, indent: int | None = None) -> str:  # noqa: ANN401 - as above
    """Write a JSON value without secrets, in ASCII: no control character, and nothing that ends a line."""
    return json.dumps(scrub(value), indent=indent, allow_nan=False)


def printable(text: str) -> str:
    """Show control characters instead of sending them to a terminal."""
    return _CONTROL.sub(lambda match: _escaped(ord(match.group())), text)


def _escaped(point: int) -> str:
    return f"\\x{point:02x}" if point <= _LAST_OF_LATIN_1 else f"\\u{point:04x}"
