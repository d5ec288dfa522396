"""What the GPUs of a node together keep in the memory of their machine, by what it is for."""

from dataclasses import dataclass

from runner.catalog import Architecture
from runner.fit.counting import adapters, trained
from runner.fit.setup import Setup
from runner.fit.states import weight_bytes

# All in 32 bits: the weight's copy, Adam's two moments; and the gradient.
_OPTIMIZER_BYTES = 12
_GRADIENT_BYTES = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """Bytes in a machine's memory from step to step; nothing where nothing is offloaded."""

    weights: int
    gradients: int
    optimizer: int

    @property
    def total(self) -> int:
        """Give what the machine must have free."""
        return self.weights + self.gradients + self.optimizer


def host(architecture: Architecture, setup: Setup) -> Host:
    """Count what DeepSpeed offloads, which ZeRO divides by the nodes: their GPUs share one machine's memory.

    16 bytes a trained weight, and with stage three's offloaded weights 2 more for each in 16 bits, as in
    DeepSpeed's own estimators (deepspeedai/DeepSpeed:docs/code-docs/source/memory.rst, read 2026-11-21).
    Their factor of 1.5 for buffers is left out, and so is what loading takes for a moment: this is the least.
    Adafactor is counted as Adam, whose moments are all that DeepSpeed's estimators know of.
    """
    count = trained(architecture, setup) if setup.offload_optimizer else 0
    held = architecture.parameters + adapters(architecture, setup) if setup.offload_weights else 0
    return Host(
        weights=held * weight_bytes(setup) // setup.nodes,
        gradients=count * _GRADIENT_BYTES // setup.nodes,
        optimizer=count * _OPTIMIZER_BYTES // setup.nodes,
    )
