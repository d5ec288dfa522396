"""On which VM sizes a fine-tuning fits, the smallest first."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from runner import catalog
from runner.catalog import Architecture, VmSize
from runner.fit.host import Host, host
from runner.fit.memory import Memory, estimate
from runner.fit.setup import Setup

# Cards are sold in units of 2**30, of which error correction and the driver take up to 9 % (a T4's 16 leave
# programs 14.6), so that a decimal gigabyte is about what is left. A machine's memory is sold alike, and its
# system and the processes themselves take their part of it.
GIGABYTE = 10**9
# What the estimate misses: docs/decisions/0008-memory-fit.md has the reasons for this figure.
MARGIN = 0.10


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A VM size, what each of its GPUs would need, and what all of them would keep in the machine's memory.

    `available` is what a GPU has, `machine` what the machine has; None is not known.
    """

    size: VmSize
    setup: Setup
    memory: Memory
    available: int
    host: Host
    machine: int | None

    @property
    def share(self) -> float:
        """Give the part of a GPU's memory that is needed; beyond 1 it is not there."""
        return self.memory.total / self.available

    @property
    def fits(self) -> bool:
        """Tell whether both are there, with a margin for what the estimates get wrong."""
        return self.fits_gpu and self.fits_machine

    @property
    def fits_gpu(self) -> bool:
        """Tell whether each GPU has room."""
        return self.memory.total <= self._usable

    @property
    def fits_machine(self) -> bool:
        """Tell whether the machine has room for what is offloaded; one whose memory is not known has."""
        return self.machine is None or self.host.total <= self.machine * (1 - MARGIN)

    def longest_sequence(self, architecture: Architecture) -> int:
        """Give the most tokens a row may have to fit a GPU, 0 if none does; at most the context window.

        A length that nobody set is only a bound: this says how short the rows must be.
        """
        lengths = range(1, architecture.context_window + 1)
        return bisect_right(lengths, self._usable, key=lambda length: self._total(architecture, length))

    @property
    def _usable(self) -> float:
        return self.available * (1 - MARGIN)

    def _total(self, architecture: Architecture, sequence_length: int) -> int:
        return estimate(architecture, replace(self.setup, sequence_length=sequence_length)).total


def fitting(
    architecture: Architecture, setup_for_gpus: Callable[[int], Setup | None], sizes: Iterable[VmSize]
) -> tuple[Candidate, ...]:
    """Estimate for each size with GPUs, and order by GPU memory over the whole machine, then by vCPUs.

    `setup_for_gpus` is given the GPUs a size has; a shared card counts as one, with its part of the memory.
    What Azure answers lacks the GPU's memory: the catalog adds it, and what it does not know is left out, as
    is a size for which there is no setup.
    """
    able = [size for size in sizes if size.gpus > 0 and _gpu_memory(size)]
    setups = ((size, setup_for_gpus(_gpus(size))) for size in able)
    candidates = (_candidate(architecture, setup, size) for size, setup in setups if setup is not None)
    return tuple(sorted(candidates, key=_smallness))


def _candidate(architecture: Architecture, setup: Setup, size: VmSize) -> Candidate:
    available = int(_gpu_memory(size) * GIGABYTE)
    return Candidate(
        size=size,
        setup=setup,
        memory=estimate(architecture, setup),
        available=available,
        host=host(architecture, setup),
        machine=_machine(size),
    )


def _smallness(candidate: Candidate) -> tuple[int, int, str]:
    size = candidate.size
    return _gpus(size) * candidate.available, size.vcpus, size.name


def _gpu_memory(size: VmSize) -> float:
    known = catalog.vm_size(size.name)
    return size.gpu_memory_gb or (known and known.gpu_memory_gb) or 0


def _machine(size: VmSize) -> int | None:
    known = catalog.vm_size(size.name)
    gigabytes = size.memory_gb or (known and known.memory_gb)
    return int(gigabytes * GIGABYTE) if gigabytes else None


def _gpus(size: VmSize) -> int:
    return max(1, int(size.gpus))
