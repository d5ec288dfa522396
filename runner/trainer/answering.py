"""Answers one conversation with a model: the request's form is checked, then tokens are generated."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from runner.trainer import model as loading
from runner.trainer.model_folder import ADAPTER
from runner.trainer.rows import Message, fault_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers.modeling_utils import PreTrainedModel

MOST_NEW_TOKENS = 1024


class BadRequestError(Exception):
    """What is wrong with a request body, as a sentence for the one who sent it."""


@dataclass(frozen=True)
class Sampling:
    """How to choose each next token; the names are those of the request's parameters."""

    temperature: float = 1.0
    top_p: float = 1.0
    do_sample: bool = False
    max_new_tokens: int = 256


@dataclass(frozen=True)
class Request:
    """A conversation to go on with."""

    messages: list[Message]
    sampling: Sampling

    @classmethod
    def read(cls, body: object) -> Request:
        """Read a request body; raises BadRequestError naming what is wrong."""
        data = _member(body, "input_data", "the body")
        messages = _conversation(_member(data, "input_string", "input_data"))
        parameters = data.get("parameters")  # type: ignore[attr-defined] # _member has seen that it is an object
        return cls(messages, _sampling({} if parameters is None else parameters))


def _conversation(given: object) -> list[Message]:
    """Take the messages, bare or as a list of one conversation: callers send both.

    One that ends with the assistant's turn, as a row of a data set does, is gone on with all the same.
    """
    messages = (
        given[0] if isinstance(given, list) and len(given) == 1 and isinstance(given[0], list) else given
    )
    fault = fault_of(messages)
    if fault:
        raise BadRequestError(f"input_data.input_string{fault}")
    return messages  # type: ignore[return-value] # fault_of has seen that it is a list of messages


@dataclass(frozen=True)
class Answer:
    """The text, and what it took."""

    text: str
    prompt_tokens: int
    new_tokens: int


class Answerer:
    """A loaded model that answers one request at a time."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = loading.load_tokenizer(folder)
        self._model = _with_adapter(loading.load_model(folder), folder)
        self._longest = loading.longest_input(self._model)
        self._ends = self._end_tokens()
        self._turn = threading.Lock()

    def answer(self, request: Request) -> Answer:
        """Generate the next message; raises BadRequestError if the conversation leaves no room for one."""
        text = self._tokenizer.apply_chat_template(
            request.messages, tokenize=False, add_generation_prompt=True
        )
        prompt = self._tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        room = self._longest - prompt.shape[1]
        if room < 1:
            raise BadRequestError(
                f"input_data.input_string has {prompt.shape[1]} tokens; "
                f"the model takes in {self._longest}, the answer included"
            )
        with self._turn, torch.inference_mode():
            tokens = self._generate(prompt, request.sampling, room)
        return Answer(
            self._tokenizer.decode(tokens, skip_special_tokens=True).strip(), prompt.shape[1], len(tokens)
        )

    def _generate(self, prompt: torch.Tensor, sampling: Sampling, room: int) -> list[int]:
        drawing = (
            {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
            if sampling.do_sample
            else {}
        )
        output = self._model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=sampling.do_sample,
            max_new_tokens=min(sampling.max_new_tokens, room),
            eos_token_id=self._ends,
            pad_token_id=self._tokenizer.pad_token_id,
            **drawing,
        )
        new: list[int] = output[0, prompt.shape[1] :].tolist()
        return new

    def _end_tokens(self) -> list[int]:
        """Give every token that ends an answer: the tokenizer's, the model's, and Phi-3's."""
        configured = self._model.generation_config.eos_token_id
        ends = {self._tokenizer.eos_token_id, self._tokenizer.convert_tokens_to_ids("<|end|>")}
        ends.update(configured if isinstance(configured, list) else [configured])
        return sorted(ends - {None, self._tokenizer.unk_token_id})


def _with_adapter(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    adapter = folder / "data" / ADAPTER
    if not adapter.is_dir():
        return model
    from peft import PeftModel  # noqa: PLC0415 - most models have no adapter, and peft takes long to import

    merged: PreTrainedModel = PeftModel.from_pretrained(model, adapter).merge_and_unload().eval()
    return merged


def _member(tree: object, key: str, name: str) -> object:
    if not isinstance(tree, dict):
        raise BadRequestError(f"{name} must be an object")
    if key not in tree:
        raise BadRequestError(f"{name} must have the key {key}")
    value: object = tree[key]
    return value


def _sampling(given: object) -> Sampling:
    if not isinstance(given, dict):
        raise BadRequestError("input_data.parameters must be an object")
    for name, value in given.items():
        rule = _RULES.get(name)
        if rule is None:
            raise BadRequestError(f"input_data.parameters.{name} is not known; known are {', '.join(_RULES)}")
        if not rule[0](value):
            raise BadRequestError(f"input_data.parameters.{name} must be {rule[1]}")
    return Sampling(**given)


def _number_to(most: float) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= most


_RULES: dict[str, tuple[Callable[[object], bool], str]] = {
    "temperature": (_number_to(100), "a number above 0, at most 100"),
    "top_p": (_number_to(1), "a number above 0, at most 1"),
    "do_sample": (lambda value: isinstance(value, bool), "true or false"),
    "max_new_tokens": (
        lambda value: isinstance(value, int) and _number_to(MOST_NEW_TOKENS)(value),
        f"a whole number from 1 to {MOST_NEW_TOKENS}",
    ),
}
