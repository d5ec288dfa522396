"""What the schema finds wrong, in our own words and with a way out.

No value is ever repeated in a message, since nobody knows what was pasted there.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from runner.load.environment import SECRET_LIKE
from runner.load.schema import RECIPE, Violation, violations
from runner.load.source import Mistake
from runner.schema_files import read_schema
from runner.yaml12 import Key, Value, resolve

_LONGEST_COMPARED = 64


def schema_mistakes(tree: Value, schema_name: str = RECIPE) -> list[Mistake]:
    """Give one mistake a value, in our own words; unknown and missing keys each their own."""
    found: dict[tuple[Key, str], Mistake] = {}
    for violation in violations(tree, schema_name):
        for mistake in _in_our_words(violation):
            kind = mistake.code if mistake.code in {"unknown-key", "missing-key"} else "value"
            found.setdefault((mistake.key, kind), mistake)
    return list(found.values())


def _in_our_words(violation: Violation) -> Iterable[Mistake]:
    if violation.of_name:
        return [_bad_name(violation)]
    several = {"additionalProperties": _unknown_keys, "required": _missing_keys}
    if violation.keyword in several:
        return several[violation.keyword](violation)
    return [_wrong_type(violation) if violation.keyword == "type" else _wrong_value(violation)]


def _bad_name(violation: Violation) -> Mistake:
    key = (*violation.key, violation.value)
    expected = f"must be {violation.schema['x-rule']}"
    return Mistake(key=key, code="bad-key", message="no such name", expected=expected, at_key=True)


def _missing_keys(violation: Violation) -> Iterator[Mistake]:
    for name in violation.wanted:
        if name not in violation.value:
            mend = _mend_missing(name, violation.schema["properties"][name])
            yield Mistake(key=(*violation.key, name), code="missing-key", message="is missing", mend=mend)


def _mend_missing(name: str, schema: Mapping[str, Any]) -> str:
    """Show the line to add, where the schema has an example of it."""
    examples = schema.get("examples") or [schema[each] for each in ("const",) if each in schema]
    plain = examples and not isinstance(examples[0], dict | list)
    return f"add it, such as {name}: {examples[0]}" if plain else "add it"


def _unknown_keys(violation: Violation) -> Iterator[Mistake]:
    known = list(violation.schema["properties"])
    for name in violation.value:
        if name not in known:
            key, mend = (*violation.key, name), _mend_unknown(name, known)
            yield Mistake(key=key, code="unknown-key", message="no such key", mend=mend, at_key=True)


def _mend_unknown(name: str, known: list[str]) -> str:
    close = _closest(name, known)
    if close:
        return f"did you mean {close}?"
    if SECRET_LIKE.search(name[:_LONGEST_COMPARED]):
        return "keep secrets out of recipes: sign in with `az login`, or name a variable of the environment"
    homes = [section for section, keys in _keys_of_sections().items() if name in keys]
    return f"it belongs to {' or '.join(homes)}" if homes else f"known here: {', '.join(known)}"


@cache
def _keys_of_sections() -> Mapping[str, frozenset[str]]:
    sections = read_schema("recipe.schema.json")["properties"]
    return {name: frozenset(section.get("properties", ())) for name, section in sections.items()}


def _closest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name[:_LONGEST_COMPARED].lower(), list(known), n=1)
    return close[0] if close else ""


_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
}


def _wrong_type(violation: Violation) -> Mistake:
    wanted = [violation.wanted] if isinstance(violation.wanted, str) else violation.wanted
    return Mistake(
        key=violation.key,
        code="wrong-type",
        message=f"is {_kind(violation.value)}",
        expected=f"must be {' or '.join(_KINDS[name] for name in wanted)}",
        mend=_mend_type(violation.value, wanted, violation.schema.get("x-mend", "")),
    )


def _kind(value: Value) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, float):
        return "a number with a fraction or exponent"
    kinds: dict[type, str] = {int: "a number", str: "text", list: "a list", dict: "a mapping"}
    return kinds[type(value)]


def _mend_type(value: Value, wanted: list[str], of_share: str) -> str:
    """Say how to write it; `of_share` where a share may have been meant, which is easily written wrong."""
    if value is None:
        return "fill it in, or delete the line"
    if of_share and _may_be_share(value):
        return of_share
    if "array" in wanted and isinstance(value, str):
        return "put it in brackets: [ ]"
    if "string" in wanted and isinstance(value, bool | int | float):
        return "put it in quotes"
    if isinstance(value, str) and {"integer", "number"}.intersection(wanted) and _reads_as_number(value):
        return "write it without quotes"
    return ""


def _may_be_share(value: Value) -> bool:
    """Tell a number where text is wanted, or a number with a percent sign where it goes without."""
    if isinstance(value, str):
        return value.endswith("%") and _reads_as_number(value[:-1])
    return isinstance(value, int | float) and not isinstance(value, bool)


def _reads_as_number(text: str) -> bool:
    try:
        return isinstance(resolve(text), int | float)
    except (ValueError, OverflowError):
        return False


# The code and the sentence of each keyword of the schema; `enum`, `type` and those about keys have their own.
_SENTENCES = {
    "const": ("not-allowed-value", "must be {}"),
    "minimum": ("out-of-range", "must be at least {}"),
    "maximum": ("out-of-range", "must be at most {}"),
    "exclusiveMinimum": ("out-of-range", "must be above {}"),
    "minProperties": ("wrong-length", "must have at least {} entry"),
    "maxProperties": ("wrong-length", "must have at most {} entries"),
    "minItems": ("wrong-length", "must have at least {} item"),
    "maxItems": ("wrong-length", "must have at most {} items"),
    "minLength": ("wrong-length", "must be at least {} characters long"),
    "maxLength": ("wrong-length", "must be at most {} characters long"),
}


def _wrong_value(violation: Violation) -> Mistake:
    if violation.keyword == "enum":
        return _not_allowed(violation)
    if isinstance(violation.value, str) and "x-rule" in violation.schema:
        message = f"must be {violation.schema['x-rule']}"
        return Mistake(key=violation.key, code="wrong-form", message=message)
    code, sentence = _SENTENCES[violation.keyword]
    return Mistake(key=violation.key, code=code, message=sentence.format(violation.wanted))


def _not_allowed(violation: Violation) -> Mistake:
    close = _closest(violation.value, violation.wanted) if isinstance(violation.value, str) else ""
    return Mistake(
        key=violation.key,
        code="not-allowed-value",
        message=f"must be one of {', '.join(violation.wanted)}",
        mend=f"did you mean {close}?" if close else "",
    )
