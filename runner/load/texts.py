"""What no text in a recipe may hold: a reference where none may stand, or a secret."""

from collections.abc import Iterator

from runner.load.environment import REFERENCE, SECRET_LIKE, takes_reference
from runner.load.source import Mistake
from runner.redact import redact
from runner.yaml12 import Key, Value

_ENV = "${env:"


def text_mistakes(tree: Value) -> Iterator[Mistake]:
    """Find what has to go, whatever the text is for."""
    for key, text in _texts(tree):
        if "${" in text:
            yield from _misplaced_reference(key, text)
        yield from _secret(key, text)


def secrets(tree: Value) -> Iterator[Mistake]:
    """Find what has a secret's shape or its name: the recipe is copied into manifests and committed."""
    for key, text in _texts(tree):
        yield from _secret(key, text)


def _misplaced_reference(key: Key, text: str) -> Iterator[Mistake]:
    """Tell of a reference that is written where none may stand, or written wrongly."""
    if not takes_reference(key):
        if _ENV in text:
            mend = "write the value itself"
            message = "this value cannot be taken from the environment"
            yield Mistake(key=key, code="env-not-allowed-here", message=message, mend=mend)
    elif "${" in REFERENCE.sub("", text):
        message = "is no reference to the environment"
        yield Mistake(key=key, code="bad-env-reference", message=message, mend="write ${env:NAME}")


def _secret(key: Key, text: str) -> Iterator[Mistake]:
    named = key[0] == "tags" and len(key) > 1 and SECRET_LIKE.search(str(key[-1]))
    if redact(text) != text or named:
        message = "is named like a secret, and tags can be read by others" if named else "looks like a secret"
        mend = "delete it here and revoke it: the file may already be in git"
        yield Mistake(key=key, code="secret-in-recipe", message=message, mend=mend)


def _texts(value: Value, key: Key = ()) -> Iterator[tuple[Key, str]]:
    """Walk over every text in the tree."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, (*key, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*key, index))
