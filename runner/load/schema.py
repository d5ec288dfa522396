"""The schema and its validator; what it finds is told without its own messages, which repeat values."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from runner.load.acceptor import certainly_valid
from runner.schema_files import BASE, referred
from runner.yaml12 import Key, Value

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator
    from referencing import Resource

RECIPE = "recipe.schema.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """What is wrong with the value at `key`; with `of_name`, with the name of one of its keys."""

    key: Key
    keyword: str
    wanted: Any
    value: Any
    schema: Mapping[str, Any]
    of_name: bool


def violations(tree: Value, schema_name: str = RECIPE) -> Iterator[Violation]:
    """Check a tree against a schema, by default the recipe's."""
    if certainly_valid(tree, schema_name):
        return
    for error in arbiter_of(schema_name).iter_errors(tree):
        known: Any = error
        yield Violation(
            key=tuple(known.absolute_path),
            keyword=known.validator,
            wanted=known.validator_value,
            value=known.instance,
            schema=known.schema,
            of_name="propertyNames" in known.absolute_schema_path,
        )


@cache
def arbiter_of(schema_name: str) -> "Validator":
    """Build the arbiter, whose references lead to our schemas alone, without Python's idea of integers."""
    # jsonschema takes a tenth of a second to import: only who loads what is not surely valid pays for it.
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    extend: Callable[..., type[Validator]] = validators.extend
    strict = extend(Draft202012Validator, validators={"pattern": _check_pattern}, type_checker=checker)
    address = BASE + schema_name
    registry = Registry(retrieve=_resource).with_resource(address, _resource(address))  # type: ignore[call-arg]
    return strict({"$ref": address}, registry=registry)


def _resource(address: str) -> "Resource[Any]":
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415 - as above

    return DRAFT202012.create_resource(referred(address))


def _is_integer(_checker: object, instance: object) -> bool:
    return isinstance(instance, int) and not isinstance(instance, bool)


def _check_pattern(
    _validator: object, pattern: str, instance: object, schema: Mapping[str, Any]
) -> Iterator["ValidationError"]:
    """Match the whole text: Python's `$` lets a newline follow. Too long a text is not matched at all."""
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - as above

    if not isinstance(instance, str) or len(instance) > schema.get("maxLength", len(instance)):
        return
    if not re.fullmatch(pattern, instance):
        yield ValidationError("")
