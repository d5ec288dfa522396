"""The state of the git checkout: one digest for one difference, whatever git is set up to do."""

import subprocess
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from runner import checkout, provenance
from runner.facts import TargetKind
from runner.journal import Json


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.invalid")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)  # noqa: S607 - git is where it is


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder within a checkout, with a file beside it."""
    git(tmp_path, "init", "-q")
    (tmp_path / "configs").mkdir()
    (tmp_path / "a.txt").write_text("one\n")
    (tmp_path / ".gitignore").write_text("*.ignored\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path / "configs"


def state(folder: Path) -> Mapping[str, Json]:
    found = checkout.state(folder)
    assert found
    return found


def test_a_clean_checkout_has_no_difference_and_runs_are_none(folder: Path) -> None:
    (folder.parent / "runs").mkdir()
    (folder.parent / "runs" / "manifest.json").write_text("{}")
    (folder / "x.ignored").write_text("nobody looks")
    assert (state(folder)["dirty"], state(folder)["diff_sha256"]) == (False, None)
    assert checkout.state(folder.parents[1]) is None


def test_runs_are_none_wherever_their_folder_lies(folder: Path) -> None:
    """A project may have its own folder in a checkout, and its runs there."""
    made = folder / "runs" / "20261121T082300Z-small-1a2b"
    made.mkdir(parents=True)
    (made / "manifest.json").write_text("{}")
    (made.parent / ".index.sqlite3").write_text("")
    assert (state(folder)["dirty"], state(folder)["diff_sha256"]) == (False, None)
    (folder.parent / "a.txt").write_text("two\n")
    first = state(folder)["diff_sha256"]
    (made / "manifest.json").write_text("{1}")
    assert state(folder)["diff_sha256"] == first
    (made.parent / "notes.txt").write_text("no run")
    assert state(folder)["diff_sha256"] != first


def test_the_same_difference_has_the_same_digest_and_another_has_another(folder: Path) -> None:
    changed = folder.parent / "a.txt"
    changed.write_text("two\n")
    first = state(folder)["diff_sha256"]
    assert len(first) == 64
    assert state(folder.parent)["diff_sha256"] == first
    changed.write_text("three\n")
    assert state(folder)["diff_sha256"] != first
    changed.write_text("two\n")
    (folder.parent / "runs").mkdir()
    (folder.parent / "runs" / "manifest.json").write_text("{}")
    assert state(folder)["diff_sha256"] == first


def test_files_that_git_does_not_have_count_by_name_and_content(folder: Path) -> None:
    new = folder / "é new.txt"
    new.write_text("one")
    first = state(folder)["diff_sha256"]
    new.write_text("two")
    second = state(folder)["diff_sha256"]
    new.rename(folder / "other.txt")
    (folder / "link").symlink_to("/nowhere")
    assert len({first, second, state(folder)["diff_sha256"], None}) == 4


def test_no_program_that_the_checkout_names_is_run(folder: Path) -> None:
    (folder.parent / ".gitattributes").write_text("*.txt diff=odd\n")
    git(folder, "config", "diff.odd.textconv", f"touch {folder}/ran #")
    git(folder, "config", "diff.external", f"touch {folder}/ran #")
    git(folder, "config", "core.fsmonitor", f"touch {folder}/ran #")
    hook = folder.parent / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {folder}/ran\n")
    hook.chmod(0o755)
    (folder.parent / "a.txt").write_text("two\n")
    assert state(folder)["diff_sha256"]
    assert not (folder / "ran").exists()


def test_what_is_too_much_to_read_has_no_digest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "large.txt").write_text("more than that")
    monkeypatch.setattr(checkout, "_MOST_BYTES", 30)
    assert (state(folder)["dirty"], state(folder)["diff_sha256"]) == (True, None)


def test_what_takes_too_long_to_read_has_no_digest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "large.txt").write_text("more than that")
    minutes = count(step=60)
    monkeypatch.setattr(checkout, "time", SimpleNamespace(monotonic=lambda: next(minutes)))
    assert (state(folder)["dirty"], state(folder)["diff_sha256"]) == (True, None)


def test_the_libraries_of_the_trainer_count_where_it_trains() -> None:
    azure, emulator = (provenance.libraries(kind) for kind in TargetKind)
    assert {"azure-core", "datasets", "mlflow-skinny"} <= set(azure)
    assert set(emulator) - set(azure) == {"torch", "transformers", "peft"}
