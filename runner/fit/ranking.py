"""On which VM sizes a fine-tuning fits, the smallest first."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from runner.catalog import Architecture, VmSize
from runner.fit.memory import Memory, estimate
from runner.fit.setup import Setup

GIGABYTE = 10**9
MARGIN = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A VM size and what each of its GPUs would need."""

    size: VmSize
    memory: Memory
    available: int

    @property
    def share(self) -> float:
        """Give the part of a GPU's memory that is needed; beyond 1 it is not there."""
        return self.memory.total / self.available

    @property
    def fits(self) -> bool:
        """Tell whether it is there with a margin for what the estimate gets wrong."""
        return self.share <= 1 - MARGIN


def fitting(
    architecture: Architecture, setup_for_gpus: Callable[[int], Setup], sizes: Iterable[VmSize]
) -> tuple[Candidate, ...]:
    """Estimate for each size with GPUs, and order by GPU memory over the whole machine, then by vCPUs.

    `setup_for_gpus` is given the GPUs a size has; a shared card counts as one, with its part of the memory.
    """
    able = [size for size in sizes if size.gpus > 0 and size.gpu_memory_gb]
    candidates = (_candidate(architecture, setup_for_gpus(_gpus(size)), size) for size in able)
    return tuple(sorted(candidates, key=_smallness))


def _candidate(architecture: Architecture, setup: Setup, size: VmSize) -> Candidate:
    available = int((size.gpu_memory_gb or 0) * GIGABYTE)
    return Candidate(size=size, memory=estimate(architecture, setup), available=available)


def _smallness(candidate: Candidate) -> tuple[int, int, str]:
    size = candidate.size
    return _gpus(size) * candidate.available, size.vcpus, size.name


def _gpus(size: VmSize) -> int:
    return max(1, int(size.gpus))
