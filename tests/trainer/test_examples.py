from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from runner.trainer import model as loading
from runner.trainer.examples import UNLABELLED, answer_spans, encode, pad
from runner.trainer.training import answer_loss

if TYPE_CHECKING:
    from pathlib import Path

    from runner.trainer.rows import Message

CONVERSATION: list[Message] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "One?"},
    {"role": "assistant", "content": "The first answer."},
    {"role": "user", "content": "Two?"},
    {"role": "assistant", "content": "The second."},
]


def test_the_template_is_phi3_s(base_model: Path) -> None:
    tokenizer = loading.load_tokenizer(base_model)
    text = tokenizer.apply_chat_template(CONVERSATION[:2], tokenize=False, add_generation_prompt=True)
    assert text == "<|system|>\nBe brief.<|end|>\n<|user|>\nOne?<|end|>\n<|assistant|>\n"


def test_only_answers_are_learned_from(base_model: Path) -> None:
    tokenizer = loading.load_tokenizer(base_model)
    text, spans = answer_spans(tokenizer, CONVERSATION)
    assert [text[start:end] for start, end in spans] == [
        "The first answer.<|end|>\n<|",
        "The second.<|end|>\n<|endoftext|>",
    ]
    (example,) = encode(tokenizer, [CONVERSATION], 1000)
    learned = tokenizer.decode([label for label in example["labels"] if label != UNLABELLED])
    assert learned == "The first answer.<|end|>\nThe second.<|end|>\n<|endoftext|>"
    assert tokenizer.decode(example["input_ids"]) == text


@pytest.mark.parametrize(("longest", "left"), [(10, 0), (24, 1)])
def test_a_row_without_an_answer_left_is_dropped(base_model: Path, longest: int, left: int) -> None:
    tokenizer = loading.load_tokenizer(base_model)
    assert len(encode(tokenizer, [CONVERSATION], longest)) == left


def test_padding_changes_no_loss(base_model: Path, chat_data: Path) -> None:
    tokenizer, model = loading.load_tokenizer(base_model), loading.load_model(base_model)
    rows = [json.loads(line)["messages"] for line in (chat_data / "test.jsonl").read_text().splitlines()[:12]]
    examples = encode(tokenizer, rows, 1000)
    assert len({len(example["input_ids"]) for example in examples}) > 3
    alone = answer_loss(model, examples, tokenizer.pad_token_id, batch_size=1)
    assert answer_loss(model, examples, tokenizer.pad_token_id, batch_size=12) == pytest.approx(
        alone, abs=1e-4
    )


def test_a_batch_can_be_padded_to_a_fixed_length(base_model: Path) -> None:
    examples = encode(loading.load_tokenizer(base_model), [CONVERSATION], 1000)
    assert {tuple(tensor.shape) for tensor in pad(examples, 0, length=99).values()} == {(1, 99)}
