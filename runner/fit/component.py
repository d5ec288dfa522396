"""The component's fine-tuning parameters as a Setup, with what the component makes of them on its own.

That is read from the packages azureml-acft-contrib-hf-nlp and azureml-acft-accelerator 0.0.91 (finetune.py,
zero2.json, zero3.json, also in Azure/azureml-assets:assets/training/finetune_acft_hf_nlp) on 2026-11-21.
"""

from runner.catalog import Architecture
from runner.fit.setup import Optimizer, Precision, Projection, Setup, Stage
from runner.parameters import Effective
from runner.parameters.values import as_number

# finetune.py FORCE_GRADIENT_CHECKPOINTING_MODEL_TYPES and FORCE_FLASH_ATTENTION_2_MODEL_TYPES. They hold the
# registry's names for two Phi-3 models, `phi3mini` and `phi_longrope`, taken to mean the family. Of the last
# two and of Phi-4 it is inferred: without checkpointing not one of the sizes that Azure allows for them would
# hold their own defaults.
_CHECKPOINTED = frozenset({"llama", "falcon", "mistral", "mixtral", "phi3", "phi3small", "phimoe"})
_LOADED_IN_HALF = frozenset({"llama", "mistral", "mixtral", "phi3"})
# Where PEFT adapts queries and values by default (TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING).
_ATTENTION_ONLY = frozenset({"llama", "mistral", "mixtral", "falcon", "gpt2"})


def setup_of(
    effective: Effective, architecture: Architecture, *, gpus_per_node: int, longest_row: int | None = None
) -> Setup | None:
    """Read the Setup off the parameters in force; `longest_row` is in tokens, None where it is not known.

    None where `precision` is neither 16 nor 32: what a quantised model needs is not estimated (4 or 8 bits,
    which some models' own defaults ask for and the component does not take at every version). Any other value
    that only a newer component knows is taken for the known one that needs the most.
    """
    precision = _precision(effective, architecture)
    if precision is None:
        return None
    stage = _stage(effective)
    lora = effective.value("apply_lora") is True
    return Setup(
        sequence_length=_sequence_length(effective, architecture, longest_row),
        batch_size=_whole(effective, "per_device_train_batch_size", 1),
        precision=precision,
        optimizer=_optimizer(effective),
        lora_rank=_whole(effective, "lora_r", 8) if lora else None,
        lora_targets=_targets(architecture),
        stage=stage,
        # The component's DeepSpeed files put the optimizer on the host, that of stage three the weights too.
        offload_optimizer=stage is not None,
        offload_weights=stage is Stage.THREE,
        gpus=gpus_per_node,
        nodes=_whole(effective, "num_nodes_finetune", 1),
        # With LoRA alone the component leaves it off: DistributedDataParallel would fail.
        checkpointing=architecture.model_type in _CHECKPOINTED and (stage is not None or not lora),
        gradient_accumulation_steps=_whole(effective, "gradient_accumulation_steps", 1),
    )


def _stage(effective: Effective) -> Stage | None:
    if effective.value("apply_deepspeed") is not True:
        return None
    # As the component chooses between its two files.
    return Stage.TWO if _whole(effective, "deepspeed_stage", Stage.TWO) == Stage.TWO else Stage.THREE


def _optimizer(effective: Effective) -> Optimizer:
    return Optimizer.ADAFACTOR if effective.value("optim") == Optimizer.ADAFACTOR else Optimizer.ADAMW


def _sequence_length(effective: Effective, architecture: Architecture, longest_row: int | None) -> int:
    """Bound a row's tokens: -1 is the tokenizer's model_max_length, taken to be the model's context window.

    Longer rows are cut there (tasks/chat_completion/preprocess), shorter ones only padded to the longest of
    their batch, so that a known longest row bounds the length too.
    """
    asked = _whole(effective, "max_seq_length", -1)
    bounds = [architecture.context_window, *([asked] if asked > 0 else [])]
    return min(bounds + ([longest_row] if longest_row else []))


def _precision(effective: Effective, architecture: Architecture) -> Precision | None:
    """Tell mixed from pure 16 bits: what gets FlashAttention 2 is loaded in 16 bits (finetune.py)."""
    asked = str(effective.value("precision") or Precision.SINGLE)
    if asked == Precision.SINGLE:
        return Precision.SINGLE
    if asked != Precision.MIXED:
        return None
    return Precision.HALF if architecture.model_type in _LOADED_IN_HALF else Precision.MIXED


def _targets(architecture: Architecture) -> frozenset[Projection]:
    """Give where adapters sit: a Phi-3's own files say, which are not read here, so all is assumed."""
    if architecture.model_type in _ATTENTION_ONLY:
        return frozenset({Projection.QUERY, Projection.VALUE})
    return frozenset(Projection)


def _whole(effective: Effective, name: str, default: int) -> int:
    """Read a number, which an enum's is the text of."""
    value = effective.value(name)
    number = None if value is None else as_number(value)
    return default if number is None else int(number)
