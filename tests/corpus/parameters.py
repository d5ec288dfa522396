"""Mistakes in what the fine-tuning component is given."""

import random
from collections.abc import Iterator

from tests.corpus.knowledge import ENUM_PARAMETERS, NUMBER_PARAMETERS, SWITCHES, WHOLE_PARAMETERS
from tests.corpus.slip import Kind, Slip
from tests.corpus.source import Source
from tests.corpus.writing import Maker, at_key, at_value, inserted, typo

_PATH = ("finetune", "parameters")
_UNKNOWN = ("epochs: 3", "batch_size_train: 4", "lora_rank: 8", "bf16: true", "max_length: 512", "neftune: 5")
_DERIVED = (
    "compute_finetune: gpu",
    "instance_type_finetune: Standard_NC6",
    "number_of_gpu_to_use_finetuning: 2",
    "train_file_path: train.jsonl",
    "mlflow_model_path: model",
    "huggingface_id: microsoft/phi-4",
)


def _unknown(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.below(_PATH):
        yield at_key(Kind.UNKNOWN_PARAMETER, source, entry, typo(entry.name, chance), "unknown-parameter")
    for line in _UNKNOWN:
        yield inserted(Kind.UNKNOWN_PARAMETER, source, _PATH, line, "unknown-parameter")


def _derived(source: Source, _chance: random.Random) -> Iterator[Slip]:
    for line in _DERIVED:
        yield inserted(Kind.DERIVED_PARAMETER, source, _PATH, line, "derived-parameter")


def _types(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.below(_PATH):
        texts: tuple[str, ...] = ()
        if entry.name in WHOLE_PARAMETERS:
            texts = ("three", "1.5", "'3'", "true", "1_000", "no")
        elif entry.name in NUMBER_PARAMETERS:
            texts = ("small", "'1e-5'", "false", "1e-5x", "1,5e-5" if not entry.in_flow else "1.5.0")
        for text in chance.sample(texts, k=min(3, len(texts))):
            yield at_value(Kind.PARAMETER_TYPE, source, entry, text, "wrong-type")


def _values(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.below(_PATH):
        texts = ENUM_PARAMETERS.get(entry.name, ())
        if entry.name in SWITCHES:
            texts = ("yes", "no", "on", "1", "treu", "'True'")
        for text in chance.sample(texts, k=min(3, len(texts))):
            yield at_value(Kind.PARAMETER_VALUE, source, entry, text, "not-allowed-value")


def _ranges(source: Source, _chance: random.Random) -> Iterator[Slip]:
    limits = {**WHOLE_PARAMETERS, **NUMBER_PARAMETERS}
    for entry in source.below(_PATH):
        beyond = limits.get(entry.name)
        if beyond is not None:
            yield at_value(Kind.PARAMETER_RANGE, source, entry, beyond, "out-of-range")
        if entry.name in limits:
            yield at_value(Kind.PARAMETER_RANGE, source, entry, "-9007199254740993", "out-of-range")


MAKERS: tuple[Maker, ...] = (_unknown, _derived, _types, _values, _ranges)
