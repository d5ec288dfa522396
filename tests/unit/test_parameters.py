"""Parameters: who wins, what is refused, what is sent."""

import math
import time
from collections.abc import Mapping

import pytest

from runner import catalog
from runner.catalog import Component, ComponentInput
from runner.parameters import (
    Effective,
    Origin,
    check,
    combination_findings,
    display_name,
    merge,
    model_specific_defaults,
    normalise,
    parse_tag,
)
from runner.recipe import Scalar


def chat_component() -> Component:
    found = catalog.component("chat_completion")
    assert found is not None
    return found


def phi3_defaults() -> Mapping[str, Scalar]:
    found = catalog.model("azureml", "Phi-3-mini-4k-instruct")
    assert found is not None
    return model_specific_defaults(found.tags)


def merged(
    recipe: Mapping[str, Scalar],
    *,
    model_defaults: Mapping[str, Scalar] | None = None,
    derived: Mapping[str, tuple[Scalar, str]] | None = None,
) -> Effective:
    return merge(
        recipe,
        where=lambda name: f"configs/x.yaml:{10 + list(recipe).index(name)}",
        model_defaults=phi3_defaults() if model_defaults is None else model_defaults,
        component=chat_component(),
        derived=derived or {},
    )


def test_the_recipe_wins_over_the_model_and_the_model_over_the_component() -> None:
    effective = merged({"num_train_epochs": 3})
    epochs, rate, seed = (
        effective.parameters[name] for name in ("num_train_epochs", "learning_rate", "seed")
    )
    assert (epochs.value, epochs.origin, epochs.detail) == (3, Origin.RECIPE, "configs/x.yaml:10")
    assert (rate.value, rate.origin, rate.detail) == (
        5e-6,
        Origin.MODEL_DEFAULT,
        "model_specific_defaults",
    )
    assert (seed.value, seed.origin, seed.detail) == (
        42,
        Origin.COMPONENT_DEFAULT,
        "chat_completion_pipeline 0.0.82",
    )


def test_what_the_recipe_sets_otherwise_than_the_model_is_told() -> None:
    effective = merged({"num_train_epochs": 3, "deepspeed_stage": 2, "learning_rate": 5e-6})
    assert {name: parameter.value for name, parameter in effective.overridden.items()} == {
        "num_train_epochs": 1
    }


def test_derived_values_stand_over_everything() -> None:
    effective = merged(
        {"seed": 1}, derived={"compute_finetune": ("gpu-a100", "compute.name"), "seed": (7, "test")}
    )
    assert effective.value("seed") == 7
    assert effective.parameters["compute_finetune"].origin is Origin.DERIVED
    assert effective.parameters["compute_finetune"].detail == "compute.name"


def test_inputs_without_value_are_absent_and_the_order_is_the_components() -> None:
    effective = merged({"lora_r": 8, "apply_lora": True})
    assert "huggingface_id" not in effective.parameters
    order = [name for name in chat_component().inputs if name in effective.parameters]
    assert list(effective.parameters) == order


def test_tag_keys_the_component_lacks_are_dropped_with_a_reason() -> None:
    effective = merged({})
    assert set(effective.dropped) == {"learning_rate_min", "learning_rate_max"}
    assert "no such input" in effective.dropped["learning_rate_min"]
    assert set(effective.wire()) <= set(chat_component().inputs)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trust_remote_code", "true"),
        ("compute_finetune", "theirs"),
        ("mlflow_model_path", "https://evil.example/model"),
        ("deepspeed", "./config.json"),
        ("precision", "4"),
        ("num_train_epochs", "nan"),
        ("num_train_epochs", "9" * 5000),
        ("per_device_train_batch_size", 0),
    ],
)
def test_a_tag_sets_no_more_than_a_recipe_may(name: str, value: str | int) -> None:
    effective = merged({}, model_defaults={name: value})
    assert name in effective.dropped
    assert name not in effective.wire()


def test_only_what_differs_from_the_component_travels_and_in_its_spelling() -> None:
    wire = merged(
        {"apply_lora": True, "apply_ort": False, "deepspeed_stage": 2, "precision": 16, "max_grad_norm": 1}
    ).wire()
    assert (wire["apply_lora"], wire["apply_ort"]) == ("true", "false")
    assert (wire["deepspeed_stage"], wire["precision"]) == ("2", "16")
    assert float(str(wire["learning_rate"])) == 5e-6
    assert str(wire["max_grad_norm"]) == "1.0"
    assert "seed" not in wire
    assert not [value for value in wire.values() if isinstance(value, bool)]


