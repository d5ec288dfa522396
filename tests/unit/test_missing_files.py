"""A file that is not there is told before anything is made, at the recipe's own line."""

from pathlib import Path

import pytest

from runner.cli import main

RECIPE = """\
version: 1
name: small
model: {name: Phi-4}
compute: {name: gpu, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}
dataset:
  path: rows
  train: train
  test: test
finetune: {task: chat_completion}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "train.jsonl").write_text("{}\n")
    (tmp_path / "rows" / "test.jsonl").write_text("{}\n")
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_files_that_are_there_raise_no_question(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--offline", str(recipe)]) == 0
    assert "no-such-split" not in capsys.readouterr().out


def test_a_missing_file_is_refused_at_the_split_that_names_it(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--offline", str(recipe), "--set", "dataset.train=trian"]) == 4
    shown = capsys.readouterr().err
    assert "--set:1:15 no-such-split dataset.train: " in shown
    assert "did you mean train?" in shown


def test_a_missing_folder_is_told_for_each_split(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (recipe.parent / "rows").rename(recipe.parent / "other")
    assert main(["plan", "--offline", str(recipe)]) == 4
    shown = capsys.readouterr().err
    assert f"{recipe}:7:10 no-such-folder dataset.train: {recipe.parent}/rows: is not there" in shown
    assert f"{recipe}:8:9 no-such-folder dataset.test: " in shown


def test_what_is_no_file_is_refused(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (recipe.parent / "rows" / "test.jsonl").unlink()
    (recipe.parent / "rows" / "test.jsonl").mkdir()
    assert main(["plan", "--offline", str(recipe)]) == 4
    assert "not-a-file dataset.test" in capsys.readouterr().err


def test_a_folder_that_the_environment_names_is_not_looked_for_while_it_is_not_set(
    recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["plan", "--offline", str(recipe), "--set", "dataset.path=${env:ROWS}"]
    monkeypatch.delenv("ROWS", raising=False)
    assert main(words) == 0
    monkeypatch.setenv("ROWS", str(recipe.parent / "none"))
    assert main(words) == 4
    assert "no-such-folder" in capsys.readouterr().err
