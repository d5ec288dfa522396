"""What is said of a run's recipe in force cites the places that its values had."""

from dataclasses import replace
from pathlib import Path

import pytest

from runner import origins
from runner.lifecycle.cited import cited
from runner.load import Loaded, load, load_bytes
from runner.manifest import Manifest
from tests.unit.test_resume import RECIPE, said


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """Give a run of a recipe whose file is gone, made with a profile and a setting."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "profiles").mkdir()
    Path("profiles/quick.yaml").write_text("cleanup: never\n", encoding="utf-8")
    found = said(tmp_path)
    loaded = load(Path("small.yaml"), profiles=["quick"], settings=["finetune.parameters.lora_r=4"])
    Path("small.yaml").unlink()
    return replace(found, recipe={**found.recipe, "path": "small.yaml", "in_force": in_force(loaded)})


def in_force(loaded: Loaded) -> str:
    return "\n".join(origins.as_yaml(origins.values(loaded, None, None), comments=True)) + "\n"


def again(run: Manifest, *settings: str) -> Loaded:
    content = run.recipe["in_force"].encode()
    return cited(load_bytes(content, Path(run.recipe["path"]), settings=settings), run)


def placed(loaded: Loaded, dotted: str) -> str:
    told = loaded.source.diagnostic(tuple(dotted.split(".")), code="drifted", message="")
    return f"{told.path}:{told.line}"


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("dataset.train", "small.yaml:4"),
        ("dataset", "small.yaml:4"),
        ("cleanup", "profiles/quick.yaml:1"),
        ("finetune.parameters.lora_r", "run, --set:1"),
        ("finetune.parameters.learning_rate", "small.yaml:8"),
    ],
)
def test_a_diagnostic_stands_where_the_value_was(run: Manifest, key: str, place: str) -> None:
    assert placed(again(run), key) == place


def test_what_no_file_said_is_the_manifests(run: Manifest) -> None:
    lines = run.recipe["in_force"].splitlines()
    line = 1 + next(number for number, line in enumerate(lines) if "percent" in line)
    assert placed(again(run), "dataset.percent") == f"run/manifest.json, recipe in force:{line}"


def test_origins_go_on_from_run_to_run_in_the_first_ones_words(run: Manifest) -> None:
    first = again(run)
    text = in_force(first)
    assert "train: train  # small.yaml:4" in text
    assert "lora_r: 4  # run, --set:1" in text
    assert "preempted: 3  # default: the schema" in text
    child = replace(run, run_id="child", recipe={**run.recipe, "in_force": text})
    assert in_force(again(child)) == text
    assert placed(again(child), "finetune.parameters.lora_r") == "run, --set:1"


def test_a_setting_of_the_reproduction_is_its_own_and_tells_what_lost(run: Manifest) -> None:
    loaded = again(run, "dataset.train=other")
    assert placed(loaded, "dataset.train") == "--set:1"
    assert "train: other  # --set:1, over small.yaml:4 (train)" in in_force(loaded)
    assert placed(loaded, "dataset.test") == "small.yaml:4"


def test_relative_paths_and_the_recorded_path_stay_the_recipes(run: Manifest, tmp_path: Path) -> None:
    assert again(run).source.folder == tmp_path
    assert again(run).source.path == "small.yaml"
    assert RECIPE not in again(run).source.text
