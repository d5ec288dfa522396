"""`runner runs`: a table for people, JSON, and CSV that no spreadsheet takes for formulas."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.cli import main
from runner.clock import SystemClock
from runner.journal import FILE_NAME, Event, Journal
from tests.unit.past_runs import keep, trained

ROOT = Path(__file__).parents[2]
RUN, OTHER = "20261121T082300Z-tiny-aaaa", "20261122T082300Z-tiny-bbbb"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    keep(tmp_path, RUN, steps=trained(eval_loss=1.25), started="2026-11-21T08:23:00.000Z", alive=[])
    both = trained(test_loss=0.5, eval_loss=2.7)
    keep(tmp_path, OTHER, status="failed", started="2026-11-22T08:23:00.000Z", steps=both)
    return tmp_path


def listed(runs: Path, *words: str) -> int:
    return main(["runs", "--runs-dir", str(runs), *words])


def test_people_read_what_matters_of_each_run(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(runs) == 0
    title, newest, oldest, count = capsys.readouterr().out.splitlines()
    assert title.split()[:5] == ["run", "status", "target", "started", "duration"]
    assert newest.split()[:4] == [OTHER, "failed", "EMULATOR", "2026-11-22"]
    assert "2.7 eval_loss" in newest
    assert "endpoint tiny-endpoint, deployment demo" in newest
    assert "1.25 eval_loss  2e-05" in oldest
    assert count == "2 runs"


def test_a_condition_and_columns_choose(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        listed(runs, "--where", "metrics.eval_loss < 2", "--columns", "compute.name,metrics.eval_loss") == 0
    )
    title, row, count = capsys.readouterr().out.splitlines()
    assert title.split() == ["run", "compute.name", "metrics.eval_loss"]
    assert row.split() == [RUN, "gpu-tiny", "1.25"]
    assert count == "1 of 2 runs"


def test_json_holds_values_as_they_are_and_the_notices(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        listed(runs, "--where", "statu == 'x' or loss > 2", "--columns", "loss,alive", "--output", "json")
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    alive = ["compute gpu-tiny", "endpoint tiny-endpoint", "deployment demo"]
    assert told == {
        "runs": [{"run": OTHER, "run_id": OTHER, "values": {"loss": 2.7, "alive": alive}, "problem": None}],
        "total": 2,
        "notices": ["no run has the key statu: did you mean status?"],
    }


def test_what_is_alive_is_a_list_also_where_nothing_is(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(runs, "--where", "not alive", "--columns", "alive", "--output", "json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [(each["run"], each["values"]) for each in told["runs"]] == [(RUN, {"alive": []})]
    assert told["notices"] == []
    assert listed(runs, "--where", "not alive", "--columns", "alive") == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [RUN, "-"]


def test_a_run_in_a_folder_of_another_name_is_told_by_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(tmp_path, RUN).parent.rename(tmp_path / "copy")
    assert listed(tmp_path, "--columns", "id,target", "--where", f"id == '{RUN}'") == 0
    title, row, count = capsys.readouterr().out.splitlines()
    assert title.split() == ["run", "target"]
    assert row.split() == ["copy", f"({RUN})", "EMULATOR"]
    assert count == "1 run"


def test_half_characters_on_the_command_line_are_no_mistake_of_ours(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(runs, "--sort", "\udcff", "--columns", "\udcff") == 0
    assert "no run has the key \\udcff" in capsys.readouterr().err
    assert listed(runs, "--where", "name == '\udcff'") == 2
    assert "--where, column 1: this is no text in UTF-8" in capsys.readouterr().err


def test_csv_keeps_numbers_and_guards_what_looks_like_a_formula(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {"a": "=1+1", "b": "+1", "c": "-1", "d": "@x", "e": "\t=1", "f": " =1", "g": 'x,"y"\nz'}
    keep(tmp_path, RUN, values={**texts, "n": -1.5e-7, "t": True, "l": ["=x", "y"]})
    keys = (*texts, "n", "t", "l", "=key")
    assert listed(tmp_path, "--columns", ",".join(keys), "--output", "csv") == 0
    captured = capsys.readouterr()
    title, row = csv.reader(captured.out.splitlines())
    assert title == ["run", *keys[:-1], "'=key"]
    assert row == [
        RUN,
        *("'=1+1", "'+1", "'-1", "'@x", "'\t=1", "' =1", 'x,"y" z'),
        *("-1.5e-07", "true", "'=x, y", ""),
    ]
    assert captured.err == "notice: no run has the key =key\n"


def test_a_mistake_in_csv_is_said_on_stderr_and_leaves_stdout_empty(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(runs, "--where", "status", "--output", "csv") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: --where, column 1: this is no comparison; expected a comparison")


def test_only_a_table_is_put_out_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["show", "latest", "--output", "csv"])
    assert "invalid choice: 'csv'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [("--limit", "0"), ("--limit", "x"), ("--columns", "a,,b"), ("--columns", "")]
)
def test_what_cannot_be_meant_is_refused(runs: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        listed(runs, *words)
    assert caught.value.code == 2


def test_what_came_from_outside_cannot_move_the_cursor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(tmp_path, RUN, status="\x1b[2Jgone", values={"model.name": "a\x1b]0;x\x07"})
    for output in ("text", "json", "csv"):
        assert listed(tmp_path, "--output", output) == 0
        assert "\x1b" not in capsys.readouterr().out


def test_a_run_that_nobody_carries_on_is_told_from_one_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run in (RUN, OTHER):
        keep(tmp_path, run, status="running", journal={"records": 0, "head": ""})
    (tmp_path / RUN / FILE_NAME).write_bytes(b"")
    with Journal(tmp_path / OTHER / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data={})
        listed(tmp_path, "--columns", "status")
    out = capsys.readouterr().out
    assert f"{RUN}  running, left" in out
    assert f"{OTHER}  running\n" in out


def test_runs_are_listed_without_what_other_verbs_need(runs: Path) -> None:
    script = (
        "import sys; from runner.cli import main\n"
        "main(sys.argv[1:])\n"
        "sys.stdout.write(' '.join(sys.modules))\n"
    )
    command = [sys.executable, "-c", script, "runs", "--runs-dir", str(runs), "--where", "loss < 9"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    imported = set(done.stdout.splitlines()[-1].split())
    assert "runner.index" in imported
    assert imported & {"azure", "rich", "jsonschema", "yaml", "jsonschema_rs", "runner.load"} == set()
    assert imported & {"runner.console.console", "runner.steps", "runner.execute"} == set()
