"""What a fine-tuning is set to, as far as it changes the memory a GPU needs."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Precision(StrEnum):
    """How numbers are held and multiplied.

    MIXED multiplies in 16 bits; without DeepSpeed its weights and gradients stay in 32. HALF holds all in 16.
    """

    SINGLE = "32"
    MIXED = "16"
    HALF = "16-true"


class Optimizer(StrEnum):
    """The optimizers the component offers."""

    ADAMW = "adamw_torch"
    ADAFACTOR = "adafactor"


class Stage(IntEnum):
    """What ZeRO (arXiv:1910.02054) spreads over all GPUs: TWO optimizer and gradients, THREE weights too."""

    TWO = 2
    THREE = 3


class Projection(StrEnum):
    """The linear layers of a transformer layer, by PEFT's names for Llama's; others fuse some of them."""

    QUERY = "q_proj"
    KEY = "k_proj"
    VALUE = "v_proj"
    OUTPUT = "o_proj"
    GATE = "gate_proj"
    UP = "up_proj"
    DOWN = "down_proj"


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """One way to train: `batch_size` sequences of `sequence_length` tokens at a time on each GPU.

    `gpus` is per node. `lora_rank` None trains every weight. With `offload_optimizer` DeepSpeed keeps
    optimizer and gradients in the host's memory, with `offload_weights` the weights too, while not in use.
    """

    sequence_length: int
    batch_size: int = 1
    precision: Precision = Precision.SINGLE
    optimizer: Optimizer = Optimizer.ADAMW
    lora_rank: int | None = None
    lora_targets: frozenset[Projection] = frozenset({Projection.QUERY, Projection.VALUE})
    stage: Stage | None = None
    offload_optimizer: bool = False
    offload_weights: bool = False
    gpus: int = 1
    nodes: int = 1
    checkpointing: bool = False
    gradient_accumulation_steps: int = 1

    @property
    def tokens(self) -> int:
        """Give the tokens one GPU sees in a step's forward pass."""
        return self.sequence_length * self.batch_size

    @property
    def processes(self) -> int:
        """Give the number of GPUs over all nodes, which is what ZeRO divides by."""
        return self.gpus * self.nodes

    @property
    def casts_to_half(self) -> bool:
        """Tell whether DeepSpeed turns the weights to 16 bits, and keeps a 32-bit copy with the optimizer."""
        return self.stage is not None and self.precision is not Precision.SINGLE
