"""The limits of a parameter's value, in one place: the check and the schema for editors both read them."""

from collections.abc import Mapping
from dataclasses import dataclass

from runner.catalog import ComponentInput
from runner.parameters.values import MAX_INTEGER

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

# What a text may not hold: single quote and backslash, which the training refuses, and characters that nobody
# sees (control, format, odd spaces, private use). Written so that Python and JavaScript read it alike; only
# the characters above U+FFFF, for which their notations differ, stand for themselves.
TEXT = (
    r"[^'\\\x00-\x1f\x7f-\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ue000-\uf8ff"
    r"\ufeff\ufff9-\ufffb"
    "\U000e0000-\U0010ffff]*"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Between which numbers a value may be; `above` and `below` are themselves not allowed."""

    minimum: float = -MAX_INTEGER
    maximum: float = MAX_INTEGER
    above: float | None = None
    below: float | None = None


def limits(accepted: ComponentInput) -> Limits:
    """Give the limits of a number: the component's own and ours."""
    name = accepted.name
    stated = (accepted.minimum, _AT_LEAST.get(name), 0 if name in _BELOW_ONE else None)
    return Limits(
        minimum=max((limit for limit in stated if limit is not None), default=-MAX_INTEGER),
        above=0 if name in _ABOVE_ZERO else None,
        below=1 if name in _BELOW_ONE else None,
    )
