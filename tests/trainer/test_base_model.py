from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tokenizers import Tokenizer

from tools import make_base_model, make_chat_data

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tools.make_chat_data import Row

QUICK_TEXTS = (
    "Thank you, Anna. We deliver 4 date bars.",
    "  two  spaces,\ttabs\r\nand lines\n",
    "Grüße, 東京 👩‍🚀 \u200b \x00",
    "",
    "".join(map(chr, range(1, 0x250))),
)


@pytest.mark.parametrize("text", QUICK_TEXTS)
def test_any_text_is_encoded_and_decodes_to_itself(base_model: Path, text: str) -> None:
    tokenizer = Tokenizer.from_file(str(base_model / "data" / "tokenizer" / "tokenizer.json"))
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids) == text


def test_the_marks_of_a_conversation_are_single_tokens(base_model: Path) -> None:
    tokenizer = Tokenizer.from_file(str(base_model / "data" / "tokenizer" / "tokenizer.json"))
    marks = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>"]
    assert [tokenizer.encode(mark).tokens for mark in marks] == [[mark] for mark in marks]


def test_the_model_is_a_small_phi3_in_safetensors(base_model: Path) -> None:
    config = json.loads((base_model / "data" / "model" / "config.json").read_text())
    assert (config["model_type"], config["architectures"]) == ("phi3", ["Phi3ForCausalLM"])
    files = [file for file in base_model.rglob("*") if file.is_file()]
    assert len(files) >= 8
    assert sum(file.stat().st_size for file in files) < 8_000_000
    assert not [file for file in files if file.suffix in (".bin", ".pt", ".pkl")]


def test_the_base_model_never_saw_the_chat_data() -> None:
    conversations = make_base_model.conversations(random.Random(7))  # noqa: S311 - reproducible, not secret
    seen = (
        message["content"] for messages in itertools.islice(conversations, 20_000) for message in messages
    )
    rows = make_chat_data.generate(7, 1000)
    shown = (message["content"] for row in rows for message in row["messages"])
    assert _runs_of_words(seen) & _runs_of_words(shown) == set()


def test_the_chat_files_are_what_their_generator_writes(chat_data: Path, tmp_path: Path) -> None:
    make_chat_data.write_splits(tmp_path)
    for name in ("train.jsonl", "test.jsonl"):
        assert (tmp_path / name).read_bytes() == (chat_data / name).read_bytes()


def test_the_chat_rows_have_ultrachat_s_form_and_no_common_answer(chat_data: Path) -> None:
    train, test = (_rows(chat_data / f"{split}.jsonl") for split in ("train", "test"))
    assert (len(train), len(test)) == (400, 40)
    assert {tuple(row) for row in train + test} == {("prompt", "prompt_id", "messages")}
    assert not {row["prompt"] for row in train} & {row["prompt"] for row in test}
    assert {len(row["messages"]) for row in train} == {2, 4}
    assert Counter(row["messages"][-1]["content"] for row in train).most_common(1)[0][1] <= 4


def test_excluded_prompts_are_left_out() -> None:
    first = make_chat_data.generate(3, 50)
    assert first == make_chat_data.generate(3, 50)
    again = make_chat_data.generate(3, 50, exclude=[row["prompt"] for row in first])
    assert not {row["prompt"] for row in first} & {row["prompt"] for row in again}


def _rows(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def _runs_of_words(texts: Iterable[str]) -> set[tuple[str, ...]]:
    runs: set[tuple[str, ...]] = set()
    for text in texts:
        words = text.lower().replace(",", "").replace(".", "").split()
        runs.update(tuple(words[at : at + 4]) for at in range(len(words) - 3))
    return runs
