"""Statistics as JSON, as manifests and programs have them, and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from runner.journal import Json
from runner.statistics.values import Basis, Ordering, Packing, Padding, SplitTokens, Statistics, Training

_Value = TypeVar("_Value")


def json_form(statistics: Statistics) -> Mapping[str, Json]:
    """Give numbers and words under the fields' names; shares are rounded to a millionth."""
    form: Mapping[str, Json] = _rounded(asdict(statistics))
    return form


def from_json(told: object) -> Statistics | None:
    """Read them back; None for what is none, or was made by a version that told less."""
    try:
        return _statistics(told)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _statistics(told: Any) -> Statistics:  # noqa: ANN401 - what a file says may be anything
    padding, packing, training = told["padding"], told["packing"], told["training"]
    return Statistics(
        basis=Basis(told["basis"]),
        origin=told["origin"],
        longest=told["longest"],
        splits=tuple(_made(SplitTokens, each) for each in told["splits"]),
        training=_made(Training, training) if training else None,
        padding=_made(Padding, padding | {"in_force": Ordering(padding["in_force"])}) if padding else None,
        packing=_made(Packing, packing) if packing else None,
        notes=tuple(told["notes"]),
    )


def _made(kind: type[_Value], told: Mapping[str, Any]) -> _Value:
    """Fill in a value's fields; a later version may tell more, an earlier one less of what has a default."""
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    return kind(**{name: each for name, each in told.items() if name in known})


def _rounded(value: Any) -> Any:  # noqa: ANN401 - JSON may be anything
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value.value if isinstance(value, Basis | Ordering) else value
