"""The forms a parameter's value takes: in YAML, in a tag's text, and in the one form we compare and send."""

import math
import re

from runner.catalog import ComponentInput
from runner.recipe import Scalar

PRIMITIVE_TYPES = frozenset({"integer", "number", "string", "boolean"})
BOOLEAN_TEXTS = frozenset({"true", "false"})
# The service reads whole numbers through a float; beyond this one it would read another number.
MAX_INTEGER = 2**53

_NUMBER_TEXT = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_MAX_NUMBER_TEXT = 40
_DERIVED_NAMES = frozenset({"number_of_gpu_to_use_finetuning", "huggingface_id"})


def is_derived(name: str) -> bool:
    """Tell whether other sections decide this input: compute, model and data are named there."""
    return name in _DERIVED_NAMES or name.startswith(("compute_", "instance_type_")) or name.endswith("_path")


def is_settable(accepted: ComponentInput) -> bool:
    """Tell whether a recipe may set this input: it is no file, and no other section decides it."""
    return accepted.type in PRIMITIVE_TYPES and not is_derived(accepted.name)


def is_boolean(accepted: ComponentInput) -> bool:
    """Tell whether the input means yes or no: the components spell that as an enum of two texts."""
    return accepted.type == "boolean" or frozenset(accepted.enum) == BOOLEAN_TEXTS


def normalise(value: Scalar, accepted: ComponentInput) -> Scalar:
    """Bring a value to the one form in which equal settings are equal: `'5e-6'` to 5e-06, `'true'` to True.

    Booleans become bool, other enums text, numbers float or int. What does not fit is returned as it is.
    """
    if is_boolean(accepted):
        return _as_boolean(value)
    if accepted.type == "string":
        return value if isinstance(value, bool) or is_huge(value) else str(value)
    number = as_number(value) if accepted.type in {"integer", "number"} else None
    if number is None:
        return value
    if accepted.type == "number":
        return float(number)
    return int(number) if number == int(number) else value


def as_number(value: Scalar) -> int | float | None:
    """Read a number the service can read back out of a number or its text; None for all else."""
    if isinstance(value, str):
        readable = len(value) <= _MAX_NUMBER_TEXT and _NUMBER_TEXT.fullmatch(value)
        return as_number(float(value)) if readable else None
    if isinstance(value, bool) or is_huge(value) or not math.isfinite(value):
        return None
    return value


def is_huge(value: Scalar) -> bool:
    """Tell a whole number that would not survive the way to the service."""
    return isinstance(value, int) and abs(value) > MAX_INTEGER


def wire_value(value: Scalar) -> str | int | float:
    """Write a value as the component's enums have it: the SDK's own `str(True)` is not among them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _as_boolean(value: Scalar) -> Scalar:
    if isinstance(value, str) and value.lower() in BOOLEAN_TEXTS:
        return value.lower() == "true"
    return value
