"""A reproduction's verdict: recorded once, by whichever process ends the run, and told as its exit code."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from runner import manifest, repair
from runner.cli import main
from runner.clock import SystemClock
from runner.journal import FILE_NAME, Event, Journal, Json, read
from runner.lifecycle.judging import REPRODUCTION, Measure, measure_of
from runner.manifest import fold
from tests.unit.sweeps import RECIPE

OPENING: Mapping[str, Json] = {
    "run_id": "first",
    "recipe": {
        "name": "small",
        "path": "small.yaml",
        "sha256": "0" * 64,
        "text": "name: small\n",
        "values": {"finetune.parameters.lora_r": 8},
    },
    "target": {
        "kind": "emulator",
        "subscription_id": "s",
        "resource_group": "g",
        "workspace_name": "w",
        "registry": "azureml",
    },
    "versions": {"runner": "1", "azure-ai-ml": "1", "python": "3", "git": None},
    "pins": {"model": None, "component": None},
    "parameters": [],
}


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """Give the run that is reproduced, as a clone has it."""
    return ended(tmp_path / "runs" / "first", OPENING)


def ended(folder: Path, opening: Mapping[str, Json], loss: float = 1.0) -> Path:
    """Give a run that has succeeded, cut off before anything is said of its verdict."""
    folder.mkdir(parents=True)
    done = {"action": "create", "attempt": 1, "intent": {"name": "j"}, "bills": False, "kind": "job"}
    with Journal(folder / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        journal.append(Event.STEP_STARTED, step="finetune", data=done)
        logged = {"loss": loss, "train_runtime": 7.0}
        journal.append(Event.DONE, step="finetune", data={**done, "outputs": {}, "metrics": logged})
        journal.append(Event.RUN_CLOSED, data={"status": "succeeded"})
    manifest.write(fold(read(folder / FILE_NAME)), folder / manifest.FILE_NAME)
    return folder


def again(first: Path, loss: float = 1.0, **measure: Any) -> Path:  # noqa: ANN401
    folder = first.parent / "second"
    how = Measure(**{"path": first / manifest.FILE_NAME, **measure}).as_json(folder)
    parent = {"run_id": "first", "digest": "", "settings": []}
    opening = {**OPENING, "run_id": "second", "parent": parent, REPRODUCTION: how}
    return ended(folder, opening, loss)


def resume(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    """Resume it where no cloud could be had."""
    code = main(["resume", str(folder), "--state", str(folder / "nowhere"), "--output", "json"])
    assert not (folder / "nowhere").exists()
    return code, json.loads(capsys.readouterr().out)


def test_a_reproduction_that_was_cut_off_before_its_verdict_gets_it_by_a_resume(
    first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = again(first, loss=1.005)
    code, told = resume(folder, capsys)
    assert (code, told["run"]["verdict"]["reproduced"]) == (0, True)
    kept = manifest.load(folder / manifest.FILE_NAME)
    assert kept.verdict == told["run"]["verdict"]
    assert asdict(fold(read(folder / FILE_NAME))) == asdict(kept)
    assert main(["resume", str(folder)]) == 0
    assert "nothing is left to do" in capsys.readouterr().out
    assert [each.event for each in read(folder / FILE_NAME)].count(Event.JUDGED) == 1
    assert main(["logs", str(folder)]) == 0
    assert "judged: reproduced" in capsys.readouterr().out


def test_what_was_not_reproduced_is_told_with_both_values_and_as_an_exit_code(
    first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = again(first, loss=1.5)
    code = main(["resume", str(folder)])
    told = capsys.readouterr()
    assert code == 5
    assert "loss: was 1.0, is 1.5" in told.out
    assert "metrics differ: loss" in told.err
    assert "runner diff first second" in told.err
    for verb in ("resume", "attach"):
        assert main([verb, str(folder)]) == 5
        told = capsys.readouterr()
        assert "loss: was 1.0, is 1.5" in told.out
        assert "second did not reproduce first" in told.err
    assert [each.event for each in read(folder / FILE_NAME)].count(Event.JUDGED) == 1


def test_it_is_judged_as_nearly_as_was_asked_for_when_it_was_opened(
    first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = resume(again(first, loss=1.5, tolerance=0.4), capsys)
    assert (code, told["run"]["verdict"]["tolerance"]) == (0, 0.4)


def test_the_same_outputs_are_demanded_where_that_was_asked_for(
    first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["resume", str(again(first, exact=True))])
    assert (code, "outputs are not known" in capsys.readouterr().err) == (5, True)


def test_a_repair_forgets_nothing_of_how_it_is_judged(
    first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A first record that is gone is made anew of the manifest."""
    folder = first.parent / "second"
    how = {"tolerance": 0.4, "exact": True}
    parent = {"run_id": "first", "digest": "", "settings": [], **how}
    ended(folder, {**OPENING, "run_id": "second", "parent": parent, REPRODUCTION: how}, loss=1.5)
    (folder / FILE_NAME).write_bytes((folder / FILE_NAME).read_bytes().partition(b"\n")[2])
    repair.repair(folder, SystemClock())
    code, told = resume(folder, capsys)
    verdict = told["run"]["verdict"]
    assert (code, verdict["tolerance"], verdict["exact"]) == (5, 0.4, True)


