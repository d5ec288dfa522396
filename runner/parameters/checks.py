"""What is wrong with a parameter, found before anything costs money.

The SDK checks input names only, and the service rejects the rest when nodes are already running. No finding
carries the value: what someone pasted into the wrong place is not ours to repeat.
"""

import difflib
import math
import re
from dataclasses import dataclass

from runner.catalog import Component, ComponentInput
from runner.parameters.effective import Effective
from runner.parameters.limits import TEXT, limits
from runner.parameters.values import (
    BOOLEAN_TEXTS,
    MAX_INTEGER,
    PRIMITIVE_TYPES,
    as_number,
    is_boolean,
    is_derived,
    is_huge,
    normalise,
    wire_value,
)
from runner.recipe import Scalar

_MAX_COMPARED = 80
# Half of a character: no JSON text holds one, hence no schema can name it.
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What is wrong with the parameter `name`; whoever knows its line makes a Diagnostic of it."""

    name: str
    code: str
    message: str
    expected: str = ""
    mend: str = ""


def check(name: str, value: Scalar, component: Component) -> Finding | None:
    """Check one recipe value against the component's input of that name; None where it is right."""
    accepted = component.inputs.get(name)
    if accepted is None:
        return _unknown(name, component)
    if is_derived(name):
        message = "follows from other sections of the recipe"
        return Finding(name=name, code="derived-parameter", message=message, mend="leave it out here")
    if accepted.type not in PRIMITIVE_TYPES:
        message = f"takes a {accepted.type}, which a recipe cannot give"
        return Finding(name=name, code="file-parameter", message=message, mend="leave it out")
    if name == "trust_remote_code" and normalise(value, accepted) is True:
        message = "would run code that lies beside the model's weights"
        return Finding(name=name, code="trust-remote-code", message=message, mend="leave it out")
    return _check_value(accepted, value)


def combination_findings(effective: Effective) -> tuple[Finding, ...]:
    """Find settings that are right one by one and that the training refuses together."""
    if effective.value("apply_deepspeed") is not True:
        return ()
    findings = []
    if effective.value("auto_find_batch_size") is True:
        findings.append(_clash(effective, "auto_find_batch_size", "apply_deepspeed"))
    if effective.value("deepspeed_stage") == "3" and effective.value("apply_ort") is True:
        findings.append(_clash(effective, "apply_ort", "deepspeed_stage"))
    return tuple(findings)


def _unknown(name: str, component: Component) -> Finding:
    settable = [known for known in component.inputs if not is_derived(known)]
    close = difflib.get_close_matches(name[:_MAX_COMPARED], settable, n=1)
    return Finding(
        name=name,
        code="unknown-parameter",
        message=f"{component.name} {component.version} has no such input",
        mend=f"did you mean {close[0]}?" if close else "",
    )


def _check_value(accepted: ComponentInput, value: Scalar) -> Finding | None:
    if accepted.enum:
        return _check_enum(accepted, value)
    if is_boolean(accepted):
        right = isinstance(value, bool) or value in BOOLEAN_TEXTS
        return None if right else _wrong_type(accepted, "true or false")
    if accepted.type == "string":
        return _check_text(accepted, value)
    return _check_number(accepted, value)


def _check_enum(accepted: ComponentInput, value: Scalar) -> Finding | None:
    """Check by text, so that 2 may stand for "2" and true for "true"; True, 2.0 and yes may not."""
    text = "" if is_huge(value) else str(wire_value(value))
    if text in accepted.enum:
        return None
    close = difflib.get_close_matches(text.lower()[:_MAX_COMPARED], accepted.enum, n=1)
    return Finding(
        name=accepted.name,
        code="not-allowed-value",
        message="is not a value the component takes",
        expected=f"one of {', '.join(accepted.enum)}",
        mend=f"did you mean {close[0]}?" if close else "",
    )


def _check_text(accepted: ComponentInput, value: Scalar) -> Finding | None:
    if not isinstance(value, str):
        return _wrong_type(accepted, "text", mend="write it in quotes")
    if not re.fullmatch(TEXT, value) or _LONE_SURROGATE.search(value):
        message = "holds a single quote, a backslash or a control character, which the training refuses"
        return Finding(name=accepted.name, code="bad-character", message=message)
    return None


def _check_number(accepted: ComponentInput, value: Scalar) -> Finding | None:
    kind = "a whole number" if accepted.type == "integer" else "a number"
    if isinstance(value, bool | str):
        quoted = as_number(value) is not None
        return _wrong_type(accepted, kind, mend="write it without quotes" if quoted else "")
    if isinstance(value, float) and not math.isfinite(value):
        return _out_of_range(accepted, "must be finite")
    if abs(value) > MAX_INTEGER:
        return _out_of_range(accepted, "is larger than the service can read back")
    if accepted.type == "integer" and value != int(value):
        return _wrong_type(accepted, kind)
    return _check_range(accepted, value)


def _check_range(accepted: ComponentInput, value: float) -> Finding | None:
    within = limits(accepted)
    if within.below is not None and not within.minimum <= value < within.below:
        return _out_of_range(accepted, f"must be at least {within.minimum:g} and below {within.below:g}")
    if value < within.minimum:
        return _out_of_range(accepted, f"must be at least {within.minimum:g}")
    if within.above is not None and value <= within.above:
        return _out_of_range(accepted, f"must be above {within.above:g}")
    return None


def _wrong_type(accepted: ComponentInput, expected: str, *, mend: str = "") -> Finding:
    return Finding(
        name=accepted.name,
        code="wrong-type",
        message="is of the wrong type",
        expected=f"must be {expected}",
        mend=mend,
    )


def _out_of_range(accepted: ComponentInput, message: str) -> Finding:
    return Finding(name=accepted.name, code="out-of-range", message=message)


def _clash(effective: Effective, name: str, other: str) -> Finding:
    rival = effective.parameters[other]
    setting = f"{other} {wire_value(rival.value)} ({rival.origin.value.replace('_', ' ')}, {rival.detail})"
    return Finding(
        name=name,
        code="clashing-parameters",
        message=f"cannot go with {setting}",
        mend=f"set {name}: false, or apply_deepspeed: false",
    )
