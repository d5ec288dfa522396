"""A model's tags are text by whoever published it: measured before parsed, and never able to raise."""

import ast
import json
import warnings
from collections.abc import Mapping

from runner.recipe import Scalar

# Of a model's tags it alone decides what is sent; the others only what is refused before.
DEFAULTS_TAG = "model_specific_defaults"

_MAX_CHARACTERS = 8 * 1024
_MAX_DEPTH = 20


def parse_tag(value: object) -> object | None:
    """Read a tag that may be text holding a JSON or Python literal; None where it cannot be read."""
    if not isinstance(value, str):
        return value
    if len(value) > _MAX_CHARACTERS or _depth(value) > _MAX_DEPTH:
        return None
    for parse in (json.loads, _literal):
        try:
            parsed: object = parse(value)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        return parsed
    return None


def model_specific_defaults(tags: Mapping[str, object]) -> Mapping[str, Scalar]:
    """Read the parameters a model asks to be trained with; empty where its tags hold none."""
    content = parse_tag(tags.get(DEFAULTS_TAG))
    if not isinstance(content, Mapping):
        return {}
    return {
        key: value
        for key, value in content.items()
        if isinstance(key, str) and isinstance(value, str | int | float | bool)
    }


def _literal(text: str) -> object:
    with warnings.catch_warnings():
        # The compiler warns of odd escapes, and would quote the tag in doing so.
        warnings.simplefilter("ignore")
        parsed: object = ast.literal_eval(text)
        return parsed


def _depth(text: str) -> int:
    """Count how deep brackets nest, those within quotes too: rather one too many than one too few."""
    deepest = depth = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest
