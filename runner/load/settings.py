"""`--set finetune.parameters.lora_r=16`: one value of a recipe, from the command line."""

import hashlib
from dataclasses import replace

from runner.errors import UsageError
from runner.load.layers import EXTENDS, Layer, LayerKind
from runner.load.source import SETTING
from runner.yaml12 import MAX_DEPTH, Document, Key, Position, Problem, Value, meaning, parse

SHOWN = SETTING
_BEGINS_YAML = ("'", '"', "[", "{")
_PREFIX = "value: "


def setting(text: str, number: int) -> Layer:
    """Read the `number`-th (from 1) setting as a layer; its line is that number, its column that in `text`.

    The value is YAML: `5e-6` is a number, `true` is true, `null` takes the key away, `{demo: 100}` is a
    mapping. Raises UsageError for what is not KEY=VALUE.
    """
    dotted, equals, written = text.partition("=")
    names = tuple(dotted.split("."))
    if not equals or not all(names) or len(names) > MAX_DEPTH:
        raise UsageError(f"{SHOWN} takes KEY=VALUE", hint=f"such as {SHOWN} finetune.parameters.lora_r=16")
    if names[0] == EXTENDS:
        raise UsageError(f"{SHOWN} cannot say what a recipe {EXTENDS}", hint="use --profile NAME")
    position = Position(number, len(dotted) + 2)
    value, problems, below = _value(written, position, names)
    places: dict[Key, Position] = {names[:depth]: Position(number, 1) for depth in range(len(names))}
    return Layer(
        kind=LayerKind.SETTING,
        path=SHOWN,
        text=text,
        digest=hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest(),
        document=Document(
            value=_nested(names, value),
            problems=problems,
            places={**places, **below, names: position},
            key_places={names[: depth + 1]: _start(names, depth, number) for depth in range(len(names))},
            spoiled=frozenset({names} if problems else ()),
            complete=not problems,
        ),
    )


def _value(
    written: str, position: Position, names: Key
) -> tuple[Value, tuple[Problem, ...], dict[Key, Position]]:
    """Read the value, what is wrong with it, and where the values in it stand."""
    if not written.startswith(_BEGINS_YAML):
        value, fault = meaning(written, plain=True)
        return value, (fault.at(position, names),) if fault else (), {}
    document = parse(_PREFIX + written)
    shift = position.column - 1 - len(_PREFIX)
    below = {
        (*names, *key[1:]): Position(position.line, place.column + shift)
        for key, place in document.places.items()
        if len(key) > 1
    }
    problems = tuple(
        replace(each, position=Position(position.line, max(1, each.position.column + shift)), key=names)
        for each in document.problems
    )
    return (document.value or {}).get("value"), problems, below


def _nested(names: Key, value: Value) -> dict[str, Value]:
    for name in reversed(names):
        value = {str(name): value}
    return value if isinstance(value, dict) else {}


def _start(names: Key, depth: int, number: int) -> Position:
    return Position(number, sum(len(str(name)) + 1 for name in names[:depth]) + 1)
