"""The journal: on disk before anything goes on, held by one process, without secrets."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from zlib import crc32

import pytest

from runner.clock import SystemClock
from runner.errors import ExitCode, NotWritten, RunHeld, UsageError
from runner.journal import Event, Journal, read
from runner.redact import MASK, redact, register

HOLDER = """
import sys, pathlib
from runner.clock import SystemClock
from runner.journal import Journal
journal = Journal(pathlib.Path(sys.argv[1]), SystemClock(), new=True)
print("held", flush=True)
sys.stdin.read()
"""


def test_what_was_written_is_read_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, SystemClock(), new=True) as journal:
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
    for event, new in ((Event.RUN_OPENED, True), (Event.RUN_CLOSED, False)):
        with Journal(path, SystemClock(), new=new) as journal:
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

    with Journal(path, SystemClock(), new=True) as journal:
        monkeypatch.setattr(os, "fsync", watched)
        journal.append(Event.INTENT, step="compute")
        assert [json.loads(text[9:])["step"] for text in synced] == ["compute"]


def test_the_folder_of_a_new_journal_is_synced_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    sync = os.fsync

    def watched(file: int) -> None:
        synced.append(os.fstat(file).st_ino)
        sync(file)

    monkeypatch.setattr(os, "fsync", watched)
    with Journal(tmp_path / "journal.jsonl", SystemClock(), new=True):
        assert tmp_path.stat().st_ino in synced


def test_only_its_owner_may_read_a_journal(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl", SystemClock(), new=True):
        assert (tmp_path / "journal.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_torn_last_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED)
        journal.append(Event.INTENT, step="compute")
    path.write_bytes(path.read_bytes()[:-1])
    assert [record.event for record in read(path)] == [Event.RUN_OPENED]


@pytest.mark.parametrize("tail", [b'{"seq": 2, "ti', '{"seq": 2, "step": "é'.encode()[:-1]])
def test_a_journal_with_a_torn_last_line_goes_on(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED)
    path.write_bytes(path.read_bytes() + tail)
    assert [record.event for record in read(path)] == [Event.RUN_OPENED]
    with Journal(path, SystemClock(), new=False) as journal:
        journal.append(Event.RUN_CLOSED)
    assert [(record.seq, record.event) for record in read(path)] == [
        (1, Event.RUN_OPENED),
        (2, Event.RUN_CLOSED),
    ]


@pytest.mark.parametrize("call", ["write", "fsync"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_record_that_did_not_reach_the_disk_does_not_spoil_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    path = tmp_path / "journal.jsonl"
    write, sync, fails = os.write, os.fsync, [True]

    def half_written(file: int, content: bytes) -> int:
        if len(content) > 10:
            return write(file, content[:10])
        raise OSError(number, os.strerror(number))

    def unsynced(file: int) -> None:
        if fails.pop() if fails else False:
            raise OSError(number, os.strerror(number))
        sync(file)

    with Journal(path, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED)
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(os, call, {"write": half_written, "fsync": unsynced}[call])
            with pytest.raises(NotWritten, match=rf"{path} cannot be written .*nothing is asked") as caught:
                journal.append(Event.INTENT, step="compute")
        assert os.strerror(number) in caught.value.message
        assert [record.event for record in read(path)] == [Event.RUN_OPENED]
        journal.append(Event.RUN_CLOSED)
        written = journal.records
    assert [(record.seq, record.event) for record in written] == [
        (1, Event.RUN_OPENED),
        (2, Event.RUN_CLOSED),
    ]
    assert read(path) == written


@pytest.mark.parametrize("call", ["ftruncate", "fsync"])
def test_what_cannot_be_cut_off_again_closes_a_journal_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "journal.jsonl"

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with Journal(path, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED)
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(os, "fsync", broken)
            meanwhile.setattr(os, call, broken)
            with pytest.raises(NotWritten, match="Input/output error"):
                journal.append(Event.INTENT, step="compute")
        with pytest.raises(NotWritten, match="an earlier one was lost"):
            journal.append(Event.RUN_CLOSED)
    assert read(path)[0].event is Event.RUN_OPENED


def test_a_journal_that_is_not_there_is_not_made_unless_it_is_new(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be opened"):
        Journal(tmp_path / "journal.jsonl", SystemClock(), new=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("new", [False, True])
def test_a_journal_that_is_a_link_is_not_followed(tmp_path: Path, *, new: bool) -> None:
    (tmp_path / "journal.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="cannot be opened"):
        Journal(tmp_path / "journal.jsonl", SystemClock(), new=new)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "text",
    [
        "a\u2028b",
        "a\u2029b",
        "a\x85b",
        "\ud800",
        'it said "AccountKey=YWJjZGVmZw==" and ended',
        "cut: -----BEGIN PRIVATE KEY-----\nMIIE",
        'x?sig=abc\\"',
    ],
)
def test_any_text_of_a_server_can_be_written_down(tmp_path: Path, text: str) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, SystemClock(), new=True) as journal:
        journal.append(Event.FAILED, data={"error": text})
    assert [record.data for record in read(path)] == [{"error": redact(text)}]


@pytest.mark.parametrize("line", ["{}", "[]", "nonsense", '{"seq": 1, "time": "", "event": "unknown"}'])
def test_a_journal_that_cannot_be_read_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match="is damaged: line 1 "):
        read(path)


def test_a_record_of_a_later_version_is_neither_dropped_nor_damage(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED)
        journal.append(Event.RUN_CLOSED)
    first, last, _ = path.read_bytes().split(b"\n")
    later = last[9:].replace(b"run_closed", b"run_framed")
    path.write_bytes(b"%s\n%08x %s\n" % (first, crc32(later), later))
    for attempt in (lambda: read(path), lambda: Journal(path, SystemClock(), new=False)):
        with pytest.raises(UsageError, match="this version does not know") as caught:
            attempt()
        assert "install" in caught.value.hint
    assert path.read_bytes().endswith(later + b"\n")


def test_a_second_process_is_told_that_the_run_is_held(tmp_path: Path) -> None:
    path = tmp_path / "run-1" / "journal.jsonl"
    path.parent.mkdir()
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunHeld, match="another process holds run run-1") as caught:
            Journal(path, SystemClock(), new=False)
        assert caught.value.exit_code is ExitCode.RUN_HELD
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with Journal(path, SystemClock(), new=False) as journal:
            assert journal.records == ()


def test_secrets_are_written_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    key = register("journal-canary-0123456789")
    with Journal(path, SystemClock(), new=True) as journal:
        journal.append(Event.FAILED, data={"error": f"GET https://store/?sig=canaryshape: {key} refused"})
    assert read(path)[0].data == {"error": f"GET https://store/?sig={MASK} {MASK} refused"}
    assert b"canary" not in path.read_bytes()


def test_a_secret_that_json_writes_otherwise_is_written_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    key = register('quo"ted\\canary')
    with Journal(path, SystemClock(), new=True) as journal:
        journal.append(Event.FAILED, data={"error": key, key: [key]})
    assert read(path)[0].data == {"error": MASK, MASK: [MASK]}
    assert b"canary" not in path.read_bytes()
