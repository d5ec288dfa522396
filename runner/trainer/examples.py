"""Turns conversations into examples to learn from: tokens, and labels on the assistant's answers alone.

Examples are not packed. Each is padded to the longest of its batch, and batches are drawn from examples of
like length, which saves most of what packing would, with no example able to see another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import torch

from runner.trainer.errors import Code, TrainerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers.tokenization_utils_tokenizers import PreTrainedTokenizerFast

    from runner.trainer.rows import Message

UNLABELLED = -100  # what torch's cross entropy leaves out


class Example(TypedDict):
    """One conversation; both lists are equally long."""

    input_ids: list[int]
    labels: list[int]


def encode(
    tokenizer: PreTrainedTokenizerFast, conversations: Sequence[list[Message]], longest: int
) -> list[Example]:
    """Encode conversations, cut after `longest` tokens, without those that have no answer left in them."""
    examples = (_encode(tokenizer, messages, longest) for messages in conversations)
    return [example for example in examples if any(label != UNLABELLED for label in example["labels"][1:])]


def pad(examples: Sequence[Example], filler: int, length: int | None = None) -> dict[str, torch.Tensor]:
    """Make a batch; every tensor has the shape (examples, length of the longest, or `length`)."""
    width = length or max(len(example["input_ids"]) for example in examples)
    gaps = [width - len(example["input_ids"]) for example in examples]
    pairs = list(zip(examples, gaps, strict=True))
    return {
        "input_ids": torch.tensor([example["input_ids"] + [filler] * gap for example, gap in pairs]),
        "attention_mask": torch.tensor([[1] * (width - gap) + [0] * gap for gap in gaps]),
        "labels": torch.tensor([example["labels"] + [UNLABELLED] * gap for example, gap in pairs]),
    }


def answer_spans(
    tokenizer: PreTrainedTokenizerFast, messages: list[Message]
) -> tuple[str, list[tuple[int, int]]]:
    """Give the conversation as text, and where in it the answers are, each with the mark that ends it.

    An answer begins where the template stops when it is asked to prompt for one, and ends where the
    conversation up to it, rendered alone, no longer reads the same.
    """
    whole = _render(tokenizer, messages)
    spans = []
    for at, message in enumerate(messages):
        if message["role"] == "assistant":
            before = _render(tokenizer, messages[:at], add_generation_prompt=True)
            if not whole.startswith(before):
                raise TrainerError(Code.MODEL, "the chat template does not build on its own beginning")
            spans.append((len(before), _common_length(whole, _render(tokenizer, messages[: at + 1]))))
    return whole, spans


def _encode(tokenizer: PreTrainedTokenizerFast, messages: list[Message], longest: int) -> Example:
    text, spans = answer_spans(tokenizer, messages)
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    tokens, offsets = encoded["input_ids"], encoded["offset_mapping"]
    labels = [
        token if any(start <= first and last <= end for start, end in spans) else UNLABELLED
        for token, (first, last) in zip(tokens, offsets, strict=True)
    ]
    return {"input_ids": tokens[:longest], "labels": labels[:longest]}


def _render(
    tokenizer: PreTrainedTokenizerFast, messages: list[Message], *, add_generation_prompt: bool = False
) -> str:
    text = tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=add_generation_prompt
    )
    return str(text)


def _common_length(one: str, other: str) -> int:
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[at] != other[at]), shorter)
