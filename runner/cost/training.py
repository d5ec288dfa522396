"""How long a training takes: the arithmetic that its tokens and weights ask for, over what a GPU does.

A weight takes 2 operations a token in the forward pass, 2 for the gradients of the activations and 2 for
those of the weights, which LoRA leaves out since it does not train them; recomputing activations instead of
keeping them is one more forward pass (Korthikanti et al. 2022, arXiv 2205.05198). Attention's own operations
are left out: at 2,048 tokens they are a few percent of a model of 7 billion weights.
"""

from dataclasses import dataclass
from enum import StrEnum

from runner.catalog.figures import Span, figure

_FORWARD = 2
_ACTIVATION_GRADIENTS = 2
_WEIGHT_GRADIENTS = 2
_SECONDS_PER_HOUR = 3600


class Recomputation(StrEnum):
    """Whether the activations are computed again in the backward pass (gradient checkpointing)."""

    NEVER = "never"
    MAYBE = "maybe"
    ALWAYS = "always"


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """One training. `rows` are those of all epochs, `evaluated_rows` those of all evaluations.

    `rows_per_step` go through one GPU at once. `peak` is one GPU's operations a second.
    """

    parameters: int
    tokens_per_row: Span
    rows: float
    evaluated_rows: float
    rows_per_step: int
    gpus: int
    lora: bool
    recomputation: Recomputation
    peak: float


def hours(work: Work) -> Span:
    """Give the hours that all GPUs together are at it, as a clock on the wall shows them."""
    used, floor = figure("utilisation").span, figure("micro_step_seconds").span
    tokens, recomputed = work.tokens_per_row, work.recomputation
    return Span(
        low=_seconds(work, tokens.low, recomputed is Recomputation.ALWAYS, used.high, floor.low),
        likely=_seconds(
            work, tokens.likely, recomputed is not Recomputation.NEVER, used.likely, floor.likely
        ),
        high=_seconds(work, tokens.high, recomputed is not Recomputation.NEVER, used.low, floor.high),
    ).times(1 / _SECONDS_PER_HOUR)


def operations_per_token(parameters: int, *, lora: bool, recomputed: bool) -> int:
    """Count the operations of one token's forward and backward pass."""
    gradients = _ACTIVATION_GRADIENTS + (0 if lora else _WEIGHT_GRADIENTS)
    return parameters * (_FORWARD + gradients + (_FORWARD if recomputed else 0))


def _seconds(work: Work, tokens: float, recomputed: bool, used: float, floor: float) -> float:  # noqa: FBT001 - positions alike
    rate = work.peak * used
    operations = operations_per_token(work.parameters, lora=work.lora, recomputed=recomputed)
    step = max(work.rows_per_step * tokens * operations / rate, floor)
    steps = work.rows / (work.rows_per_step * work.gpus)
    evaluation = work.evaluated_rows * tokens * work.parameters * _FORWARD / (rate * work.gpus)
    return steps * step + evaluation
