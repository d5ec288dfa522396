"""Runs are found by id, unique prefix, path or `latest`."""

from pathlib import Path

import pytest

from runner import runs
from runner.errors import UsageError


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
