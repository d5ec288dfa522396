"""What comes and goes within a step, at its worst moment, in bytes.

Counted as in "Reducing Activation Recomputation in Large Transformer Models" (arXiv:2205.05198, section 4):
what autograd keeps of each layer for its backward pass. Theirs is GPT's layer; this is that of Llama and Phi
in transformers: RMSNorm in 32 bits, rotary embeddings, attention that never holds the scores (FlashAttention,
arXiv:2205.14135: no term in the square of the length), a gated feed-forward block. Sizes are per token.
"""

from runner.catalog import Architecture
from runner.fit.counting import trained
from runner.fit.setup import Optimizer, Precision, Projection, Setup
from runner.fit.states import HALF, SINGLE, trained_bytes, weight_bytes

# The loss is computed in 32 bits: the logits turned to 32, their log-softmax and its gradient are alive
# together (transformers from 4.50; the component has 4.52 or later; before, one more copy was made).
_LOSS_COPIES = 3
# Families with one matrix for queries, keys and values and one for gate and up: the values keep the whole
# product alive. Their two residual dropouts keep a mask of a byte, even where nothing is dropped.
_FUSED = frozenset({"phi3"})
# Linear layers with the same input, which are also those that may be fused.
_SHARING = (
    (Projection.QUERY, Projection.KEY, Projection.VALUE),
    (Projection.OUTPUT,),
    (Projection.GATE, Projection.UP),
    (Projection.DOWN,),
)


def activations(architecture: Architecture, setup: Setup) -> int:
    """Give the most that is there on top of weights, gradients and optimizer state at any moment of a step.

    The moments: at the loss all layers' values and the logits are there, and no gradient yet, unless
    gradients accumulate; at the backward pass's end one layer is; in AdamW's step an intermediate of all.
    """
    layer, backward = _kept(architecture, setup), _backward(architecture, setup)
    if setup.checkpointing:
        # Only what enters each layer is kept; the layer is computed again when its turn comes.
        kept = architecture.layers * architecture.hidden_size * weight_bytes(setup)
        backward += layer
    else:
        kept = architecture.layers * layer
    peak = setup.tokens * (kept + max(_logits(architecture, setup), backward))
    peak += _casts(architecture, setup) - _gradients_to_come(architecture, setup)
    return max(peak, setup.tokens * backward, _step(architecture, setup))


def _kept(architecture: Architecture, setup: Setup) -> int:
    """Give what autograd keeps of one layer."""
    hidden, inner = architecture.hidden_size, architecture.intermediate_size * architecture.active_experts
    each = _compute_bytes(setup)
    norms = 2 * hidden * SINGLE
    if setup.lora_rank is None:
        norms += 2 * hidden * each  # the normalised values, for the gradient of the norm's own weights
    attention = (2 * hidden + 2 * architecture.key_value_size) * each  # queries, output, keys, values
    feed_forward = inner * each * (3 if architecture.gated else 1)  # gate, its activation, up
    fused = (hidden + architecture.key_value_size) * each + 2 * hidden if _is_fused(architecture) else 0
    return norms + attention + feed_forward + fused + _inputs(architecture, setup)


def _inputs(architecture: Architecture, setup: Setup) -> int:
    """Give the inputs that linear layers keep for the gradient of their weights; frozen ones keep none."""
    active, each = architecture.active_experts, _compute_bytes(setup)
    hidden, inner = architecture.hidden_size, architecture.intermediate_size
    widths = (hidden, hidden, hidden * active, inner * active)
    adapted = [len(setup.lora_targets.intersection(shared)) for shared in _SHARING]
    if setup.lora_rank is not None and each < trained_bytes(setup):
        # PEFT turns an input to the adapter's 32 bits, for each adapter anew.
        times = [min(count, 1) if _is_fused(architecture) else count for count in adapted]
        return SINGLE * sum(width * count for width, count in zip(widths, times, strict=True))
    # What enters the output projection is attention's own output, already kept.
    kept = [bool(count) or setup.lora_rank is None for count in adapted]
    kept[_SHARING.index((Projection.OUTPUT,))] = False
    return each * sum(width for width, is_kept in zip(widths, kept, strict=True) if is_kept)


def _is_fused(architecture: Architecture) -> bool:
    return architecture.model_type in _FUSED


def _backward(architecture: Architecture, setup: Setup) -> int:
    """Give the gradients of one layer's own values while its backward pass runs."""
    inner = architecture.intermediate_size * architecture.active_experts
    return _compute_bytes(setup) * (2 * architecture.hidden_size + (3 if architecture.gated else 2) * inner)


def _logits(architecture: Architecture, setup: Setup) -> int:
    """Give the logits and what the loss makes of them."""
    own = HALF if _compute_bytes(setup) == HALF else 0
    return architecture.vocabulary * (own + _LOSS_COPIES * SINGLE)


def _casts(architecture: Architecture, setup: Setup) -> int:
    """Give autocast's 16-bit copies of 32-bit weights, which live as long as their layer's values."""
    if _compute_bytes(setup) == weight_bytes(setup):
        return 0
    copies = architecture.parameters * HALF
    return copies // architecture.layers if setup.checkpointing else copies


def _gradients_to_come(architecture: Architecture, setup: Setup) -> int:
    """Give the bytes of gradients that are counted but not there yet when the loss is computed."""
    if setup.stage is not None or setup.gradient_accumulation_steps > 1:
        return 0
    return trained(architecture, setup) * trained_bytes(setup)


def _step(architecture: Architecture, setup: Setup) -> int:
    """Give AdamW's intermediate: torch steps over all weights at once and needs their size again."""
    if setup.stage is not None or setup.optimizer is not Optimizer.ADAMW:
        return 0
    return trained(architecture, setup) * trained_bytes(setup)


def _compute_bytes(setup: Setup) -> int:
    return SINGLE if setup.precision is Precision.SINGLE else HALF
