"""Runs are found by id, unique prefix, path or `latest`."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner import manifest, runs
from runner.clock import SystemClock
from runner.errors import UsageError
from runner.journal import FILE_NAME, Event, Journal, Json, Record


def kept(runs_folder: Path, *names: str) -> None:
    for name in names:
        (runs_folder / name).mkdir(parents=True)
        (runs_folder / name / "manifest.json").write_text("{}", encoding="utf-8")


@pytest.mark.parametrize("name", ["20261122T1-b-2222", "20261122", "latest"])
def test_a_run_is_found_by_its_id_a_prefix_or_as_the_latest(tmp_path: Path, name: str) -> None:
    kept(tmp_path, "20261121T1-a-1111", "20261122T1-b-2222")
    assert runs.find(tmp_path, name) == tmp_path / "20261122T1-b-2222"


def test_a_run_is_found_by_its_path(tmp_path: Path) -> None:
    kept(tmp_path / "elsewhere", "20261121T1-a-1111")
    folder = tmp_path / "elsewhere" / "20261121T1-a-1111"
    assert runs.find(tmp_path / "runs", str(folder)) == folder


def test_a_run_is_found_by_the_path_of_its_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(tmp_path, "20261121T1-a-1111")
    folder = tmp_path / "20261121T1-a-1111"
    assert runs.find(tmp_path / "runs", str(folder / "manifest.json")) == folder
    monkeypatch.chdir(folder)
    assert runs.find(tmp_path / "runs", "manifest.json") == folder


def test_a_manifest_that_lies_alone_is_read_under_any_name(
    tmp_path: Path, opening: Mapping[str, Json]
) -> None:
    said = manifest.fold(
        [Record(seq=1, time="2026-11-21T08:23:00.000Z", event=Event.RUN_OPENED, data=opening)]
    )
    manifest.write(said, tmp_path / "old.json")
    read, folder = runs.find_manifest(tmp_path / "runs", str(tmp_path / "old.json"))
    assert (read.run_id, folder) == (said.run_id, None)


def test_a_manifest_in_a_runs_folder_means_the_run(tmp_path: Path, opening: Mapping[str, Json]) -> None:
    """Its journal, where there is one, is the truth of it."""
    folder = tmp_path / opening["run_id"]
    folder.mkdir()
    with Journal(folder / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        manifest.write(manifest.fold(journal.records), folder / "manifest.json")
        journal.append(Event.RUN_CLOSED, data={"status": "succeeded"})
    for name in (str(folder), str(folder / "manifest.json")):
        read, found = runs.find_manifest(tmp_path / "runs", name)
        assert (read.status.value, found) == ("succeeded", folder)


def test_an_id_that_begins_another_is_still_an_id(tmp_path: Path) -> None:
    kept(tmp_path, "run", "run-2")
    assert runs.find(tmp_path, "run") == tmp_path / "run"


def test_a_prefix_of_several_runs_names_them(tmp_path: Path) -> None:
    kept(tmp_path, "20261121T1-a-1111", "20261121T2-a-2222")
    with pytest.raises(UsageError, match="could be any of 20261121T1-a-1111, 20261121T2-a-2222") as caught:
        runs.find(tmp_path, "2026")
    assert caught.value.hint == "give more of the run's id"


@pytest.mark.parametrize("name", ["latest", "2026", "../runs", "a\x00b", "x" * 300])
def test_a_run_that_is_not_there_is_said_to_be_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="there is no run") as caught:
        runs.find(tmp_path / "runs", name)
    assert "holds no runs" in caught.value.hint


def test_a_folder_without_a_manifest_is_no_run(tmp_path: Path) -> None:
    kept(tmp_path, "20261121T1-a-1111")
    (tmp_path / "20261122T1-b-2222").mkdir()
    assert runs.find(tmp_path, "latest").name == "20261121T1-a-1111"


def test_a_run_is_found_by_its_journal_alone(tmp_path: Path) -> None:
    kept(tmp_path, "20261121T082300Z-a-1111")
    crashed = tmp_path / "20261122T082300Z-b-2222"
    crashed.mkdir()
    (crashed / "journal.jsonl").write_bytes(b"whatever\n")
    for name in ("latest", "20261122", str(crashed)):
        assert runs.find(tmp_path, name) == crashed


@pytest.mark.parametrize("content", [None, b"", b'0a1b2c3d {"seq": 1, "ti'])
def test_a_run_that_never_began_is_said_to_have_made_nothing(tmp_path: Path, content: bytes | None) -> None:
    folder = tmp_path / "20261122T082300Z-b-2222"
    folder.mkdir()
    if content is not None:
        (folder / "journal.jsonl").write_bytes(content)
    for name in (folder.name, str(folder), *(() if content is None else ("latest", "2026"))):
        with pytest.raises(UsageError, match=rf"run {folder.name} never began: nothing was made") as caught:
            runs.find(tmp_path, name)
        assert caught.value.hint == "run the recipe again: runner run RECIPE"


def test_a_run_whose_journal_is_lost_but_for_its_manifest_did_begin(tmp_path: Path) -> None:
    kept(tmp_path, "20261122T082300Z-b-2222")
    (tmp_path / "20261122T082300Z-b-2222" / "journal.jsonl").write_bytes(b"")
    assert runs.find(tmp_path, "latest").name == "20261122T082300Z-b-2222"


def test_the_folder_of_a_new_run_is_brought_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino))
    runs.create(tmp_path, "run-1")
    assert tmp_path.stat().st_ino in synced


@pytest.mark.parametrize("missing", ["", "new/deeper"])
def test_where_nothing_can_be_written_is_told_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)
    with pytest.raises(UsageError, match="cannot write to") as caught:
        runs.check(tmp_path / missing)
    assert caught.value.hint == "choose --runs-dir"
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_runs_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot write to"):
        runs.check(tmp_path / "runs")
    runs.check(tmp_path / "others")
    assert not (tmp_path / "others").exists()


def test_only_its_owner_may_look_into_a_run(tmp_path: Path) -> None:
    assert runs.create(tmp_path / "new" / "runs", "run-1").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("taken", ["runs", "runs/run-1"])
def test_what_is_in_the_way_of_a_run_is_told(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).parent.mkdir(exist_ok=True)
    (tmp_path / taken).write_text("a file", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot write to") as caught:
        runs.create(tmp_path / "runs", "run-1")
    assert caught.value.hint == "choose --runs-dir"


def test_an_empty_name_is_no_prefix_of_all(tmp_path: Path) -> None:
    kept(tmp_path, "20261121T1-a-1111")
    with pytest.raises(UsageError, match="a run's name is empty"):
        runs.find(tmp_path, "")


def test_the_beginning_of_a_sweeps_id_is_told_to_be_one(tmp_path: Path) -> None:
    folder = tmp_path / "20261121T082300Z-small-1a2b"
    folder.mkdir()
    (folder / runs.SWEEP_FILE).touch()
    with pytest.raises(UsageError, match=f"{folder.name} is a sweep of several runs"):
        runs.find(tmp_path, "20261121")
