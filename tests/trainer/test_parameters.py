from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import pytest

from runner.trainer.errors import TrainerError
from runner.trainer.parameters import INPUTS, Parameters, Treatment, notes, read

if TYPE_CHECKING:
    from collections.abc import Iterable

COMPONENT = Path(__file__).parents[2] / "runner" / "catalog" / "components" / "chat_completion_pipeline.json"
COMPONENT_INPUTS: list[dict[str, Any]] = json.loads(COMPONENT.read_text())["inputs"]
DEFAULTS = {entry["name"]: str(entry["default"]) for entry in COMPONENT_INPUTS if "default" in entry}


def test_every_input_of_the_component_is_treated() -> None:
    assert len(COMPONENT_INPUTS) == 69
    assert set(INPUTS) == {entry["name"] for entry in COMPONENT_INPUTS}


def test_the_component_s_defaults_are_accepted_and_typed() -> None:
    chosen = read(DEFAULTS)
    assert {name: type(getattr(chosen, name)) for name in get_type_hints(Parameters)} == get_type_hints(
        Parameters
    )
    assert (chosen.learning_rate, chosen.adam_epsilon, chosen.apply_lora) == (2e-05, 1e-8, False)


def test_every_choice_that_the_component_offers_is_read_or_refused_in_words() -> None:
    choices = [(entry["name"], wire) for entry in COMPONENT_INPUTS for wire in entry.get("enum", [])]
    refused = [
        (name, wire) for name, wire in choices if _refuses({name: wire, "evaluation_strategy": "epoch"})
    ]
    assert len(choices) > 40
    assert refused == [
        ("trust_remote_code", "true"),
        ("metric_for_best_model", "f1"),
        ("metric_for_best_model", "exact"),
    ]


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"apply_lora": "True"}, "apply_lora must be true or false"),
        ({"learning_rate": "fast"}, "learning_rate must be a number"),
        ({"learning_rate": "nan"}, "learning_rate must be at least 0"),
        ({"num_train_epochs": "0"}, "num_train_epochs must be from 1 to"),
        ({"max_steps": "0"}, "max_steps must be -1 or from 1 to"),
        ({"lora_dropout": "1"}, "lora_dropout must be at least 0 and below 1"),
        ({"adam_epsilon": "0"}, "adam_epsilon must be above 0"),
        ({"optim": "sgd"}, "optim must be adamw_torch or adafactor"),
        ({"trust_remote_code": "true"}, "code that comes with a model is never run here"),
        ({"metric_for_best_model": "f1"}, "only the loss is measured"),
        ({"huggingface_id": "a/b"}, "no model is downloaded here"),
        ({"lora_rank": "8"}, "lora_rank is no input of the component"),
        ({"apply_deepspeed": "true", "auto_find_batch_size": "true"}, "cannot both be true"),
        ({"apply_deepspeed": "true", "deepspeed_stage": "3", "apply_ort": "true"}, "cannot be used together"),
        ({"apply_early_stopping": "true", "evaluation_strategy": "disable"}, "needs an evaluation_strategy"),
    ],
)
def test_a_mistake_is_told(inputs: dict[str, str], sentence: str) -> None:
    with pytest.raises(TrainerError) as caught:
        read(DEFAULTS | inputs)
    assert sentence in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(TrainerError, match=r"lora_r must .*; seed must be a whole number") as caught:
        read(DEFAULTS | {"lora_r": "0", "seed": "x"} | {"trust_remote_code": "true"})
    assert "trust_remote_code" in str(caught.value)


def test_what_has_no_effect_is_named() -> None:
    named = [name for name, treated in INPUTS.items() if treated.treatment is Treatment.NAMED]
    told = "\n".join(notes(dict.fromkeys(named, "7")))
    assert len(named) > 15
    assert [name for name in named if f"{name}=7" not in told] == []


def test_what_asks_for_nothing_is_not_named() -> None:
    assert _lines(notes({"apply_deepspeed": "false", "precision": "32", "learning_rate": "1"})) == []


def _refuses(inputs: dict[str, str]) -> bool:
    try:
        read(DEFAULTS | inputs)
    except TrainerError:
        return True
    return False


def _lines(lines: Iterable[str]) -> list[str]:
    return list(lines)
