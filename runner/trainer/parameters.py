"""What the trainer does with each input of the fine-tune component: honoured, named in the log, or refused.

`INPUTS` is the one table; an input is in it or the trainer refuses to start. `read` turns the wire's strings
into `Parameters`, and finds every mistake at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from runner.trainer.errors import Code, TrainerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Value = bool | int | float | str


class Treatment(StrEnum):
    """What becomes of an input."""

    HONOURED = "honoured"  # it does here what it does on Azure ML
    NAMED = "named"  # it has no effect here, and the log says so
    REFUSED = "refused"  # without it the result would be another one, so the job fails


@dataclass(frozen=True)
class Input:
    """How one input is treated: its reader if honoured, else which values ask for nothing, and why."""

    treatment: Treatment
    read: Callable[[str], Value] | None = None
    quiet: tuple[str, ...] = ()
    why: str = ""


def _flag(wire: str) -> bool:
    if wire not in ("true", "false"):
        raise ValueError("must be true or false")
    return wire == "true"


def _whole(least: int, most: int = 2**31 - 1, *, unset: int | None = None) -> Callable[[str], int]:
    def read(wire: str) -> int:
        try:
            value = int(wire)
        except ValueError:
            raise ValueError("must be a whole number") from None
        if value != unset and not least <= value <= most:
            raise ValueError(f"must be {'' if unset is None else f'{unset} or '}from {least} to {most}")
        return value

    return read


def _real(least: float, below: float = math.inf, *, above: bool = False) -> Callable[[str], float]:
    def read(wire: str) -> float:
        try:
            value = float(wire)
        except ValueError:
            raise ValueError("must be a number") from None
        if not math.isfinite(value) or value < least or value >= below or (above and value == least):
            limit = "" if below == math.inf else f" and below {below:g}"
            raise ValueError(f"must be {'above' if above else 'at least'} {least:g}{limit}")
        return value

    return read


def _choice(*allowed: str) -> Callable[[str], str]:
    def read(wire: str) -> str:
        if wire not in allowed:
            raise ValueError(f"must be {', '.join(allowed[:-1])}{' or ' * (len(allowed) > 1)}{allowed[-1]}")
        return wire

    return read


def _any(wire: str) -> float:
    try:
        return float(wire)
    except ValueError:
        raise ValueError("must be a number") from None


def _honoured(read: Callable[[str], Value]) -> Input:
    return Input(Treatment.HONOURED, read=read)


def _named(why: str, *quiet: str) -> Input:
    return Input(Treatment.NAMED, quiet=quiet, why=why)


def _refused(why: str, *quiet: str) -> Input:
    return Input(Treatment.REFUSED, quiet=quiet, why=why)


_FILE = Input(Treatment.HONOURED)  # comes as a path, not as a literal
_HERE = "every child runs on this machine, on the CPU"
_NO_GPU = "there is no GPU here, so DeepSpeed is not used"
_NO_TABLES = "MLTable data cannot be read here; give the file as JSONL"
_NO_EVALUATION = "the pipeline has no evaluation child that would read it"

INPUTS: dict[str, Input] = {
    "instance_type_model_import": _named(_HERE),
    "instance_type_preprocess": _named(_HERE),
    "instance_type_finetune": _named(_HERE),
    "instance_type_model_evaluation": _named(_HERE),
    "shm_size_finetune": _named(_HERE),
    "num_nodes_finetune": _named("training runs in one process", "1"),
    "number_of_gpu_to_use_finetuning": _named("training runs in one process, on the CPU"),
    "huggingface_id": _refused("no model is downloaded here; give mlflow_model_path"),
    "pytorch_model_path": _refused("give the model as mlflow_model_path"),
    "mlflow_model_path": _FILE,
    "finetune_config_path": _refused(
        "a file of settings for one kind of model is not read here; use the inputs"
    ),
    "trust_remote_code": _refused("code that comes with a model is never run here", "false"),
    "task_name": _honoured(_choice("ChatCompletion")),
    "batch_size": _named("it sets how many rows are tokenized at a time, which changes no result", "1000"),
    "pad_to_max_length": _honoured(_flag),
    "max_seq_length": _honoured(_whole(1, unset=-1)),
    "train_file_path": _FILE,
    "validation_file_path": _FILE,
    "test_file_path": _FILE,
    "train_mltable_path": _refused(_NO_TABLES),
    "validation_mltable_path": _refused(_NO_TABLES),
    "test_mltable_path": _refused(_NO_TABLES),
    "apply_lora": _honoured(_flag),
    "merge_lora_weights": _honoured(_flag),
    "lora_alpha": _honoured(_whole(1)),
    "lora_r": _honoured(_whole(1)),
    "lora_dropout": _honoured(_real(0, below=1)),
    "num_train_epochs": _honoured(_whole(1)),
    "max_steps": _honoured(_whole(1, unset=-1)),
    "per_device_train_batch_size": _honoured(_whole(1)),
    "per_device_eval_batch_size": _honoured(_whole(1)),
    "auto_find_batch_size": _honoured(_flag),
    "optim": _honoured(_choice("adamw_torch", "adafactor")),
    "learning_rate": _honoured(_real(0)),
    "warmup_steps": _honoured(_whole(0)),
    "weight_decay": _honoured(_real(0)),
    "adam_beta1": _honoured(_real(0, below=1)),
    "adam_beta2": _honoured(_real(0, below=1)),
    "adam_epsilon": _honoured(_real(0, above=True)),
    "gradient_accumulation_steps": _honoured(_whole(1)),
    "eval_accumulation_steps": _honoured(_whole(1, unset=-1)),
    "lr_scheduler_type": _honoured(
        _choice("linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup")
    ),
    "precision": _named("half precision gains nothing on the CPU; training runs in 32 bits", "32"),
    "seed": _honoured(_whole(0, 2**32 - 1)),
    "enable_full_determinism": _honoured(_flag),
    "dataloader_num_workers": _honoured(_whole(0, 64)),
    "ignore_mismatched_sizes": _honoured(_flag),
    "max_grad_norm": _honoured(_real(0)),
    "evaluation_strategy": _honoured(_choice("epoch", "steps", "disable")),
    "evaluation_steps_interval": _honoured(_any),
    "eval_steps": _honoured(_whole(1)),
    "logging_strategy": _honoured(_choice("epoch", "steps")),
    "logging_steps": _honoured(_whole(1)),
    "metric_for_best_model": _refused("only the loss is measured for this task", "loss"),
    "resume_from_checkpoint": _named(
        "a new job's output folder holds no checkpoint; training starts anew", "false"
    ),
    "save_total_limit": _honoured(_whole(1, unset=-1)),
    "apply_early_stopping": _honoured(_flag),
    "early_stopping_patience": _honoured(_whole(1)),
    "early_stopping_threshold": _honoured(_real(0)),
    "apply_deepspeed": _named(_NO_GPU, "false"),
    "deepspeed": _named(_NO_GPU),
    "deepspeed_stage": _named(_NO_GPU, "2"),
    "apply_ort": _named("ONNX Runtime is never used for training, on Azure ML neither", "false"),
    "evaluation_config": _named(_NO_EVALUATION),
    "evaluation_config_params": _named(_NO_EVALUATION),
    "compute_model_import": _named(_HERE),
    "compute_preprocess": _named(_HERE),
    "compute_finetune": _named(_HERE),
    "compute_model_evaluation": _named(_HERE),
}


@dataclass(frozen=True)
class Parameters:
    """The honoured literal inputs under their own names, typed; -1 stands for unset, as on the wire."""

    task_name: str
    pad_to_max_length: bool
    max_seq_length: int
    apply_lora: bool
    merge_lora_weights: bool
    lora_alpha: int
    lora_r: int
    lora_dropout: float
    num_train_epochs: int
    max_steps: int
    per_device_train_batch_size: int
    per_device_eval_batch_size: int
    auto_find_batch_size: bool
    optim: str
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    adam_beta1: float
    adam_beta2: float
    adam_epsilon: float
    gradient_accumulation_steps: int
    eval_accumulation_steps: int
    lr_scheduler_type: str
    seed: int
    enable_full_determinism: bool
    dataloader_num_workers: int
    ignore_mismatched_sizes: bool
    max_grad_norm: float
    evaluation_strategy: str
    evaluation_steps_interval: float
    eval_steps: int
    logging_strategy: str
    logging_steps: int
    save_total_limit: int
    apply_early_stopping: bool
    early_stopping_patience: int
    early_stopping_threshold: float


def read(inputs: Mapping[str, str]) -> Parameters:
    """Type the honoured inputs; raises TrainerError with every mistake in them."""
    mistakes = [*_unknown(inputs), *_refusals(inputs), *_clashes(inputs)]
    values: dict[str, Value] = {}
    for name, treated in INPUTS.items():
        if treated.read is None:
            continue
        try:
            values[name] = treated.read(inputs[name].strip())
        except KeyError:
            mistakes.append(f"{name} is missing")
        except ValueError as error:
            mistakes.append(f"{name} {error}")
    if mistakes:
        raise TrainerError(Code.PARAMETER, "; ".join(mistakes))
    return Parameters(**values)  # type: ignore[arg-type] # the readers give each field's type; a test compares them


def notes(given: Mapping[str, object]) -> Iterator[str]:
    """Tell, in a line for each reason, which of the inputs given (literals and paths) have no effect here."""
    idle: dict[str, list[str]] = {}
    for name, wire in given.items():
        treated = INPUTS.get(name)
        if treated and treated.treatment is Treatment.NAMED and str(wire) not in treated.quiet:
            idle.setdefault(treated.why, []).append(f"{name}={wire}" if isinstance(wire, str) else name)
    for why, names in idle.items():
        yield f"no effect here: {', '.join(names)} ({why})"


def _unknown(inputs: Mapping[str, str]) -> Iterator[str]:
    for name in inputs:
        if name not in INPUTS:
            yield f"{name} is no input of the component"


def _refusals(inputs: Mapping[str, str]) -> Iterator[str]:
    for name, wire in inputs.items():
        treated = INPUTS.get(name)
        if treated and treated.treatment is Treatment.REFUSED and wire not in treated.quiet:
            yield f"{name} is refused: {treated.why}"


def _clashes(inputs: Mapping[str, str]) -> Iterator[str]:
    """Rules of the real component's own checks, and of the Trainer's."""
    deepspeed = inputs.get("apply_deepspeed") == "true"
    if deepspeed and inputs.get("auto_find_batch_size") == "true":
        yield "apply_deepspeed and auto_find_batch_size cannot both be true"
    if deepspeed and inputs.get("deepspeed_stage") == "3" and inputs.get("apply_ort") == "true":
        yield "deepspeed_stage 3 and apply_ort cannot be used together"
    if inputs.get("apply_early_stopping") == "true" and inputs.get("evaluation_strategy") == "disable":
        yield "apply_early_stopping needs an evaluation_strategy other than disable"
