"""What is wrong with a parameter, found before anything costs money.

The SDK checks input names only, and the service rejects the rest when nodes are already running. No finding
carries the value: what someone pasted into the wrong place is not ours to repeat.
"""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass

from runner.catalog import Component, ComponentInput
from runner.parameters.effective import Effective
from runner.parameters.values import (
    BOOLEAN_TEXTS,
    as_number,
    is_boolean,
    is_derived,
    is_huge,
    normalise,
    wire_value,
)
from runner.recipe import Scalar

_PRIMITIVE_TYPES = frozenset({"integer", "number", "string", "boolean"})
_MAX_COMPARED = 80

# What transformers and peft refuse, or what cannot train, although the component states no minimum.
_AT_LEAST: Mapping[str, float] = {
    "gradient_accumulation_steps": 1,
    "learning_rate": 0,  # nothing is learned at 0, which is what a control run is for
    "logging_steps": 1,
    "lora_alpha": 1,
    "lora_dropout": 0,
    "lora_r": 1,
    "max_grad_norm": 0,
    "warmup_steps": 0,
    "weight_decay": 0,
}
_ABOVE_ZERO = frozenset({"adam_epsilon"})
_BELOW_ONE = frozenset({"lora_dropout", "adam_beta1", "adam_beta2"})


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
    if accepted.type not in _PRIMITIVE_TYPES:
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
    if "'" in value or "\\" in value or not value.isprintable():
        message = "holds a single quote, a backslash or a control character, which the training refuses"
        return Finding(name=accepted.name, code="bad-character", message=message)
    return None


def _check_number(accepted: ComponentInput, value: Scalar) -> Finding | None:
    kind = "a whole number" if accepted.type == "integer" else "a number"
    if isinstance(value, bool | str):
        quoted = as_number(value) is not None
        return _wrong_type(accepted, kind, mend="write it without quotes" if quoted else "")
    if is_huge(value):
        return _out_of_range(accepted, "is larger than the service can read back")
    if not math.isfinite(value):
        return _out_of_range(accepted, "must be finite")
    if accepted.type == "integer" and value != int(value):
        return _wrong_type(accepted, kind)
    return _check_range(accepted, value)


def _check_range(accepted: ComponentInput, value: float) -> Finding | None:
    name = accepted.name
    limits = (accepted.minimum, _AT_LEAST.get(name))
    minimum = max((limit for limit in limits if limit is not None), default=-math.inf)
    if value < minimum:
        return _out_of_range(accepted, f"must be at least {minimum:g}")
    if name in _ABOVE_ZERO and value <= 0:
        return _out_of_range(accepted, "must be above 0")
    if name in _BELOW_ONE and not 0 <= value < 1:
        return _out_of_range(accepted, "must be at least 0 and below 1")
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
