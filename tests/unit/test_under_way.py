"""A recipe is not run twice at once in one workspace: the second is told who carries out the first."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from runner import opening as openings
from runner import under_way
from runner.cli import main
from runner.clock import SystemClock
from runner.errors import RunHeld
from runner.facts import Target, TargetKind
from runner.journal import FILE_NAME, Event, Journal, Json, this_process

RUN = "20261121T082300Z-small-1a2b"
WORKSPACE = Target(kind=TargetKind.EMULATOR, subscription_id="sub", resource_group="rg", workspace_name="WS")


@pytest.fixture
def held(tmp_path: Path, opening: Mapping[str, Json]) -> Journal:
    """Give a run that a process holds; whoever asks for it closes it."""
    folder = tmp_path / "runs" / RUN
    folder.mkdir(parents=True)
    journal = Journal(folder / FILE_NAME, SystemClock(), new=True)
    journal.append(Event.RUN_OPENED, data={**opening, "process": this_process()})
    return journal


def test_a_run_that_is_held_is_named_with_its_process_and_what_can_be_done(
    tmp_path: Path, held: Journal
) -> None:
    with held, pytest.raises(RunHeld, match=f"process .* carries out run {RUN}") as refused:
        under_way.refuse_a_second(tmp_path / "runs", "small", WORKSPACE)
    assert f"runner attach {RUN}" in refused.value.hint
    assert f"runner cancel {RUN}" in refused.value.hint
    under_way.refuse_a_second(tmp_path / "runs", "small", WORKSPACE)  # nobody holds it any more


def test_another_recipe_and_another_workspace_are_no_hindrance(tmp_path: Path, held: Journal) -> None:
    (tmp_path / "runs" / "20261121T082300Z-small-9999").symlink_to("nowhere")
    with held:
        under_way.refuse_a_second(tmp_path / "runs", "other", WORKSPACE)
        under_way.refuse_a_second(tmp_path / "runs", "smal", WORKSPACE)
        under_way.refuse_a_second(tmp_path / "runs", "small", replace(WORKSPACE, workspace_name="w2"))
        under_way.refuse_a_second(tmp_path / "missing", "small", WORKSPACE)


def test_run_ends_with_7_before_it_asks_the_cloud(
    tmp_path: Path, held: Journal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(openings, "where", lambda *_: replace(WORKSPACE, kind=TargetKind.EMULATOR))
    monkeypatch.setattr(openings, "reached", lambda *_: held)
    monkeypatch.setattr(openings, "connected", lambda *_: pytest.fail("the cloud was asked"))
    recipe = tmp_path / "small.yaml"
    recipe.write_text("version: 1\nname: small\nmodel: {name: Phi-4}\n", encoding="utf-8")
    assert main(["run", str(recipe), "--runs-dir", str(tmp_path / "runs")]) == 7
    assert f"run {RUN} of this recipe" in capsys.readouterr().err
