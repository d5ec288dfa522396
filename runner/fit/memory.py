"""The memory one GPU needs, by what it is for."""

from dataclasses import dataclass

from runner.catalog import Architecture
from runner.fit.activations import activations
from runner.fit.setup import Setup
from runner.fit.states import gradients, optimizer, weights

# CUDA's context, its kernels and cuBLAS's workspace, which no tensor accounts for: 141 MiB on a T4
# (fitcheck-llm 0.3.1), taken to be half a GiB on larger cards, which load more kernels.
CONTEXT = 500 * 2**20
# What torch's allocator holds beyond the tensors at the peak: 4 to 9 % in fitcheck-llm's measurements.
FRAGMENTATION = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Bytes on one GPU at the worst moment; `overhead` is what the driver and the allocator take besides."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    overhead: int

    @property
    def allocated(self) -> int:
        """Give what tensors take, which is what `torch.cuda.max_memory_allocated` measures."""
        return self.weights + self.gradients + self.optimizer + self.activations

    @property
    def total(self) -> int:
        """Give what the card must have free."""
        return self.allocated + self.overhead


def estimate(architecture: Architecture, setup: Setup) -> Memory:
    """Estimate what one GPU needs; docs/decisions/0008-memory-fit.md says how far off that is."""
    parts = {
        "weights": weights(architecture, setup),
        "gradients": gradients(architecture, setup),
        "optimizer": optimizer(architecture, setup),
        "activations": activations(architecture, setup),
    }
    return Memory(**parts, overhead=CONTEXT + int(FRAGMENTATION * sum(parts.values())))
