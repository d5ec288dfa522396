"""`runner init` writes recipes that work as they are, and never over anything."""

import json
import subprocess
from datetime import date
from pathlib import Path

import pytest

from runner import catalog
from runner.cli import main
from runner.facts import TargetKind
from runner.load import load
from runner.opening import offline
from runner.recipe import STEP_SECTIONS
from runner.target import choose
from runner.verbs import init

TODAY = date(2026, 11, 21)
EVERY = [(task, target.value) for task in catalog.tasks() for target in TargetKind]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_there_is_a_template_for_every_task_and_target_and_no_other() -> None:
    templates = Path(init.__file__).parents[1] / "templates"
    assert {path.name for path in templates.iterdir()} == {f"{task}.{target}.yaml" for task, target in EVERY}


@pytest.mark.parametrize(("task", "target"), EVERY)
def test_a_new_recipe_is_valid_and_planned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], task: str, target: str
) -> None:
    assert main(["init", "--task", task, "--target", target]) == 0
    written = load(tmp_path / "recipe.yaml")
    assert written.notices == ()
    assert main(["validate", "recipe.yaml"]) == 0
    assert load(tmp_path / "recipe.yaml") == written
    assert choose(written.recipe, None) == target
    assert main(["plan", "--offline", "recipe.yaml"]) == 0
    planned = offline(written, TargetKind(target), TODAY)
    assert {change.step for change in planned.changes} == {*STEP_SECTIONS} - {"baseline"}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("task", "target"), EVERY)
def test_a_new_recipe_trains_a_model_that_can_be_had(task: str, target: str) -> None:
    assert main(["init", "--task", task, "--target", target]) == 0
    recipe = load(Path("recipe.yaml")).recipe
    known = catalog.model(recipe.model.registry, recipe.model.name)
    assert known is not None
    assert known.archived is None
    assert known.emulator_only == (target == "emulator")
    assert recipe.compute is not None
    assert recipe.compute.size in str(known.tags["finetune_compute_allow_list"])
    assert recipe.finetune is not None
    assert recipe.finetune.task == task


@pytest.mark.parametrize(("task", "target"), EVERY)
def test_a_new_recipe_has_the_base_model_once_its_lines_are_no_comment(task: str, target: str) -> None:
    assert main(["init", "--task", task, "--target", target]) == 0
    text = Path("recipe.yaml").read_text(encoding="utf-8")
    before, there, after = text.partition("# baseline:\n")
    commented, end, rest = after.partition("\n\n")
    lines = (there + commented).replace("# ", "")
    Path("recipe.yaml").write_text(before + lines + end + rest, encoding="utf-8")
    baseline = load(Path("recipe.yaml")).recipe.baseline
    assert baseline is not None
    assert (baseline.name, baseline.request_timeout_ms) == ("base", 90000)


@pytest.mark.parametrize(("task", "target"), EVERY)
def test_every_section_of_a_new_recipe_is_explained(task: str, target: str) -> None:
    assert main(["init", "--task", task, "--target", target]) == 0
    lines = Path("recipe.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# yaml-language-server: $schema=recipe.schema.json"
    sections = [at for at, line in enumerate(lines) if line[:1].isalpha()]
    assert len(sections) >= 12
    assert [lines[at] for at in sections if not lines[at - 1].startswith("# ")] == []
    assert not [line for line in lines if len(line) > 120]


@pytest.mark.parametrize("file", ["recipe.yaml", "deep/er/recipe.yaml", "with space #1/recipe.yaml"])
def test_the_rows_that_come_with_runner_are_found_from_where_the_recipe_lies(
    tmp_path: Path, file: str
) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    assert main(["init", file]) == 0
    loaded = load(Path(file))
    assert loaded.recipe.dataset is not None
    rows = loaded.source.folder / str(loaded.recipe.dataset.path)
    assert {"train.jsonl", "test.jsonl"} <= {path.name for path in rows.iterdir()}


def test_a_file_that_is_there_is_never_replaced_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.yaml").write_text("mine", encoding="utf-8")
    assert main(["init"]) == 2
    assert (tmp_path / "recipe.yaml").read_text(encoding="utf-8") == "mine"
    assert capsys.readouterr().err.splitlines() == [
        "error: recipe.yaml is already there",
        "  hint: name another file, or replace it with --force",
    ]
    assert not (tmp_path / ".gitignore").exists()
    assert main(["init", "--force"]) == 0
    assert load(tmp_path / "recipe.yaml").recipe.name == "my-chat"


def test_a_link_that_leads_nowhere_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    assert main(["init"]) == 2
    assert not (tmp_path / "elsewhere.yaml").exists()


def test_git_then_sees_of_a_run_its_manifest_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init"]) == 0
    assert ".gitignore is written" in capsys.readouterr().out
    for name in (
        "runs/a/manifest.json",
        "runs/a/journal.jsonl",
        "runs/a/data/x",
        "runs/s/sweep.json",
        ".runner/emulator/ca.pem",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    subprocess.run(["git", "init", "-q"], check=True)  # noqa: S607 - any git
    command = ["git", "ls-files", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert listed.split() == [".gitignore", "recipe.yaml", "runs/a/manifest.json", "runs/s/sweep.json"]


def test_an_older_gitignore_is_left_as_it_is_and_what_it_lacks_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".gitignore").write_text(".venv/\n.runner/\n", encoding="utf-8")
    assert main(["init"]) == 0
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == ".venv/\n.runner/\n"
    missing = "runs/*/*  !runs/*/manifest.json  !runs/*/sweep.json  runs/.index.sqlite3*  runs/*.html"
    assert f"is committed: {missing}\n" in capsys.readouterr().out
    (tmp_path / ".gitignore").write_text("\n".join(init.IGNORED), encoding="utf-8")
    assert main(["init", "--force"]) == 0
    assert "gitignore" not in capsys.readouterr().out


def test_a_dash_prints_the_recipe_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "-", "--target", "azure"]) == 0
    printed = capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert main(["init", "--target", "azure"]) == 0
    assert (tmp_path / "recipe.yaml").read_text(encoding="utf-8") == printed


def test_what_was_written_as_json_is_one_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".gitignore").write_text("", encoding="utf-8")
    assert main(["init", "other.yaml", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "recipe": "other.yaml",
        "written": ["other.yaml"],
        "add_to_gitignore": list(init.IGNORED),
    }
    assert main(["init", "-", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["recipe"].startswith("# yaml-language-server")


def test_the_gitignore_is_the_one_that_the_readme_shows() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert "".join(f"    {line}\n" for line in init.IGNORED) in readme
