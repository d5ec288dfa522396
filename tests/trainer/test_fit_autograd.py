"""What the estimate counts of a layer is what autograd keeps of the genuine one, to the percent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, Phi3Config, Phi3ForCausalLM

from runner.catalog import Architecture
from runner.fit import Precision, Projection, Setup
from runner.fit.activations import activations

if TYPE_CHECKING:
    from collections.abc import Iterable

ROWS, LENGTH = 2, 128
MODELS = {"llama": (LlamaConfig, LlamaForCausalLM), "phi3": (Phi3Config, Phi3ForCausalLM)}
FUSED = {
    "qkv_proj": (Projection.QUERY, Projection.KEY, Projection.VALUE),
    "gate_up_proj": (Projection.GATE, Projection.UP),
}


def _architecture(family: str, layers: int) -> Architecture:
    """Give a shape whose `parameters` do not matter: the optimizer has no part in this."""
    return Architecture(
        name="small",
        model_type=family,
        parameters=1,
        hidden_size=256,
        layers=layers,
        attention_heads=8,
        key_value_heads=4,
        intermediate_size=768,
        vocabulary=512,
        tied_embeddings=False,
        context_window=1024,
    )


def _kept(family: str, layers: int, targets: list[str]) -> int:
    """Sum what a forward pass keeps for the backward pass, each storage once, weights aside."""
    shape, (configuration, causal) = _architecture(family, layers), MODELS[family]
    model = causal(
        configuration(
            hidden_size=shape.hidden_size,
            intermediate_size=shape.intermediate_size,
            num_hidden_layers=layers,
            num_attention_heads=shape.attention_heads,
            num_key_value_heads=shape.key_value_heads,
            vocab_size=shape.vocabulary,
            max_position_embeddings=shape.context_window,
            pad_token_id=0,
            eos_token_id=0,
            use_cache=False,
        )
    ).to(torch.bfloat16)
    if targets:
        model = get_peft_model(model, LoraConfig(r=8, target_modules=targets, task_type="CAUSAL_LM"))
    return _saved(model.train(), shape.vocabulary)


def _saved(model: torch.nn.Module, vocabulary: int) -> int:
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        # Held on to, so that no later tensor is given the same address.
        kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    tokens = torch.randint(1, vocabulary, (ROWS, LENGTH))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(input_ids=tokens, labels=tokens)
    return sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in weights)


def _projections(targets: Iterable[str]) -> frozenset[Projection]:
    return frozenset(projection for name in targets for projection in FUSED.get(name) or (Projection(name),))


# PEFT 0.21 asks transformers 5 by a name that it will drop.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize(
    ("family", "targets"),
    [
        ("llama", []),
        ("llama", ["q_proj", "v_proj"]),
        ("llama", ["gate_proj", "up_proj", "down_proj"]),
        ("llama", list(Projection)),
        ("phi3", []),
        ("phi3", ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]),
    ],
)
def test_a_layer_keeps_what_the_estimate_counts(family: str, targets: list[str]) -> None:
    """Two layers more, so that embeddings, head and loss cancel out."""
    setup = Setup(
        sequence_length=LENGTH,
        batch_size=ROWS,
        precision=Precision.HALF,
        lora_rank=8 if targets else None,
        lora_targets=_projections(targets),
        gradient_accumulation_steps=2,  # so that gradients are counted apart
    )
    kept = _kept(family, 4, targets) - _kept(family, 2, targets)
    counted = activations(_architecture(family, 4), setup) - activations(_architecture(family, 2), setup)
    assert counted == pytest.approx(kept, rel=0.025)