@pytest.mark.parametrize(
    "name",
    [
        "Phi-4",
        "Phi-3-medium-4k-instruct",
        "Phi-3-mini-128k-instruct",
        "Phi-3-mini-4k-instruct",
        "Phi-3.5-mini-instruct",
        "Phi-3-tiny-4k-instruct",
    ],
)
def test_the_defaults_of_every_model_are_usable(name: str) -> None:
    found = catalog.model("azureml", name)
    assert found is not None
    effective = merged({}, model_defaults=model_specific_defaults(found.tags))
    assert set(effective.dropped) <= {"learning_rate_min", "learning_rate_max"}
    assert len(effective.wire()) >= 6
    assert combination_findings(effective) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("apply_lora", True),
        ("apply_lora", "true"),
        ("deepspeed_stage", 2),
        ("deepspeed_stage", "3"),
        ("precision", 16),
        ("learning_rate", 5e-6),
        ("learning_rate", 1),
        ("num_train_epochs", 3),
        ("num_train_epochs", 3.0),
        ("max_steps", -1),
        ("lr_scheduler_type", "cosine"),
        ("shm_size_finetune", "16g"),
        ("trust_remote_code", False),
        ("seed", 2**53),
    ],
)
def test_right_values_pass(name: str, value: Scalar) -> None:
    assert check(name, value, chat_component()) is None


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("lora_rank", 8, "unknown-parameter"),
        ("compute_finetune", "x", "derived-parameter"),
        ("instance_type_finetune", "x", "derived-parameter"),
        ("number_of_gpu_to_use_finetuning", 1, "derived-parameter"),
        ("train_file_path", "x", "derived-parameter"),
        ("deepspeed", "ds.json", "file-parameter"),
        ("trust_remote_code", True, "trust-remote-code"),
        ("trust_remote_code", "true", "trust-remote-code"),
        ("trust_remote_code", "TRUE", "trust-remote-code"),
        ("apply_lora", 1, "not-allowed-value"),
        ("apply_lora", "yes", "not-allowed-value"),
        ("deepspeed_stage", 4, "not-allowed-value"),
        ("deepspeed_stage", 2.0, "not-allowed-value"),
        ("deepspeed_stage", True, "not-allowed-value"),
        pytest.param("deepspeed_stage", 10**6000, "not-allowed-value", id="deepspeed_stage-huge"),
        ("lr_scheduler_type", "cosin", "not-allowed-value"),
        ("evaluation_strategy", "no", "not-allowed-value"),
        ("num_train_epochs", 1.5, "wrong-type"),
        ("num_train_epochs", True, "wrong-type"),
        ("num_train_epochs", "3", "wrong-type"),
        ("learning_rate", "fast", "wrong-type"),
        ("shm_size_finetune", 16, "wrong-type"),
        ("shm_size_finetune", "it's", "bad-character"),
        ("shm_size_finetune", "a\x1bb", "bad-character"),
        ("num_train_epochs", 0, "out-of-range"),
        ("learning_rate", math.nan, "out-of-range"),
        ("learning_rate", math.inf, "out-of-range"),
        ("learning_rate", -1e-6, "out-of-range"),
        ("learning_rate", -1e-5, "out-of-range"),
        pytest.param("learning_rate", 10**6000, "out-of-range", id="learning_rate-huge"),
        ("num_train_epochs", math.inf, "out-of-range"),
        ("seed", 2**53 + 1, "out-of-range"),
        ("lora_r", 0, "out-of-range"),
        ("lora_dropout", 1.0, "out-of-range"),
        ("adam_beta1", -0.1, "out-of-range"),
    ],
)
def test_wrong_values_are_found(name: str, value: Scalar, code: str) -> None:
    finding = check(name, value, chat_component())
    assert finding is not None
    assert (finding.name, finding.code) == (name, code)


