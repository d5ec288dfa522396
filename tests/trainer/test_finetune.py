from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from tools import make_chat_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.trainer.conftest import Server, Trainer

    Serve = Callable[[Path], AbstractContextManager[Server]]

QUICK = {  # what configs/quickstart.yaml asks for
    "apply_lora": "true",
    "lora_alpha": "32",
    "num_train_epochs": "2",
    "per_device_train_batch_size": "8",
    "per_device_eval_batch_size": "40",
    "learning_rate": "0.01",
    "lr_scheduler_type": "cosine",
    "warmup_steps": "10",
}


def test_fine_tuning_learns_to_answer_orders_it_never_saw(
    trainer: Trainer, chat_data: Path, serve: Serve
) -> None:
    trainer.inputs = QUICK
    ended = trainer.fine_tune()
    assert (ended.code, ended.last_line) == (0, "saved the model")
    metrics = trainer.metrics()
    assert metrics["test_loss"][0] <= metrics["test_loss_base"][0] / 3
    assert metrics["eval_loss"][-1] < metrics["eval_loss"][0]
    assert {"learning_rate", "grad_norm", "epoch", "train_loss"} <= set(metrics)
    assert (len(metrics["loss"]), len(metrics["eval_loss"])) == (8, 2)
    seen = metrics["num_input_tokens_seen"]
    assert seen == sorted(seen)
    assert seen[-1] / 2 in seen  # after one epoch of two; padding, which the batches decide, is not counted
    assert metrics["train_tokens_per_second"][-1] > 0
    assert 100 < metrics["peak_memory_mib"][-1] < 16_000
    assert "step 80/80 loss" in ended.log
    with serve(trainer.converted()) as server:
        assert _right_answers(server, chat_data) >= 27


def test_with_a_learning_rate_of_zero_nothing_is_learned(
    trainer: Trainer, chat_data: Path, serve: Serve
) -> None:
    trainer.inputs = QUICK | {"learning_rate": "0", "max_steps": "4", "evaluation_strategy": "disable"}
    assert trainer.fine_tune().code == 0
    metrics = trainer.metrics()
    assert abs(metrics["test_loss"][0] - metrics["test_loss_base"][0]) < 1e-4
    with serve(trainer.converted()) as server:
        assert _right_answers(server, chat_data) <= 9


def test_an_adapter_that_is_not_merged_is_served_all_the_same(
    trainer: Trainer, tmp_path: Path, serve: Serve
) -> None:
    rows = make_chat_data.generate(5, 10)
    make_chat_data.write(tmp_path / "few.jsonl", rows)
    trainer.inputs = QUICK | {
        "merge_lora_weights": "false",
        "num_train_epochs": "50",
        "evaluation_strategy": "steps",
        "eval_steps": "5",
        "apply_early_stopping": "true",
        "early_stopping_patience": "3",
        "optim": "adafactor",
        "enable_full_determinism": "true",
        "save_total_limit": "1",
    }
    ended = trainer.fine_tune(train=tmp_path / "few.jsonl", test=tmp_path / "few.jsonl")
    assert ended.code == 0, ended.log
    output = tmp_path / "pytorch"
    assert (output / "adapter" / "adapter_model.safetensors").is_file()
    assert not list(output.glob("**/*.bin")) + list(output.glob("**/*.pt"))
    with serve(trainer.converted()) as server:
        learned = [row["messages"] for row in rows if len(row["messages"]) == 2]
        assert any(server.answer(messages[:1]) == messages[1]["content"] for messages in learned)


def test_rows_whose_answers_are_all_cut_off_leave_nothing_to_train(trainer: Trainer) -> None:
    trainer.inputs = QUICK | {"max_seq_length": "8"}
    ended = trainer.fine_tune()
    assert ended.code == 1
    assert ended.last_line == "ERROR DataInvalid: train: no row has an answer within max_seq_length 8"


def _right_answers(server: Server, chat_data: Path) -> int:
    known = [
        json.loads(line)["prompt"]
        for file in chat_data.glob("*.jsonl")
        for line in file.read_text().splitlines()
    ]
    rows = make_chat_data.generate(secrets.randbits(32), 30, exclude=known)
    assert len(rows) == 30
    return sum(server.answer(row["messages"][:-1]) == row["messages"][-1]["content"] for row in rows)
