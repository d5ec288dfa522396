"""Sweeps at the command line: shown before they cost, asked about, not undone piece by piece."""

import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from runner import opening as openings
from runner import sweeping, under_way
from runner.cli import main
from runner.clock import SystemClock
from runner.console import Output
from runner.console.console import Console
from runner.errors import RunHeld, UsageError
from runner.journal import FILE_NAME, Event, Journal
from runner.journal import read as read_journal
from runner.load import load
from runner.session import Session
from runner.sweep import Hold, read
from tests.faults.boundaries import Gate
from tests.faults.model_cloud import TARGET
from tests.unit.sweeps import RECIPE, SIX, THREE, TWO, bench_with

_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
AZURE = f"workspace: {{subscription_id: {_SUBSCRIPTION}, resource_group: rg, workspace_name: ws}}\n"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    bench = bench_with(tmp_path, RECIPE + SIX + AZURE)
    return bench.folder / "small.yaml"


def test_a_plan_shows_the_points_what_they_cost_together_and_what_is_left_out(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--offline", str(recipe)]) == 0
    said = capsys.readouterr().out
    assert "a sweep of 6 runs, 3 at a time, on Azure" in said
    assert (
        "left out, since side by side the points would overwrite one another: endpoint, deployment, " in said
    )
    assert "compute gpu" in said
    costs = [float(found) for found in re.findall(r"^  \d .* / (\d+\.\d+) / .* USD$", said, re.MULTILINE)]
    (total,) = re.findall(r"the jobs together .*: .* / (\d+\.\d+) / .* USD", said)
    assert len(costs) == 6
    assert float(total) == pytest.approx(sum(costs))
    assert not re.search(r"^ +\+ +endpoint", said, re.MULTILINE)


def test_a_plan_tells_each_value_of_a_point_at_its_place_in_the_sweep(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--offline", str(recipe)]) == 0
    said = capsys.readouterr().out
    lines = recipe.read_text(encoding="utf-8").splitlines()
    number = next(number for number, line in enumerate(lines, start=1) if "lora_r" in line)
    column = lines[number - 1].index("4") + 1
    assert re.search(rf"lora_r +4 +recipe: {re.escape(str(recipe))}:{number}:{column} \(sweep\)", said)
    assert "--set:" not in said
    assert "component default:" not in said
    assert "of the component's defaults" in said


def test_what_is_told_of_some_points_names_them(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--offline", str(recipe)]) == 0
    said = capsys.readouterr().out
    assert "the recipe's 1e-06 wins over the model's default of 5e-06 (points 1, 2, 3)" in said
    assert "the recipe's 2e-06 wins over the model's default of 5e-06 (points 4, 5, 6)" in said
    (of_all,) = [line for line in said.splitlines() if "validation-from-train" in line]
    assert "point" not in of_all


def test_a_plan_as_json_has_every_point(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--offline", "--output", "json", str(recipe)]) == 0
    value = json.loads(capsys.readouterr().out)["sweep"]
    assert [each["index"] for each in value["points"]] == [1, 2, 3, 4, 5, 6]
    assert value["points"][0]["values"] == {
        "finetune.parameters.learning_rate": 1e-6,
        "finetune.parameters.lora_r": 4,
    }
    assert value["left_out"] == ["endpoint", "deployment", "traffic", "sample"]
    assert float(value["cost"]["likely"]) > float(value["points"][0]["cost"]["likely"])


def test_a_point_that_the_target_would_refuse_is_told_at_its_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = "sweep: {grid: {model.name: [Phi-4, Phi-3-mini-4k-instruct]}}\n"
    bench = bench_with(
        tmp_path, RECIPE.replace("gpus_per_node: 1", "gpus_per_node: 1, max_instances: 2") + sweep
    )
    assert main(["plan", "--offline", "--target", "azure", str(bench.folder / "small.yaml")]) == 4
    said = capsys.readouterr().err
    line = len(RECIPE.splitlines()) + 1
    assert f"small.yaml:{line}:{sweep.index('Phi-3') + 1} model-retired" in said
    assert "--set:" not in said


def test_more_points_at_once_than_nodes_is_a_notice(tmp_path: Path) -> None:
    few = bench_with(tmp_path).folder / "small.yaml"
    assert [each.code for each in load(few).notices] == ["points-wait-for-nodes"]
    assert load(few, settings=["sweep.max_concurrent=1"]).notices == ()
    assert load(few, settings=["compute.max_instances=2"]).notices == ()


@pytest.mark.parametrize("words", [["--detach", "--yes"], [], ["--output", "json"]])
def test_a_sweep_is_refused_before_a_cloud_is_reached(
    recipe: Path, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openings, "reached", lambda *_: pytest.fail("a cloud was reached"))
    runs = recipe.parent / "runs"
    assert main(["run", str(recipe), "--runs-dir", str(runs), *words]) == 2
    said = capsys.readouterr()
    assert "--detach" in said.err if "--detach" in words else "--yes" in said.err + said.out
    assert not runs.exists()


@pytest.mark.parametrize("verb", ["run", "plan"])
def test_a_sweep_has_no_lock(recipe: Path, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, str(recipe), "--locked"]) == 2
    assert "is a sweep, and a lock is of one recipe" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--check"]])
def test_a_sweep_is_not_locked(recipe: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lock", str(recipe), *words]) == 2
    assert "hint: --set sweep=null locks the recipe alone" in capsys.readouterr().err


def test_a_sweep_is_not_gone_on_with_beside_another_run_of_its_recipe(tmp_path: Path) -> None:
    bench = bench_with(tmp_path)
    bench.begin(Gate(kill_at=30))
    of_a_point = next(read_journal(each) for each in bench.runs.glob("*/journal.jsonl"))[0].data
    other = bench.runs / "20261121T082300Z-small-ffff"
    other.mkdir()
    with Journal(other / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data={**of_a_point, "run_id": other.name, "sweep": None})
        with pytest.raises(RunHeld, match=f"carries out run {other.name}"):
            bench.resume()
    assert bench.resume() == 0, bench.said


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal() -> Console:
    return Console(Terminal(), Terminal(), Output.TEXT, SystemClock())


@pytest.mark.parametrize(
    ("typed", "agreed"), [("y\n", True), ("YES\n", True), ("\n", False), ("", False), ("no\n", False)]
)
def test_only_a_clear_yes_is_one(
    terminal: Console,
    typed: str,
    agreed: bool,  # noqa: FBT001 - a table's column
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert terminal.confirmed("carry out these 6 runs?") is agreed
    assert "[y/N]" in terminal.stdout.getvalue()  # type: ignore[attr-defined]
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert not terminal.confirmed("nobody is there")


def test_at_a_terminal_nothing_is_refused_before_it_was_asked(
    recipe: Path, terminal: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(voice=terminal, clock=SystemClock(), environment={})
    loaded = load(recipe)
    monkeypatch.setattr(sys, "stdin", Terminal())
    sweeping.refuse_unconfirmed(session, loaded, yes=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    sweeping.refuse_unconfirmed(session, loaded, yes=True)
    with pytest.raises(UsageError, match="6 runs") as refused:
        sweeping.refuse_unconfirmed(session, loaded, yes=False)
    assert "--yes" in refused.value.hint


def test_a_run_beside_a_sweep_of_its_recipe_is_refused(tmp_path: Path) -> None:
    bench = bench_with(tmp_path)
    bench.begin(Gate(kill_at=1))
    under_way.refuse_a_second(bench.runs, "small", TARGET)
    with Hold(bench.sweep_folder):
        with pytest.raises(RunHeld, match=f"carries out sweep {bench.sweep_folder.name}"):
            under_way.refuse_a_second(bench.runs, "small", TARGET)
        under_way.refuse_a_second(bench.runs, "other", TARGET)
        under_way.refuse_a_second(bench.runs, "small", replace(TARGET, workspace_name="another"))


def test_a_point_is_not_taken_down_from_under_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = bench_with(tmp_path, RECIPE + TWO)
    bench.begin()
    first, second = (each.run for each in read(bench.sweep_folder).points)
    journal = bench.runs / second / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])  # it was cut off, and goes on
    (bench.runs / second / "manifest.json").unlink()
    assert main(["down", first, "--runs-dir", str(bench.runs)]) == 2
    said = capsys.readouterr().err
    assert f"{second} may use what it made" in said
    assert f"runner resume {bench.sweep_folder.name}" in said
    assert [thing.kind for thing in bench.world.alive()] == ["compute"]


def test_show_and_down_take_a_sweep_by_name_and_others_say_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = bench_with(tmp_path, RECIPE + THREE)
    bench.begin(Gate(kill_at=30))
    name, runs = bench.sweep_folder.name, ["--runs-dir", str(bench.runs)]
    assert main(["show", "latest", *runs]) == 0
    said = capsys.readouterr().out
    assert said.count("not begun") == 2
    assert f"runner resume {name}" in said
    begun = next(path.parent.name for path in bench.runs.glob("*/journal.jsonl"))
    for verb, meant in (("logs", name), ("why", "latest"), ("verify", "latest"), ("logs", "latest")):
        assert main([verb, meant, *runs]) == 2
        refusal = capsys.readouterr().err
        assert f"{name} is a sweep of several runs" in refusal
        assert f"give this command one of them: {begun}; runner show {name}" in refusal
    assert main(["down", name, *runs]) == 2
    assert "has not ended" in capsys.readouterr().err
