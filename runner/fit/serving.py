"""What serving takes: the weights in 16 bits and the keys and values of the tokens under way, in bytes."""

from dataclasses import dataclass

from runner.catalog import Architecture
from runner.fit.memory import CONTEXT, FRAGMENTATION
from runner.fit.states import HALF


@dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """Bytes over all GPUs that serve one copy; what each of several GPUs needs anew is not counted."""

    weights: int
    cache: int
    overhead: int

    @property
    def allocated(self) -> int:
        """Give what tensors take."""
        return self.weights + self.cache

    @property
    def total(self) -> int:
        """Give what must be free."""
        return self.allocated + self.overhead


def serving(architecture: Architecture, *, sequence_length: int, sequences: int = 1) -> Serving:
    """Estimate for as many sequences at a time, each as long, prompt and answer together.

    A token keeps its keys and its values in each layer (arXiv:2309.06180, section 3); those that several
    heads share are kept once.
    """
    weights = architecture.parameters * HALF
    per_token = 2 * architecture.layers * architecture.key_value_size * HALF
    cache = per_token * sequence_length * sequences
    return Serving(weights=weights, cache=cache, overhead=CONTEXT + int(FRAGMENTATION * (weights + cache)))
