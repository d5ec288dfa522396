"""Accepts trees that are certainly valid, in a fraction of the arbiter's time.

What is not accepted here is not yet wrong: that, and in which words, `schema` decides. What is refused there
must never be accepted here, so this reads a stricter schema wherever the two validators, or the regular
expressions of their two languages, might differ.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from runner.schema_files import BASE, referred
from runner.yaml12 import Value

# Keywords of JSON Schema that the two validators might see differently; all others are tested to be seen
# alike, and what is no keyword of JSON Schema is nothing to either.
_UNSURE = frozenset({
    "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef", "$vocabulary", "format",
    "additionalItems", "contains", "minContains", "maxContains", "prefixItems", "uniqueItems",
    "unevaluatedItems", "unevaluatedProperties", "multipleOf",
    "dependencies", "dependentRequired", "dependentSchemas", "definitions",
    "contentEncoding", "contentMediaType", "contentSchema",
})  # fmt: skip
_OF_SCHEMAS = frozenset({"properties", "patternProperties", "$defs"})
_OF_VALUES = frozenset({"const", "enum", "default", "examples"})
# Where a part is refused, these may accept the whole: a stricter part would make them laxer.
_TURNING = frozenset({"if", "not", "oneOf"})
# Rust's regular expressions and Python's think the same of printable ASCII: what has to consist of it.
_ASCII = {"pattern": "^[ -~]*$"}
_PLAIN = {"pattern": _ASCII, "patternProperties": {"propertyNames": _ASCII}}
_NO_FRACTION = "x-no-fraction"


def certainly_valid(tree: Value, schema_name: str) -> bool:
    """Tell whether a tree is valid beyond doubt. Its numbers are finite, as are all that `yaml12` reads."""
    acceptor = acceptor_of(schema_name)
    try:
        return acceptor.is_valid(tree)
    except ValueError:  # half of a surrogate pair, which is no text to Rust
        return False


def stricter(schema: Any) -> Any:  # noqa: ANN401 - a schema is JSON, and so is all there is in it
    """Make a schema refuse all that the arbiter might see in another way; if need be, everything."""
    if isinstance(schema, list):
        return [stricter(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    if _UNSURE & schema.keys():
        return False
    if not all(_is_exact(schema[key]) for key in _TURNING & schema.keys()):
        return False
    return {key: _stricter_value(key, value) for key, value in schema.items()} | _added(schema)


def _stricter_value(key: str, value: Any) -> Any:  # noqa: ANN401 - as above
    if key in _OF_VALUES:
        return value
    if key in _OF_SCHEMAS:
        return {name: stricter(each) for name, each in value.items()}
    if key == "pattern":
        return f"^(?:{value})$"
    return stricter(value)


def _added(schema: Mapping[str, Any]) -> dict[str, Any]:
    added: dict[str, Any] = {}
    plain = [part for keyword, part in _PLAIN.items() if keyword in schema]
    if plain:
        added["allOf"] = [*stricter(schema.get("allOf", [])), *plain]
    if "integer" in schema.get("type", ()) and "number" not in schema["type"]:
        added[_NO_FRACTION] = True
    return added


def _is_exact(schema: Any) -> bool:  # noqa: ANN401 - as above
    """Tell whether nothing in a schema, nor behind a reference in it, needs to be stricter."""
    if isinstance(schema, list):
        return all(map(_is_exact, schema))
    if not isinstance(schema, Mapping):
        return True
    return "$ref" not in schema and not _added(schema) and all(map(_is_exact, schema.values()))


class _NoFraction:
    """A keyword of our own: 1.0 is a whole number to JSON Schema, but not to a recipe."""

    def __init__(self, *_of_the_schema: object) -> None:
        """Take what the library tells of the place in the schema."""

    def validate(self, instance: object) -> None:
        """Raise for a number that is written with a fraction or an exponent."""
        if isinstance(instance, float):
            raise ValueError  # noqa: TRY004 - of any error, the library makes a refusal


@cache
def acceptor_of(schema_name: str) -> Draft202012Validator:
    """Build the fast validator; its references lead to our schemas alone."""
    address = BASE + schema_name
    return Draft202012Validator(
        stricter(referred(address)),
        base_uri=address,
        retriever=lambda uri: stricter(referred(uri)),
        keywords={_NO_FRACTION: _NoFraction},
    )
