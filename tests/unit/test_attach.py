"""`attach` reads a run's journal: while it grows, after it ended, and where nobody carries the run on."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner import manifest
from runner.cli import main
from runner.clock import SystemClock
from runner.journal import FILE_NAME, Event, Journal, Json
from runner.replay import RecordedClock

RUN = "20261121T082300Z-small-1a2b"
CLUSTER: Mapping[str, Json] = {
    "action": "create",
    "intent": {"name": "gpu"},
    "kind": "compute",
    "bills": True,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "runs" / RUN
    path.mkdir(parents=True)
    return path


def opened(folder: Path, opening: Mapping[str, Json]) -> Journal:
    journal = Journal(folder / FILE_NAME, SystemClock(), new=True)
    journal.append(Event.RUN_OPENED, data=opening)
    return journal


def begin(journal: Journal) -> None:
    journal.append(Event.STEP_STARTED, step="compute", data={"action": "create"})
    journal.append(Event.INTENT, step="compute", data=CLUSTER)


def end(journal: Journal, status: str) -> None:
    journal.append(Event.RUN_CLOSED, data={"status": status})


def attach(folder: Path, *words: str) -> int:
    return main(["attach", RUN[:10], "--runs-dir", str(folder.parent), *words])


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_a_run_that_ended_is_told_from_its_records(
    folder: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(folder, opening) as journal:
        begin(journal)
        seen = {"detail": "in progress", "fraction": 0.5}
        journal.append(Event.OBSERVED, step="compute", data=seen)
        journal.append(Event.DONE, step="compute", data={**CLUSTER, "outputs": {}, "detail": "ready"})
        journal.append(Event.DELETE_INTENT, step="compute", data={"intent": {"name": "gpu"}})
        journal.append(Event.DELETE_DONE, step="compute", data={"with": []})
        end(journal, "succeeded")

    assert attach(folder) == 0

    assert told(capsys)[1:] == [
        "0 s compute looking for the cluster",
        "0 s compute + create compute gpu",
        "0 s compute in progress 50%",
        "0 s compute ✓ create: ready",
        "0 s cleanup - delete compute gpu",
        "0 s cleanup ✓ compute gpu is gone",
        "",
        "nothing that bills is left alive",
        f"succeeded: {folder}",
    ]


def test_times_are_the_runs_own(
    folder: Path,
    opening: Mapping[str, Json],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments = iter(["08:23:00.000", "08:23:08.000", "09:28:10.000", "09:28:10.000"])
    monkeypatch.setattr("runner.journal.writing.stamp", lambda _now: f"2026-11-21T{next(moments)}Z")
    with opened(folder, opening) as journal:
        begin(journal)
        end(journal, "succeeded")
    attach(folder)
    assert told(capsys)[1:3] == [
        "8 s compute looking for the cluster",
        "1 h 05 min compute + create compute gpu",
    ]


def test_what_was_gone_already_was_not_deleted(
    folder: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(folder, opening) as journal:
        begin(journal)
        journal.append(Event.DELETE_DONE, step="compute", data={"with": []})
        end(journal, "canceled")
    attach(folder)
    assert "is gone" not in capsys.readouterr().out


def test_a_run_is_followed_until_its_process_lets_go(
    folder: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str]
) -> None:
    journal = opened(folder, opening)
    begin(journal)

    def go_on() -> None:
        journal.append(Event.FAILED, step="compute", data={"error": "no quota", "ended": True})
        end(journal, "failed")
        journal.close()

    timer = threading.Timer(0.5, go_on)
    timer.start()
    try:
        assert attach(folder) == 1
    finally:
        timer.join()
    captured = capsys.readouterr()
    assert "✗ no quota" in captured.out
    assert captured.err == "error: no quota\n"


def test_an_interrupted_run_that_is_held_again_is_followed_on(
    folder: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str]
) -> None:
    journal = opened(folder, opening)
    end(journal, "interrupted")

    def resume() -> None:
        journal.append(Event.RUN_RESUMED, data={"process": {"pid": 1, "host": "here"}})
        end(journal, "succeeded")
        journal.close()

    timer = threading.Timer(0.5, resume)
    timer.start()
    try:
        assert attach(folder) == 0
    finally:
        timer.join()
    assert f"succeeded: {folder}" in capsys.readouterr().out


def test_a_run_that_nobody_carries_on_says_so_with_what_can_be_done(
    folder: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(folder, opening) as journal:
        begin(journal)
        last = journal.records[-1].time
    assert attach(folder) == 8
    assert capsys.readouterr().err.splitlines() == [
        f"error: no process carries run {RUN} on; its last record is of {last}",
        f"  hint: runner resume {RUN}, or runner cancel {RUN}",
    ]


def test_a_run_that_was_interrupted_is_told_as_that_and_nobody_carries_it_on(
    folder: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(folder, opening) as journal:
        begin(journal)
        end(journal, "interrupted")
    assert attach(folder) == 8
    assert f"runner resume {RUN}" in capsys.readouterr().out


def test_what_is_not_proven_gone_stands_over_everything(
    folder: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(folder, opening) as journal:
        begin(journal)
        journal.append(Event.DELETE_FAILED, step="compute", data={"reason": "HTTP 409"})
        end(journal, "succeeded")
    assert attach(folder) == 9
    assert "not proven gone: compute gpu" in capsys.readouterr().err


def test_ctrl_c_leaves_only_the_following(
    folder: Path,
    opening: Mapping[str, Json],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(SystemClock, "wait", interrupt)
    with opened(folder, opening) as journal:
        begin(journal)
        before = (folder / FILE_NAME).read_bytes()
        assert attach(folder, "--output", "json") == 130
        assert (folder / FILE_NAME).read_bytes() == before
    assert json.loads(capsys.readouterr().out) == {
        "run_id": RUN,
        "followed": False,
        "attach": f"runner attach {RUN}",
    }


@pytest.mark.parametrize(("status", "code"), [("succeeded", 0), ("failed", 1)])
def test_as_json_it_is_the_final_value(
    folder: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str], status: str, code: int
) -> None:
    with opened(folder, opening) as journal:
        begin(journal)
        end(journal, status)
    assert attach(folder, "--output", "json") == code
    value = json.loads(capsys.readouterr().out)
    assert value["run"]["status"] == status
    assert (value["error"] or {}).get("exit_code", 0) == code


def test_a_damaged_journal_is_refused_as_everywhere(
    folder: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(folder, opening) as journal:
        begin(journal)
        manifest.write(manifest.fold(journal.records), folder / "manifest.json")
    content = (folder / FILE_NAME).read_bytes()
    (folder / FILE_NAME).write_bytes(content.replace(b"gpu", b"cpu"))
    assert attach(folder) == 2
    assert f"runner repair {RUN}" in capsys.readouterr().err


def test_without_a_journal_there_is_nothing_to_follow(
    folder: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(folder, opening) as journal:
        manifest.write(manifest.fold(journal.records), folder / "manifest.json")
    (folder / FILE_NAME).unlink()
    assert attach(folder) == 2
    assert "its journal is not here" in capsys.readouterr().err


def test_what_a_run_that_nobody_carries_on_was_asked_to_take_back_stands_over_that(
    folder: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(folder, opening) as journal:
        begin(journal)
        journal.append(Event.DELETE_INTENT, step="compute", data={"intent": {"name": "gpu"}})
    assert attach(folder) == 9
    said = capsys.readouterr().err
    assert "no process carries run" in said
    assert "not proven gone: compute gpu" in said


def test_a_run_that_lost_its_cloud_from_sight_ends_with_8_here_too(
    folder: Path, opening: Mapping[str, Json], capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(folder, opening) as journal:
        begin(journal)
        journal.append(Event.FAILED, step="compute", data={"error": "HTTP 503", "ended": False})
        end(journal, "interrupted")
    assert attach(folder) == 8
    assert "error: HTTP 503" in capsys.readouterr().err


def test_a_clock_that_was_set_back_makes_no_time_negative() -> None:
    clock = RecordedClock(SystemClock(), "2026-11-21T08:23:00.000Z")
    clock.show("2026-11-21T08:22:00.000Z")
    assert clock.monotonic() == 0
