"""How many numbers a model and its adapters are made of."""

from collections.abc import Mapping

from runner.catalog import Architecture
from runner.fit.setup import Projection, Setup


def parameters(architecture: Architecture) -> int:
    """Count a model's weights from its dimensions, without biases and position embeddings (below 1 %)."""
    embeddings = (
        architecture.vocabulary * architecture.hidden_size * (1 if architecture.tied_embeddings else 2)
    )
    norms = (2 * architecture.layers + 1) * architecture.hidden_size
    router = architecture.experts * architecture.hidden_size if architecture.experts > 1 else 0
    matrices = sum(copies * inputs * outputs for copies, inputs, outputs in _matrices(architecture).values())
    return embeddings + norms + architecture.layers * (matrices + router)


def trained(architecture: Architecture, setup: Setup) -> int:
    """Count the weights that get a gradient: the adapters', or all."""
    return architecture.parameters if setup.lora_rank is None else adapters(architecture, setup)


def adapters(architecture: Architecture, setup: Setup) -> int:
    """Count the adapters' weights: each is B (outputs x rank) times A (rank x inputs), arXiv:2106.09685."""
    if setup.lora_rank is None:
        return 0
    sides = sum(
        copies * (inputs + outputs)
        for projection, (copies, inputs, outputs) in _matrices(architecture).items()
        if projection in setup.lora_targets
    )
    return architecture.layers * setup.lora_rank * sides


def factors(architecture: Architecture) -> int:
    """Count the row and column means that stand for second moments (Adafactor, arXiv:1804.04235)."""
    sides = sum(copies * (inputs + outputs) for copies, inputs, outputs in _matrices(architecture).values())
    return architecture.layers * sides + 2 * (architecture.vocabulary + architecture.hidden_size)


def _matrices(architecture: Architecture) -> Mapping[Projection, tuple[int, int, int]]:
    """Give the matrices of one layer: how many of each, inputs, outputs."""
    hidden, inner = architecture.hidden_size, architecture.intermediate_size
    shared, experts = architecture.key_value_size, architecture.experts
    matrices = {
        Projection.QUERY: (1, hidden, hidden),
        Projection.KEY: (1, hidden, shared),
        Projection.VALUE: (1, hidden, shared),
        Projection.OUTPUT: (1, hidden, hidden),
        Projection.UP: (experts, hidden, inner),
        Projection.DOWN: (experts, inner, hidden),
    }
    return matrices | ({Projection.GATE: (experts, hidden, inner)} if architecture.gated else {})
