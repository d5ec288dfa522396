"""Every value in force of a recipe, with where it is from and what it overrode; and all of them as a recipe.

The recipe that `as_yaml` writes says the same as the files, profiles, settings and defaults it came from.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum

from runner.catalog import Component
from runner.load import OF_A_CLUSTER, Loaded
from runner.parameters import Effective, Parameter, is_derived, normalise
from runner.parameters import Origin as ParameterOrigin
from runner.recipe import Scalar, given
from runner.yaml12 import Key, Value, resolve

_PARAMETERS = ("finetune", "parameters")


class Origin(StrEnum):
    """Who gave a value: a part of the recipe, or a default."""

    EXTENDS = "extends"
    RECIPE = "recipe"
    PROFILE = "profile"
    SETTING = "--set"
    DEFAULT = "default"
    MODEL_DEFAULT = "model default"
    COMPONENT_DEFAULT = "component default"
    DERIVED = "derived"


@dataclass(frozen=True, kw_only=True, slots=True)
class Beaten:
    """A value that lost; `place` is a file and line, or names the default."""

    place: str
    value: Value


@dataclass(frozen=True, kw_only=True, slots=True)
class InForce:
    """One value: its key, who gave it, where, and what it overrode, nearest first.

    `settable` is False for an input of the component that a recipe may not set.
    """

    key: Key
    value: Value
    origin: Origin
    place: str
    overrode: tuple[Beaten, ...] = ()
    settable: bool = True

    @property
    def dotted(self) -> str:
        """Give the key as it is written on a command line: `finetune.parameters.lora_r`."""
        return ".".join(str(part) for part in self.key)


def values(loaded: Loaded, effective: Effective | None, component: Component | None) -> tuple[InForce, ...]:
    """Give every value in force, in the order of the recipe's sections.

    Without `effective` (no fine-tuning, or inputs that are not known) the parameters are the recipe's own.
    """
    found: list[InForce] = []
    for key, value in _leaves(loaded.recipe):
        if (key[:2] != _PARAMETERS or effective is None) and not _means_nothing(loaded, key):
            found.append(_of_recipe(loaded, key, value))
    if effective is None:
        return tuple(found)
    after = max(index for index, each in enumerate(found) if each.key[0] == _PARAMETERS[0]) + 1
    parameters = [_of_parameter(loaded, each, effective, component) for each in effective.parameters.values()]
    return (*found[:after], *parameters, *found[after:])


def as_yaml(found: Sequence[InForce], *, comments: bool) -> Iterator[str]:
    """Write the values as a recipe's lines; `comments` tell each one's origin.

    What a recipe may not set is a comment in any case.
    """
    opened: Key = ()
    for each in found:
        yield from _headers(opened, each.key)
        opened = each.key[:-1]
        line = f"{_indent(each.key)}{_scalar(str(each.key[-1]))}: {_written(each.value)}"
        if not each.settable:
            yield f"{_indent(each.key)}# {line.strip()}  ({_said(each)})"
        else:
            yield f"{line}  # {_said(each)}" if comments else line


def _means_nothing(loaded: Loaded, key: Key) -> bool:
    """Tell a default that another key leaves without a meaning, and that a recipe may therefore not set."""
    compute, dataset = loaded.recipe.compute, loaded.recipe.dataset
    if key[0] == "compute":
        return compute is not None and compute.serverless and key[1] in OF_A_CLUSTER
    if key == ("dataset", "percent"):
        return dataset is not None and dataset.rows is not None
    return key == ("dataset", "seed") and not loaded.source.says(key) and not given(dataset).is_drawn()


def _leaves(value: object, key: Key = ()) -> Iterator[tuple[Key, Value]]:
    """Walk over a recipe's values; what is left out and has no default is skipped."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _leaves(getattr(value, field.name), (*key, field.name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, (*key, name))
    elif isinstance(value, tuple):
        if value:
            yield key, [_item(item) for item in value]
    elif isinstance(value, str | int | float):
        yield key, _plain(value)


def _item(value: Scalar | Mapping[str, Scalar]) -> Value:
    return dict(value) if isinstance(value, Mapping) else _plain(value)


