"""What a run needs and costs is told before it does: as text and as JSON, with what is unknown said to be."""

import json
from pathlib import Path
from typing import Any

import pytest

from runner.cli import main

RECIPE = """\
version: 1
name: small
model: {name: Phi-4}
compute:
  name: gpu
  size: Standard_NC24ads_A100_v4
  gpus_per_node: 1
dataset: {huggingface: HuggingFaceH4/ultrachat_200k, train: train_sft, test: test_sft, percent: 5}
finetune:
  task: chat_completion
  parameters: {max_seq_length: 2048}
register: {name: small}
endpoint: {}
deployment: {name: demo, instance_type: Standard_NC24ads_A100_v4}
"""
PRICES = """\
currency: EUR
region: westeurope
as_of: "2026-11-01"
source: our contract
sizes:
  Standard_NC24ads_A100_v4: 4
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def _text(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["plan", "--offline", *words]) == 0
    return capsys.readouterr().out


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_text(capsys, *words, "--output", "json"))
    return found


def test_a_plan_on_azure_tells_memory_sizes_and_money(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = _text(capsys, str(recipe), "--target", "azure")
    assert "memory of each GPU (estimated, rows of 2048 tokens): " in shown
    assert "GB of the 80 of Standard_NC24ads_A100_v4" in shown
    assert "smallest first\n  Standard_NC24ads_A100_v4" in shown
    assert "  … and 2 more (--output json gives all)\n" in shown
    assert "88.15 USD a day" in shown
    assert "prices: eastus, as of 2024-08-26, from skypilot-org" in shown
    assert "not counted: storage" in shown


def test_on_the_emulator_nothing_is_billed_and_none_of_it_is_told(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = _text(capsys, str(recipe), "--target", "emulator")
    assert "memory of each GPU" not in shown
    assert "cost (" not in shown
    said = _json(capsys, str(recipe), "--target", "emulator")
    assert (said["memory"], said["sizes"], said["cost"]) == (None, [], None)


def test_prices_of_ones_own_take_the_place_of_the_list(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(PRICES, encoding="utf-8")
    shown = _text(capsys, str(recipe), "--target", "azure", "--prices", str(prices))
    assert "96.00 EUR a day" in shown
    assert "prices: westeurope, as of 2026-11-01, from our contract" in shown
    assert "Standard_NC40ads_H100_v5   1 x 94 GB" in shown
    assert "price unknown" in shown
    assert "USD" not in shown


def _listed(shown: str) -> list[str]:
    lines = shown.split("smallest first\n")[1].splitlines()
    return [line for line in lines if "% of a GPU" in line]


def test_sizes_are_priced_by_the_tier_that_the_recipe_buys(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe.write_text(RECIPE.replace("node: 1\n", "node: 1\n  tier: low_priority\n"), encoding="utf-8")
    prices = tmp_path / "prices.yaml"
    words = (str(recipe), "--target", "azure", "--prices", str(prices))
    prices.write_text(PRICES, encoding="utf-8")
    unknown = _listed(_text(capsys, *words))
    assert len(unknown) > 3
    assert all(line.endswith("price unknown") for line in unknown)
    prices.write_text(f"{PRICES}low_priority:\n  Standard_NC24ads_A100_v4: 0.8\n", encoding="utf-8")
    assert _listed(_text(capsys, *words))[0].endswith("0.80 EUR an hour")


def test_without_a_price_there_are_hours_and_no_money(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(PRICES.replace("NC24ads_A100_v4", "Another"), encoding="utf-8")
    words = (str(recipe), "--target", "azure", "--prices", str(prices))
    shown = _text(capsys, *words)
    training = next(line for line in shown.splitlines() if line.startswith("  training"))
    assert "GPU-hours" in training
    assert training.endswith("price unknown")
    assert "note: no price of Standard_NC24ads_A100_v4 is known" in shown
    assert "together" not in shown
    assert _json(capsys, *words)["cost"]["totals"] == {"once": None, "per day": None}


def test_what_cannot_be_known_is_said_to_be_unknown(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe.write_text(RECIPE.replace("HuggingFaceH4/ultrachat_200k", "some/other"), encoding="utf-8")
    shown = _text(capsys, str(recipe), "--target", "azure")
    training = next(line for line in shown.splitlines() if line.startswith("  training"))
    assert "hours unknown" in training


def test_a_file_of_prices_with_mistakes_is_told_at_their_lines(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(PRICES.replace(": 4\n", ": -4\n") + "extra: 1\n", encoding="utf-8")
    assert main(["plan", "--offline", str(recipe), "--prices", str(prices)]) == 2
    shown = capsys.readouterr().err
    assert f"{prices}:6:29 " in shown
    assert f"{prices}:7:1 unknown-key" in shown


def test_as_json_the_sizes_are_all_there_with_bytes(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = _json(capsys, str(recipe), "--target", "azure")
    memory = said["memory"]
    assert memory["needed_bytes"] == sum(memory["parts"].values())
    assert memory["available_bytes"] == 80_000_000_000
    assert next(each["size"] for each in said["sizes"]) == "Standard_NC24ads_A100_v4"
    assert all(
        each["fits"] == (each["needed_bytes"] <= 0.9 * each["available_bytes"]) for each in said["sizes"]
    )
