"""The steps of a training, as transformers' Trainer counts them.

Trainer.set_initial_training_values (trainer.py) and TrainingArguments.get_warmup_steps (training_args.py) of
transformers 5.23.0: the last batch and the last accumulation of an epoch may be smaller and count as whole.
"""

from dataclasses import dataclass
from math import ceil

from runner.facts import TargetKind
from runner.parameters import Effective
from runner.parameters.values import as_number
from runner.recipe import Scalar

# What the component takes of the training rows where it is given none for validation.
VALIDATION_SHARE = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The parameters in force that decide what is trained; `max_length` and `max_steps` None where unset."""

    batch_size: int
    accumulation: int
    devices: int
    epochs: float
    max_steps: int | None
    max_length: int | None
    warmup: float
    seed: int
    padded: bool
    shrinking: bool
    stopping: bool

    @property
    def rows_per_step(self) -> int:
        """Count the rows that all devices together learn from in one step."""
        return self.batch_size * self.accumulation * self.devices


def settings(effective: Effective, target: TargetKind) -> Settings:
    """Read them. The emulator trains in one process, on the CPU, however many GPUs are asked for."""
    gpus = _number(effective.value("number_of_gpu_to_use_finetuning"), 1)
    nodes = _number(effective.value("num_nodes_finetune"), 1)
    max_steps = _number(effective.value("max_steps"), -1)
    max_length = _number(effective.value("max_seq_length"), -1)
    return Settings(
        batch_size=max(1, int(_number(effective.value("per_device_train_batch_size"), 1))),
        accumulation=max(1, int(_number(effective.value("gradient_accumulation_steps"), 1))),
        devices=1 if target is TargetKind.EMULATOR else max(1, int(gpus * nodes)),
        epochs=_number(effective.value("num_train_epochs"), 1),
        max_steps=int(max_steps) if max_steps > 0 else None,
        max_length=int(max_length) if max_length > 0 else None,
        warmup=_number(effective.value("warmup_steps"), 0),
        seed=int(_number(effective.value("seed"), 42)),
        padded=effective.value("pad_to_max_length") is True,
        shrinking=effective.value("auto_find_batch_size") is True,
        stopping=effective.value("apply_early_stopping") is True,
    )


def steps_per_epoch(rows: int, chosen: Settings) -> int:
    """Count an epoch's steps: its batches on each device, so many of them gathered for one."""
    batches = ceil(ceil(rows / chosen.batch_size) / chosen.devices)
    return max(1, ceil(batches / chosen.accumulation))


def steps(per_epoch: int, chosen: Settings) -> int:
    """Count all steps; `max_steps` overrules the epochs."""
    return chosen.max_steps or ceil(chosen.epochs * per_epoch)


def warmup_steps(total: int, chosen: Settings) -> int:
    """Count the steps in which the learning rate rises; a number below 1 is a share of all."""
    return int(chosen.warmup) if chosen.warmup >= 1 else ceil(total * chosen.warmup)


def carved(rows: int) -> int:
    """Count the rows that the component takes for validation where it is given none."""
    return max(1, round(VALIDATION_SHARE * rows))


def _number(value: Scalar | None, default: float) -> float:
    number = None if value is None else as_number(value)
    return default if number is None else float(number)
