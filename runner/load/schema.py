"""The schema and its validator; what it finds is told without its own messages, which repeat values."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from runner.catalog import tasks
from runner.schema_files import read_schema
from runner.yaml12 import Key, Value

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

# What is wrong in these is told by `inputs`.
_OF_PARAMETERS = frozenset(f"parameters/{task}.schema.json" for task in tasks())


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """What is wrong with the value at `key`; with `of_name`, with the name of one of its keys."""

    key: Key
    keyword: str
    wanted: Any
    value: Any
    schema: Mapping[str, Any]
    of_name: bool


def violations(tree: Value) -> Iterator[Violation]:
    """Check a tree against the recipe's schema."""
    for error in _validator().iter_errors(tree):
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
def _validator() -> "Validator":
    """Build the validator, without any way to a schema elsewhere and without Python's idea of integers."""
    # jsonschema takes a tenth of a second to import: only who loads a recipe pays for it.
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    extend: Callable[..., type[Validator]] = validators.extend
    ours = {"pattern": _check_pattern, "$ref": _follow}
    strict = extend(Draft202012Validator, validators=ours, type_checker=checker)
    return strict(read_schema("recipe.schema.json"), registry=Registry())


def _is_integer(_checker: object, instance: object) -> bool:
    return isinstance(instance, int) and not isinstance(instance, bool)


def _follow(
    validator: "Validator", reference: str, instance: object, schema: Mapping[str, Any]
) -> Iterator["ValidationError"]:
    """Follow a reference, unless it leads to a task's parameters.

    That schema is for editors: `inputs` tells the same in the component's words, and nothing is told twice.
    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - as above

    if reference.partition("#")[0] not in _OF_PARAMETERS:
        yield from Draft202012Validator.VALIDATORS["$ref"](validator, reference, instance, schema)


def _check_pattern(
    _validator: object, pattern: str, instance: object, schema: Mapping[str, Any]
) -> Iterator["ValidationError"]:
    """Match the whole text: Python's `$` lets a newline follow. Too long a text is not matched at all."""
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - as above

    if not isinstance(instance, str) or len(instance) > schema.get("maxLength", len(instance)):
        return
    if not re.fullmatch(pattern, instance):
        yield ValidationError("")
