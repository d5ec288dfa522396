"""All that is said offline of the recipes at hand, word for word, on a fixed day.

    python -m tests.unit.test_golden        write the files anew; then read what has changed

A line is a severity and a diagnostic; a recipe of which nothing is said has an empty file.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from runner import preflight
from runner.errors import Diagnostic, Severity
from runner.facts import TargetKind
from runner.load import load
from runner.survey import survey_offline

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
NOTEBOOK = GOLDEN / "notebook_defaults.yaml"
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
TODAY = date(2026, 11, 21)


def findings(path: Path, target: TargetKind) -> tuple[Diagnostic, ...]:
    loaded = load(path)
    facts = survey_offline(loaded.recipe, target, None, TODAY, folder=loaded.source.folder)
    return (*loaded.notices, *preflight.check(loaded, facts, preflight.merge(loaded, facts)))


def told(path: Path, target: TargetKind) -> str:
    lines = (f"{each.severity}: {each}\n" for each in findings(path, target))
    return "".join(lines).replace(f"{ROOT}/", "")


def cases() -> Iterator[tuple[Path, TargetKind]]:
    for path in CONFIGS:
        yield path, TargetKind.EMULATOR
    for path in (*CONFIGS, NOTEBOOK):
        if load(path).recipe.workspace is not None or path == NOTEBOOK:
            yield path, TargetKind.AZURE


def golden(path: Path, target: TargetKind) -> Path:
    return GOLDEN / f"{path.stem}.{target}.txt"


@pytest.mark.parametrize(("path", "target"), list(cases()), ids=lambda value: getattr(value, "stem", value))
def test_what_is_said_of_a_recipe_is_what_is_written(path: Path, target: TargetKind) -> None:
    assert told(path, target) == golden(path, target).read_text(encoding="utf-8")


def test_each_golden_file_is_somebodys() -> None:
    assert len(CONFIGS) >= 3
    assert {golden(*case) for case in cases()} == set(GOLDEN.glob("*.*.txt"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_no_recipe_at_hand_is_refused_on_the_emulator(path: Path) -> None:
    assert Severity.ERROR not in {each.severity for each in findings(path, TargetKind.EMULATOR)}


def test_the_recipe_to_start_from_is_not_refused_on_azure() -> None:
    phi4 = ROOT / "configs" / "phi4_ultrachat.yaml"
    assert Severity.ERROR not in {each.severity for each in findings(phi4, TargetKind.AZURE)}


def test_the_notebooks_own_defaults_are_refused_each_at_its_line() -> None:
    found = findings(NOTEBOOK, TargetKind.AZURE)
    lines = NOTEBOOK.read_text(encoding="utf-8").splitlines()
    errors = {(each.code, lines[each.line - 1].strip()) for each in found if each.severity is Severity.ERROR}
    notices = [each for each in found if each.severity is Severity.NOTICE]
    assert errors == {
        ("model-retired", "name: Phi-3-mini-4k-instruct"),
        ("size-not-allowed", "size: Standard_ND40rs_v2"),
        ("size-not-allowed", "instance_type: Standard_NC4AS_T4_V3"),
        ("size-too-small", "instance_type: Standard_NC4AS_T4_V3"),
    }
    assert "the recipe's 3 epochs win over the model's default of 1" in {each.message for each in notices}
    assert len(notices) >= 2


if __name__ == "__main__":
    for case in cases():
        golden(*case).write_text(told(*case), encoding="utf-8")
