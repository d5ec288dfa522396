"""What stays on a GPU from step to step: weights, gradients and optimizer state, in bytes.

Mixed precision costs 2 bytes a weight, 2 its gradient and 12 its optimizer (a 32-bit copy and Adam's two
moments); ZeRO divides what it spreads by the number of GPUs (arXiv:1910.02054, sections 3.1 and 5).
"""

from runner.catalog import Architecture
from runner.fit.counting import adapters, factors, trained
from runner.fit.setup import Optimizer, Precision, Setup, Stage

HALF, SINGLE = 2, 4

# Counts, from the component's own DeepSpeed files: reduce_bucket_size of zero2.json and
# stage3_max_live_parameters of zero3.json (azureml-acft-contrib-hf-nlp 0.0.91).
_REDUCE_BUCKET = 200_000_000
_LIVE_PARAMETERS = 1_000_000_000
# One bucket is filled while the other is sent (overlap_comm).
_BUCKETS = 2


def weights(architecture: Architecture, setup: Setup) -> int:
    """Give the bytes of the weights on one GPU; with stage three its share and what is gathered for use."""
    each = weight_bytes(setup)
    held = architecture.parameters * each + adapters(architecture, setup) * trained_bytes(setup)
    if setup.stage is not Stage.THREE:
        return held
    share = 0 if setup.offload_weights else held // setup.processes
    return share + min(_LIVE_PARAMETERS, architecture.parameters) * each


def gradients(architecture: Architecture, setup: Setup) -> int:
    """Give the bytes of the gradients on one GPU; offloaded ones are there only while they are averaged."""
    count, each = trained(architecture, setup), trained_bytes(setup)
    if setup.stage is None:
        return count * each
    share = 0 if setup.offload_optimizer else count * each // setup.processes
    return share + _BUCKETS * min(_REDUCE_BUCKET, count) * each


def optimizer(architecture: Architecture, setup: Setup) -> int:
    """Give the bytes of the optimizer's state on one GPU."""
    count = trained(architecture, setup)
    if setup.stage is not None:
        return 0 if setup.offload_optimizer else count * _spread_bytes(setup) // setup.processes
    if setup.optimizer is Optimizer.ADAMW:
        return count * 2 * trained_bytes(setup)
    return min(count, factors(architecture)) * SINGLE


def weight_bytes(setup: Setup) -> int:
    """Give the bytes of one weight of the base model."""
    return HALF if setup.precision is Precision.HALF or setup.casts_to_half else SINGLE


def trained_bytes(setup: Setup) -> int:
    """Give the bytes of one trained weight, and of its gradient: PEFT holds adapters in 32 bits."""
    if setup.lora_rank is not None and not setup.casts_to_half:
        return SINGLE
    return weight_bytes(setup)


def _spread_bytes(setup: Setup) -> int:
    """Give a 32-bit copy and the moments: ZeRO flattens all, and what is flat cannot be factored."""
    moments = 2 if setup.optimizer is Optimizer.ADAMW else 1
    return SINGLE + moments * SINGLE
