"""What `check` demands, as a JSON Schema: so that an editor completes, explains and checks parameters.

JSON Schema knows one kind of number. So a schema cannot refuse the 2.0 that `check` refuses where an enum
has 2; in everything else both judge alike.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from runner.catalog import Component, ComponentInput, InputDescription
from runner.parameters.limits import TEXT, limits
from runner.parameters.values import BOOLEAN_TEXTS, as_number, is_boolean, is_settable, normalise, wire_value
from runner.recipe import Scalar

Json = dict[str, Any]


def parameters_schema(component: Component, descriptions: Mapping[str, InputDescription]) -> Json:
    """Make the schema of `finetune.parameters`. Raises KeyError for an input that is not described.

    `$defs/versions` says which `finetune.component_version` it holds for.
    """
    settable = [accepted for accepted in component.inputs.values() if is_settable(accepted)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Parameters of {component.name} {component.version}",
        "description": "Inputs of the component, under its own names. What is left out comes from the model's"
        " own defaults, then from the component's; `runner plan` shows which.",
        "type": "object",
        "additionalProperties": False,
        "properties": {each.name: _property(each, descriptions[each.name]) for each in settable},
        "$defs": {
            # Without a description: an editor would show it for `component_version` in place of that key's.
            "versions": {"enum": ["latest", component.version]}
        },
    }


def _property(accepted: ComponentInput, described: InputDescription) -> Json:
    made: Json = {"description": described.text, **_shape(accepted)}
    if described.values and "enum" in made:
        made["enumDescriptions"] = [_meaning(accepted, described, member) for member in made["enum"]]
    if accepted.default is not None:
        made["default"] = _as_written(accepted.default, accepted)
        made["description"] += f" The component's default: {wire_value(made['default'])}."
    if described.examples:
        made["examples"] = list(described.examples)
    return made


def _meaning(accepted: ComponentInput, described: InputDescription, member: Scalar) -> str:
    text = str(wire_value(member))
    if text not in described.values:
        raise KeyError(f"{accepted.name}: {text}")
    return described.values[text]


def _as_written(default: Scalar, accepted: ComponentInput) -> Scalar:
    """Give a default as a recipe would write it: 16 rather than "16"."""
    value = normalise(default, accepted)
    return next(_spellings(value)) if accepted.enum and isinstance(value, str) else value


def _shape(accepted: ComponentInput) -> Json:
    if is_boolean(accepted):
        return _boolean(accepted)
    if accepted.enum:
        return {"enum": [spelling for text in accepted.enum for spelling in _spellings(text)]}
    if accepted.type == "string":
        return {
            "type": "string",
            "pattern": f"^{TEXT}$",
            "patternErrorMessage": "Without single quotes, backslashes and control characters.",
        }
    return {"type": accepted.type, **_range(accepted)}


def _boolean(accepted: ComponentInput) -> Json:
    if accepted.name == "trust_remote_code":
        return {"enum": [False, "false"]}
    # A pattern says nothing of what is no text: so true and false, with or without quotes.
    return {
        "type": ["boolean", "string"],
        "pattern": "^(true|false)$",
        "patternErrorMessage": "Must be true or false.",
    }


def _range(accepted: ComponentInput) -> Json:
    within = limits(accepted)
    least = {"minimum": within.minimum} if within.above is None else {"exclusiveMinimum": within.above}
    most = {"maximum": within.maximum} if within.below is None else {"exclusiveMaximum": within.below}
    return {keyword: _number(limit) for keyword, limit in (least | most).items()}


def _number(limit: float) -> float:
    """Write 1.0 as 1: a live registry's minimum has passed through a float."""
    return int(limit) if limit == int(limit) else limit


def _spellings(text: str) -> Iterator[Scalar]:
    """Give what a recipe may write for a member of an enum, the simplest first."""
    if text in BOOLEAN_TEXTS:
        yield text == "true"
    number = as_number(text)
    if number is not None:
        yield from (each for each in (int(number), number) if str(each) == text)
    yield text