def _plain(value: Scalar) -> Scalar:
    """Give an enumeration's member as the text it is in YAML."""
    return str(value) if isinstance(value, str) else value


def _of_recipe(loaded: Loaded, key: Key, value: Value) -> InForce:
    source = loaded.source
    if not source.says(key):
        place = "the recipe's name" if key == ("experiment",) else "the schema"
        return InForce(key=key, value=value, origin=Origin.DEFAULT, place=place)
    beaten = tuple(
        Beaten(place=f"{each.path}:{each.position.line}", value=each.value)
        for each in reversed(source.overridden.get(key, ()))
    )
    return InForce(
        key=key,
        value=_as_written(loaded, key, value),
        origin=_part(loaded, key),
        place=source.place_of(key),
        overrode=beaten,
    )


def _as_written(loaded: Loaded, key: Key, value: Value) -> Value:
    """Give a value as the recipe has it: what the environment filled in is neither shown nor kept."""
    written = loaded.source.written(key)
    return written if "${env:" in str(written) else value


def _part(loaded: Loaded, key: Key) -> Origin:
    path = loaded.source.path_of(key)
    kinds = (part.kind for part in loaded.source.parts if part.path == path)
    # A recipe in force is of one part, whose values tell where they were from.
    return Origin(next(kinds, Origin.RECIPE))


def _of_parameter(
    loaded: Loaded, parameter: Parameter, effective: Effective, component: Component | None
) -> InForce:
    key = (*_PARAMETERS, parameter.name)
    defaults = _defaults(parameter, effective, component)
    if parameter.origin is ParameterOrigin.RECIPE:
        given = _of_recipe(loaded, key, parameter.value)
        return InForce(
            key=key,
            value=parameter.value,
            origin=given.origin,
            place=given.place,
            overrode=(*given.overrode, *defaults),
        )
    return InForce(
        key=key,
        value=parameter.value,
        origin=Origin(parameter.origin.value.replace("_", " ")),
        place=parameter.detail,
        overrode=() if parameter.origin is ParameterOrigin.COMPONENT_DEFAULT else defaults,
        settable=not is_derived(parameter.name),
    )


def _defaults(parameter: Parameter, effective: Effective, component: Component | None) -> tuple[Beaten, ...]:
    """Give the defaults that say something else than what is in force."""
    model = effective.overridden.get(parameter.name)
    accepted = component.inputs.get(parameter.name) if component else None
    found = [Beaten(place="model default", value=model.value)] if model else []
    if accepted is not None and accepted.default is not None:
        default = normalise(accepted.default, accepted)
        found += [Beaten(place="component default", value=default)] if default != parameter.value else []
    return tuple(found)


def _headers(opened: Key, key: Key) -> Iterator[str]:
    """Open the sections that a key is in and the one before it was not."""
    for depth in range(1, len(key)):
        if opened[:depth] != key[:depth]:
            yield f"{_indent(key[:depth])}{_scalar(str(key[depth - 1]))}:"


def _indent(key: Key) -> str:
    return "  " * (len(key) - 1)


def _said(each: InForce) -> str:
    at = each.place if each.origin in _PLACED else f"{each.origin.value}: {each.place}"
    beaten = "".join(f", over {lost.place} ({_written(lost.value)})" for lost in each.overrode)
    return f"{at}{beaten}".replace("\r", "\\r").replace("\n", "\\n")


_PLACED = frozenset({Origin.RECIPE, Origin.EXTENDS, Origin.PROFILE, Origin.SETTING})
# Plain in every YAML: a word that neither 1.1 nor 1.2 takes for anything else.
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_./@+-]*")
_OLD_BOOLEANS = frozenset({"y", "n", "yes", "no", "on", "off"})


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_written(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_scalar(key)}: {_written(item)}' for key, item in value.items())}}}"
    if isinstance(value, str):
        return _scalar(value)
    return "null" if value is None else repr(value)


def _scalar(text: str) -> str:
    """Write a text plainly if no reader takes it for something else, else in quotes."""
    is_word = _WORD.fullmatch(text) and text.lower() not in _OLD_BOOLEANS and resolve(text) == text
    return text if is_word else json.dumps(text, ensure_ascii=False)
