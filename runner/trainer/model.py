"""Loads tokenizer and model from a folder on the CPU, importing as little of transformers as it takes.

The model's class is imported from its own module: `AutoModelForCausalLM` would first import the tables of
every architecture. Only Phi-3 is known here; another one is refused by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers.models.phi3.modeling_phi3 import Phi3ForCausalLM
from transformers.tokenization_utils_tokenizers import PreTrainedTokenizerFast
from transformers.utils import logging

from runner.trainer.errors import Code, TrainerError
from runner.trainer.model_folder import ModelFolder

if TYPE_CHECKING:
    from pathlib import Path

SMALL = 10_000_000  # weights; with fewer, threads mostly wait for each other, on busy cores for minutes

logging.disable_progress_bar()


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Load the tokenizer; raises TrainerError if it has no chat template."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(ModelFolder.find(folder).tokenizer)
    if not tokenizer.chat_template:
        raise TrainerError(Code.MODEL, "the model's tokenizer has no chat template")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(folder: Path, *, ignore_mismatched_sizes: bool = False) -> Phi3ForCausalLM:
    """Load the model in 32 bits, in evaluation mode."""
    found = ModelFolder.find(folder)
    if found.model_type() != "phi3":
        raise TrainerError(
            Code.MODEL, f"the model is of type {found.model_type()}; the trainer knows phi3 only"
        )
    try:
        model = Phi3ForCausalLM.from_pretrained(
            found.model,
            dtype=torch.float32,
            use_safetensors=True,
            ignore_mismatched_sizes=ignore_mismatched_sizes,
            attn_implementation="sdpa",
        ).eval()
    except (RuntimeError, ValueError, OSError) as error:
        raise TrainerError(Code.MODEL, f"the model cannot be loaded: {str(error).splitlines()[0]}") from error
    if model.num_parameters() < SMALL:
        torch.set_num_threads(1)
    return model


def longest_input(model: Phi3ForCausalLM) -> int:
    """Give how many tokens the model can take in."""
    return int(model.config.max_position_embeddings)