def test_without_the_parents_manifest_there_is_no_verdict_and_it_says_so(
    first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = again(first)
    (first / manifest.FILE_NAME).unlink()
    code = main(["resume", str(folder)])
    told = capsys.readouterr()
    assert (code, "cannot be judged: the manifest of first is not there" in told.err) == (5, True)
    assert manifest.load(folder / manifest.FILE_NAME).verdict is None


def test_the_manifest_of_another_run_judges_nothing(first: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = first.parent / "kept.json"
    folder = again(first, path=alone)
    other = ended(first.parent / "other", {**OPENING, "run_id": "other"})
    alone.write_bytes((other / manifest.FILE_NAME).read_bytes())
    code = main(["resume", str(folder)])
    told = capsys.readouterr()
    assert (code, "cannot be judged: the manifest of first is not there" in told.err) == (5, True)
    assert manifest.load(folder / manifest.FILE_NAME).verdict is None


def test_the_parent_is_found_where_it_was_or_beside_the_run(first: Path, tmp_path: Path) -> None:
    far = tmp_path / "far" / "away.json"
    folder = again(first, path=far)
    far.parent.mkdir()
    far.write_text("{}", encoding="utf-8")
    with Journal(folder / FILE_NAME, SystemClock(), new=False) as journal:
        assert measure_of(journal, folder).path == folder / "../../far/away.json"
        far.unlink()
        assert measure_of(journal, folder).path == first / manifest.FILE_NAME
        (first / manifest.FILE_NAME).unlink()
        assert measure_of(journal, folder).path is None


def test_another_run_has_no_verdict(first: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume", str(first)]) == 0
    assert "nothing is left to do" in capsys.readouterr().out
    assert manifest.load(first / manifest.FILE_NAME).verdict is None


@pytest.mark.parametrize("share", ["nan", "inf", "-0.1", "1", "half"])
def test_a_tolerance_is_a_share(first: Path, capsys: pytest.CaptureFixture[str], share: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["reproduce", str(first), f"--tolerance={share}"])
    assert (ended.value.code, "must be a share" in capsys.readouterr().err) == (2, True)


def test_a_run_that_did_not_record_what_was_in_force_cannot_be_made_again(
    first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", str(first / manifest.FILE_NAME)]) == 2
    assert "did not yet record all that is in force" in capsys.readouterr().err


def test_a_run_is_not_made_again_as_a_sweep(first: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = {**OPENING["recipe"], "in_force": RECIPE}
    run = ended(first.parent / "third", {**OPENING, "run_id": "third", "recipe": recipe})
    setting = "sweep.points=[{finetune.parameters.lora_r: 4}, {finetune.parameters.lora_r: 8}]"
    assert main(["reproduce", str(run), "--set", setting]) == 2
    assert "not as a sweep" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["kept.json", "manifest.json"])
def test_the_recipe_of_a_manifest_that_lies_elsewhere_is_looked_for_where_it_was(
    first: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows lie beside it."""
    home = first.parents[1]
    monkeypatch.chdir(home)
    recipe = {**OPENING["recipe"], "in_force": RECIPE, "folder": "../.."}
    run = ended(first.parent / "third", {**OPENING, "run_id": "third", "recipe": recipe})
    (home / "far").mkdir()
    (run / manifest.FILE_NAME).rename(home / "far" / name)
    assert main(["reproduce", f"far/{name}", "--set", "register.name=[]"]) == 3
    assert "error: small.yaml is not a recipe" in capsys.readouterr().err
