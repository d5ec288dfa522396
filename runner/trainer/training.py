"""Trains a model on examples with transformers' Trainer, and peft's LoRA if asked for.

Both are used so that an input means here what it means on Azure ML: schedules, optimizers, accumulation,
early stopping and the best checkpoint are theirs. Each is imported from its own module; that costs about half
a second over a loop written here, and leaves no second meaning to keep in step.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from peft import LoraConfig, get_peft_model
from transformers.trainer import Trainer
from transformers.trainer_callback import EarlyStoppingCallback, PrinterCallback
from transformers.training_args import TrainingArguments

from runner.trainer.errors import Code, TrainerError
from runner.trainer.examples import UNLABELLED, Example, pad
from runner.trainer.log import say
from runner.trainer.progress import Metrics, Progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from transformers.modeling_utils import PreTrainedModel

    from runner.trainer.parameters import Parameters

LORA_LAYERS = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]  # every linear layer of a Phi-3 block


@dataclass(frozen=True)
class Job:
    """What stays the same throughout one fine-tuning."""

    chosen: Parameters
    metrics: Metrics
    filler: int  # the token that pads
    longest: int  # tokens of an example at most
    output: Path


def train(
    model: PreTrainedModel, learn: Sequence[Example], check: Sequence[Example], job: Job
) -> tuple[PreTrainedModel, int]:
    """Train on `learn`, evaluate on `check`; give the best model (in its adapter, if LoRA) and the steps."""
    if job.chosen.apply_lora:
        model = get_peft_model(model, _lora(job.chosen))
    trainable = sum(weights.numel() for weights in model.parameters() if weights.requires_grad)
    say(f"{'LoRA' if job.chosen.apply_lora else 'full'} fine-tuning of {trainable:,} weights on the CPU")
    trainer = Trainer(
        model=model,
        args=_arguments(job.chosen, len(learn), job.output),
        train_dataset=learn,
        eval_dataset=check,
        data_collator=partial(
            pad, filler=job.filler, length=job.longest if job.chosen.pad_to_max_length else None
        ),
        callbacks=_callbacks(job),
    )
    trainer.remove_callback(PrinterCallback)  # Progress prints instead
    started = time.monotonic()
    loss = trainer.train().training_loss
    steps = trainer.state.global_step
    say(f"trained {steps} steps in {time.monotonic() - started:.1f} s")
    if not math.isfinite(loss):
        raise TrainerError(
            Code.PARAMETER, "the loss is no longer a number; lower learning_rate or max_grad_norm"
        )
    return model.eval(), steps


def answer_loss(model: PreTrainedModel, examples: Sequence[Example], filler: int, batch_size: int) -> float:
    """Give the mean loss of an answer's token over all the answers, each token counting the same."""
    total, count = 0.0, 0
    ordered = sorted(examples, key=lambda example: len(example["input_ids"]))
    with torch.inference_mode():
        for at in range(0, len(ordered), batch_size):
            batch = pad(ordered[at : at + batch_size], filler)
            labels = batch.pop("labels")[:, 1:]
            logits = model(**batch, use_cache=False).logits[:, :-1].float()
            total += torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), labels.flatten(), ignore_index=UNLABELLED, reduction="sum"
            ).item()
            count += int((labels != UNLABELLED).sum())
    return total / count


def _lora(chosen: Parameters) -> LoraConfig:
    return LoraConfig(
        r=chosen.lora_r,
        lora_alpha=chosen.lora_alpha,
        lora_dropout=chosen.lora_dropout,
        target_modules=LORA_LAYERS,
        task_type="CAUSAL_LM",
    )


def _callbacks(job: Job) -> list[Progress | EarlyStoppingCallback]:
    callbacks: list[Progress | EarlyStoppingCallback] = [Progress(job.metrics)]
    if job.chosen.apply_early_stopping:
        patience, threshold = job.chosen.early_stopping_patience, job.chosen.early_stopping_threshold
        callbacks.append(EarlyStoppingCallback(patience, threshold))
    return callbacks


def _arguments(chosen: Parameters, rows: int, output: Path) -> TrainingArguments:
    evaluates = chosen.evaluation_strategy != "disable"
    strategy = chosen.evaluation_strategy if evaluates else "no"
    eval_steps = _eval_steps(chosen, rows)
    return TrainingArguments(
        output_dir=str(output),
        use_cpu=True,
        seed=chosen.seed,
        full_determinism=chosen.enable_full_determinism,
        num_train_epochs=chosen.num_train_epochs,
        max_steps=chosen.max_steps,
        per_device_train_batch_size=chosen.per_device_train_batch_size,
        per_device_eval_batch_size=chosen.per_device_eval_batch_size,
        auto_find_batch_size=chosen.auto_find_batch_size,
        gradient_accumulation_steps=chosen.gradient_accumulation_steps,
        eval_accumulation_steps=_or_none(chosen.eval_accumulation_steps),
        learning_rate=chosen.learning_rate,
        lr_scheduler_type=chosen.lr_scheduler_type,
        warmup_steps=chosen.warmup_steps,
        weight_decay=chosen.weight_decay,
        adam_beta1=chosen.adam_beta1,
        adam_beta2=chosen.adam_beta2,
        adam_epsilon=chosen.adam_epsilon,
        max_grad_norm=chosen.max_grad_norm,
        optim=chosen.optim,
        train_sampling_strategy="group_by_length",
        dataloader_num_workers=chosen.dataloader_num_workers,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        eval_strategy=strategy,
        eval_steps=eval_steps,
        prediction_loss_only=True,
        save_strategy=strategy,
        save_steps=eval_steps,
        save_total_limit=_or_none(chosen.save_total_limit),
        save_only_model=True,  # nothing resumes from a checkpoint here, and the optimizer's state is a pickle
        load_best_model_at_end=evaluates,
        metric_for_best_model="loss",
        greater_is_better=False,
        include_num_input_tokens_seen="non_padding",  # and with it the tokens a second
        logging_strategy=chosen.logging_strategy,
        logging_steps=chosen.logging_steps,
        disable_tqdm=True,
        report_to="none",
    )


def _eval_steps(chosen: Parameters, rows: int) -> int:
    """Give the steps between two evaluations: a share of an epoch if one between 0 and 1 is asked for."""
    share = chosen.evaluation_steps_interval
    if not 0 <= share <= 1:
        say(f"evaluation_steps_interval {share:g} is not from 0 to 1; eval_steps is used")
    if not 0 < share <= 1:
        return chosen.eval_steps
    batches = math.ceil(rows / chosen.per_device_train_batch_size)
    return max(1, math.floor(share * math.ceil(batches / chosen.gradient_accumulation_steps)))


def _or_none(value: int) -> int | None:
    return None if value == -1 else value
