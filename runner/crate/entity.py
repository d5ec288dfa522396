"""One thing that a crate describes, and how others refer to it."""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeGuard
from urllib.parse import quote, urlsplit

from runner.journal import Json
from runner.redact import scrub

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """A thing by its `id`: a path in the crate, a URI, or `#…` for what has neither.

    `type` is a word of RO-Crate's context. Other things stand in `properties` as references.
    """

    id: str
    type: str
    properties: Mapping[str, Json] = field(default_factory=dict)


def references(things: Iterable[Entity | None]) -> list[Mapping[str, str]]:
    """Refer to things, each once; those that there are not are left out."""
    return [{"@id": each} for each in dict.fromkeys(thing.id for thing in things if thing)]


def said(**properties: Json) -> dict[str, Json]:
    """Give properties without those that nothing is known of, and without secrets."""
    known = {name: value for name, value in properties.items() if value not in (None, "", [])}
    clean: dict[str, Json] = scrub(encodable(known))
    return clean


def encodable(value: Json) -> Json:
    """Replace halves of surrogate pairs, which no file can hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {encodable(key): encodable(each) for key, each in value.items()}
    return [encodable(each) for each in value] if isinstance(value, list) else value


def is_digest(value: Json) -> TypeGuard[str]:
    """Tell whether a value is a SHA-256 in hex; what steps put out is under no schema."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def by_digest(sha256: str) -> str:
    """Name bytes by their digest alone (RFC 6920): what is described need not lie in the crate."""
    return f"ni:///sha-256;{base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip('=')}"


def address(given: str, otherwise: str) -> str:
    """Give an id that is a URI of its own, or else a local one."""
    return quote(given, safe=":/#?=&@%+,;~!$'()*[]") if urlsplit(given).scheme else otherwise
