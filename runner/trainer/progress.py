"""Tells how training goes: lines for people in the log, and one JSON line a metric in a file."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from transformers.trainer_callback import TrainerCallback

from runner.trainer.log import say

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from transformers.trainer_callback import TrainerControl, TrainerState
    from transformers.training_args import TrainingArguments


class Metrics:
    """Appends metrics under the Trainer's own names, each with step and time; readable meanwhile."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def write(self, values: Mapping[str, object], step: int) -> None:
        """Append the numbers among the values."""
        if self._file is None:
            return
        now = time.time_ns() // 1_000_000
        numbers = {key: value for key, value in values.items() if isinstance(value, int | float)}
        with self._file.open("a", encoding="utf-8") as out:
            for key, value in numbers.items():
                out.write(json.dumps({"key": key, "value": value, "step": step, "timestamp_ms": now}) + "\n")


class Progress(TrainerCallback):  # type: ignore[misc] # transformers is not typed
    """Passes on what the Trainer logs: `{'loss': ...}`, then `step 10/80 loss 2.31 epoch 0.50`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def on_log(
        self,
        _arguments: TrainingArguments,
        state: TrainerState,
        _control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """Write one log entry of the Trainer out."""
        logs = logs or {}
        say({key: float(f"{value:.4g}") for key, value in logs.items()})
        if "loss" in logs:
            epoch = logs.get("epoch", 0.0)
            say(f"step {state.global_step}/{state.max_steps} loss {logs['loss']:.4f} epoch {epoch:.2f}")
        self._metrics.write(logs, state.global_step)
