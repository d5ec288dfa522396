"""What a plan without a network says of what the catalog does not know, and what the loader noticed."""

from pathlib import Path

import pytest

from runner.cli import main

RECIPE = """\
version: 1
name: small
model: {name: Phi-4}
compute: {name: gpu, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}
dataset: {huggingface: some/rows, train: train, test: test}
finetune:
  task: chat_completion
register: {name: small}
endpoint: {}
deployment: {name: Demo, instance_type: Standard_NC24ads_A100_v4}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return str(path)


def _plan(capsys: pytest.CaptureFixture[str], recipe: str, *words: str) -> str:
    assert main(["plan", "--offline", "--target", "emulator", recipe, *words]) == 0
    return capsys.readouterr().out


def test_what_the_loader_noticed_is_told_with_the_rest(
    recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = _plan(capsys, recipe)
    assert f"notice: {recipe}:10:20 lower-cased deployment.name" in shown
    assert shown.index("validation-from-train") < shown.index("lower-cased")


def test_another_version_of_the_model_is_planned_under_its_own_number(
    recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = _plan(capsys, recipe, "--set", "model.version='999'")
    assert "Phi-4 999 with chat_completion_pipeline 0.0.82" in shown
    assert "version-not-in-catalog model.version: what is known offline is of version 8" in shown


def test_a_component_that_the_catalog_does_not_have_has_no_inputs_to_judge_by(
    recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--set", "finetune.component_version='0.0.50'", "--set", "finetune.parameters.of_old=1")
    shown = _plan(capsys, recipe, *words)
    assert "Phi-4 8 with chat_completion_pipeline 0.0.50" in shown
    assert "parameters-unchecked" in shown
    assert "0.0.82:" not in shown


def test_a_name_that_azure_would_get_is_not_left_blank(
    recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "  endpoint    small-*" in _plan(capsys, recipe)