@pytest.mark.parametrize(
    ("name", "value", "mend"),
    [
        ("learning_rat", 1, "did you mean learning_rate?"),
        ("lr_scheduler_type", "Cosine", "did you mean cosine?"),
        ("apply_lora", "True", "did you mean true?"),
        ("learning_rate", "5e-6", "write it without quotes"),
    ],
)
def test_a_finding_says_how_to_mend(name: str, value: Scalar, mend: str) -> None:
    finding = check(name, value, chat_component())
    assert finding is not None
    assert finding.mend == mend


def test_no_finding_repeats_the_value() -> None:
    secret = "hf_canaryCanaryCanary'"  # noqa: S105 a planted one
    names = ("learning_rate", "apply_lora", "shm_size_finetune", "compute_finetune", "deepspeed")
    findings = [check(name, secret, chat_component()) for name in names]
    assert None not in findings
    assert "canary" not in repr(findings).lower()


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("5e-6", "number", 5e-6),
        ("10", "integer", 10),
        ("10.0", "integer", 10),
        ("1_0", "integer", "1_0"),
        ("\u0661", "integer", "\u0661"),
        ("nan", "number", "nan"),
        ("1e999", "number", "1e999"),
        (7, "string", "7"),
    ],
)
def test_a_tags_text_becomes_the_number_it_writes(text: Scalar, kind: str, value: Scalar) -> None:
    result = normalise(text, ComponentInput(name="any", type=kind))
    assert result == value
    assert type(result) is type(value)


def test_deepspeed_and_a_searched_batch_size_clash_whoever_set_them() -> None:
    (finding,) = combination_findings(merged({"auto_find_batch_size": True}))
    assert finding.name == "auto_find_batch_size"
    assert "apply_deepspeed true (model default, model_specific_defaults)" in finding.message
    assert combination_findings(merged({"auto_find_batch_size": True, "apply_deepspeed": False})) == ()


def test_stage_3_and_ort_clash() -> None:
    (finding,) = combination_findings(merged({"apply_ort": True, "deepspeed_stage": 3}))
    assert finding.name == "apply_ort"
    assert "deepspeed_stage 3 (recipe, configs/x.yaml:11)" in finding.message
    assert combination_findings(merged({"apply_ort": True})) == ()


def test_the_display_name_tells_trainings_apart() -> None:
    effective = merged({"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2})
    name = display_name("Phi-3-mini", "ultrachat", effective, gpus_per_node=2, nodes=3)
    assert name == "Phi-3-mini-ultrachat-bs48-cosine-ds2-lora-save_limit1-seqlen-1"


def test_the_display_name_without_model_defaults() -> None:
    name = display_name("m", "d", merged({}, model_defaults={}), gpus_per_node=1, nodes=1)
    assert name == "m-d-bs1-linear-nods-nolora-save_limit-1-seqlen-1"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('["a", "b"]', ["a", "b"]),
        ("['a', 'b']", ["a", "b"]),
        ("{'lora_r': 8, 'x': None}", {"lora_r": 8, "x": None}),
        ('{"apply_lora": true}', {"apply_lora": True}),
        (["already", "read"], ["already", "read"]),
        (None, None),
        ("MIT", None),
        ("", None),
        ("'\\d'", "\\d"),
        ("[" * 20 + "]" * 20, [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]),
        ("[" * 21 + "]" * 21, None),
        ("[1]" + " " * 8190, None),
        ("-" * 5000 + "1", None),
        ("9" * 5000, None),
        ("{[]: 1}", None),
        ("\ud800", None),
        ("__import__('os').getcwd()", None),
        ("\x00", None),
    ],
)
def test_tags_are_read_or_left(text: object, value: object) -> None:
    assert parse_tag(text) == value


def test_a_huge_tag_is_left_unread_at_once() -> None:
    start = time.process_time()
    assert parse_tag("[" + "1," * 5_000_000 + "1]") is None
    assert time.process_time() - start < 0.5


def test_live_tags_in_text_give_the_same_defaults() -> None:
    assert (
        model_specific_defaults({"model_specific_defaults": repr(dict(phi3_defaults()))}) == phi3_defaults()
    )


@pytest.mark.parametrize("tag", [None, "", "[1]", "{'a': [1], 2: 3}", "not a literal"])
def test_tags_without_usable_defaults_give_none(tag: object) -> None:
    assert model_specific_defaults({"model_specific_defaults": tag}) == {}
