"""The journal: on disk before anything goes on, held by one process, without secrets."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runner.clock import SystemClock
from runner.errors import ExitCode, RunHeld, UsageError
from runner.journal import Event, Journal, read
from runner.redact import MASK, register

HOLDER = """
import sys, pathlib
from runner.clock import SystemClock
from runner.journal import Journal
journal = Journal(pathlib.Path(sys.argv[1]), SystemClock())
print("held", flush=True)
sys.stdin.read()
"""


def test_what_was_written_is_read_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, SystemClock()) as journal:
        journal.append(Event.RUN_OPENED, data={"run_id": "é 漢字\n"})
        journal.append(Event.INTENT, step="compute", data={"intent": {"name": "gpu"}})
        written = journal.records
    assert read(path) == written
    assert [(record.seq, record.event, record.step) for record in written] == [
        (1, Event.RUN_OPENED, ""),
        (2, Event.INTENT, "compute"),
    ]


def test_a_journal_that_is_opened_again_goes_on_counting(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    for event in (Event.RUN_OPENED, Event.RUN_CLOSED):
        with Journal(path, SystemClock()) as journal:
            journal.append(event)
    assert [(record.seq, record.event) for record in read(path)] == [
        (1, Event.RUN_OPENED),
        (2, Event.RUN_CLOSED),
    ]


def test_a_record_is_synced_to_the_disk_before_append_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    synced: list[str] = []
    sync = os.fsync

    def watched(file: int) -> None:
        sync(file)
        if os.fstat(file).st_ino == path.stat().st_ino:
            synced.append(path.read_text(encoding="utf-8"))

    with Journal(path, SystemClock()) as journal:
        monkeypatch.setattr(os, "fsync", watched)
        journal.append(Event.INTENT, step="compute")
        assert [json.loads(text)["step"] for text in synced] == ["compute"]


def test_the_folder_of_a_new_journal_is_synced_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    sync = os.fsync

    def watched(file: int) -> None:
        synced.append(os.fstat(file).st_ino)
        sync(file)

    monkeypatch.setattr(os, "fsync", watched)
    with Journal(tmp_path / "journal.jsonl", SystemClock()):
        assert tmp_path.stat().st_ino in synced


def test_only_its_owner_may_read_a_journal(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl", SystemClock()):
        assert (tmp_path / "journal.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_torn_last_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, SystemClock()) as journal:
        journal.append(Event.RUN_OPENED)
        journal.append(Event.INTENT, step="compute")
    path.write_bytes(path.read_bytes()[:-1])
    assert [record.event for record in read(path)] == [Event.RUN_OPENED]


@pytest.mark.parametrize("line", ["{}", "[]", "nonsense", '{"seq": 1, "time": "", "event": "unknown"}'])
def test_a_journal_that_cannot_be_read_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match="not a journal"):
        read(path)


def test_a_second_process_is_told_that_the_run_is_held(tmp_path: Path) -> None:
    path = tmp_path / "run-1" / "journal.jsonl"
    path.parent.mkdir()
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunHeld, match="another process holds run run-1") as caught:
            Journal(path, SystemClock())
        assert caught.value.exit_code is ExitCode.RUN_HELD
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with Journal(path, SystemClock()) as journal:
            assert journal.records == ()


def test_secrets_are_written_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    key = register("journal-canary-0123456789")
    with Journal(path, SystemClock()) as journal:
        journal.append(Event.FAILED, data={"error": f"GET https://store/?sig=canaryshape: {key} refused"})
    assert read(path)[0].data == {"error": f"GET https://store/?sig={MASK} {MASK} refused"}
    assert b"canary" not in path.read_bytes()
