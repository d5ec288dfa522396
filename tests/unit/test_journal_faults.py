"""What can go wrong around a journal: a full or broken disk, a file that is not ours, several at once."""

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from runner import manifest
from runner.clock import SystemClock
from runner.errors import NotWritten, RunHeld, UsageError
from runner.journal import Event, Journal, Json, read, this_process

RACER = """
import pathlib, sys, time
from runner.clock import SystemClock
from runner.errors import RunHeld
from runner.journal import Event, Journal
print("ready", flush=True)
sys.stdin.readline()
try:
    with Journal(pathlib.Path(sys.argv[1]), SystemClock(), new=False) as journal:
        journal.append(Event.RUN_RESUMED)
        print("won", flush=True)
        sys.stdin.readline()
except RunHeld:
    print("held", flush=True)
"""


@pytest.fixture
def path(tmp_path: Path, opening: Mapping[str, Json]) -> Path:
    with Journal(tmp_path / "journal.jsonl", SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data={**opening, "process": this_process()})
    return tmp_path / "journal.jsonl"


# --- several at once ----------------------------------------------------------------------------------------


def test_records_of_several_threads_are_all_there_and_in_one_chain(path: Path) -> None:
    with Journal(path, SystemClock(), new=False) as journal:

        def write(name: str) -> None:
            for count in range(10):
                journal.append(Event.OBSERVED, step=name, data={"detail": str(count)})

        threads = [Thread(target=write, args=(name,)) for name in ("compute", "dataset", "endpoint")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(journal.records) == 31
    for name in ("compute", "dataset", "endpoint"):
        told = [record.data["detail"] for record in read(path) if record.step == name]
        assert told == [str(count) for count in range(10)]


def test_of_two_processes_one_has_the_run(path: Path) -> None:
    command = [sys.executable, "-c", RACER, str(path)]
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as one,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other,
    ):
        assert [said_by(each) for each in (one, other)] == ["ready", "ready"]
        for each in (one, other):
            tell(each)
        assert sorted(said_by(each) for each in (one, other)) == ["held", "won"]
    assert [record.event for record in read(path)] == [Event.RUN_OPENED, Event.RUN_RESUMED]


def said_by(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_who_holds_the_run_is_named_even_beside_a_line_that_is_not_whole(path: Path) -> None:
    with Journal(path, SystemClock(), new=False), path.open("ab") as file:
        file.write(b'0a1b2c3d {"seq": 2, "pr')
        file.flush()
        with pytest.raises(RunHeld) as caught:
            Journal(path, SystemClock(), new=False)
        assert [record.event for record in read(path)] == [Event.RUN_OPENED]
    name = f"{path.parent.name}: pid {os.getpid()} on {os.uname().nodename}"
    assert caught.value.message == f"another process holds run {name}"


def test_a_file_that_a_repair_put_in_the_place_is_the_one_that_is_held(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    lock = fcntl.flock

    def replaced_meanwhile(file: int, how: int) -> None:
        if not held:
            copy = path.with_name("copy")
            copy.write_bytes(path.read_bytes())
            copy.replace(path)
        held.append(os.fstat(file).st_ino)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", replaced_meanwhile)
    with Journal(path, SystemClock(), new=False) as journal:
        journal.append(Event.RUN_CLOSED)
    assert len(held) == 2
    assert held[1] == path.stat().st_ino
    assert [record.event for record in read(path)] == [Event.RUN_OPENED, Event.RUN_CLOSED]


# --- a file that is not ours alone --------------------------------------------------------------------------


def linked(path: Path) -> None:
    path.with_name("second").hardlink_to(path)


def symlinked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("way", [read, lambda path: Journal(path, SystemClock(), new=False)])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (linked, "has a second name"),
        (symlinked, "cannot be opened"),
        (folder, "is not a plain file|cannot be opened: Is a directory"),
        (pipe, "is not a plain file"),
        (Path.unlink, "cannot be opened: No such file"),
    ],
)
def test_a_journal_that_is_not_a_file_of_ours_alone_is_refused(
    path: Path, way: Callable[[Path], object], change: Callable[[Path], None], said: str
) -> None:
    change(path)
    with pytest.raises(UsageError, match=said) as caught:
        way(path)
    assert caught.value.hint


def test_a_journal_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(UsageError, match="belongs to another user"):
        Journal(path, SystemClock(), new=False)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP])
def test_where_files_have_no_locks_nothing_is_carried_out(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def without_locks(_file: int, _how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", without_locks)
    with pytest.raises(UsageError, match="its file system has no locks") as caught:
        Journal(path, SystemClock(), new=False)
    assert "--runs-dir" in caught.value.hint


# --- a disk that fails --------------------------------------------------------------------------------------


class Disk:
    """A disk that fails at its nth call, of writes and fsyncs together; if it stays so, at all later ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, failing: int, number: int, stays: bool) -> None:
        self.calls, self.failed = 0, False
        self._failing, self._number, self._stays = failing, number, stays
        self._write, self._sync = os.write, os.fsync
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "fsync", self.fsync)

    def write(self, file: int, content: bytes) -> int:
        if self._fails():
            self._write(file, content[: len(content) // 2])
            raise OSError(self._number, os.strerror(self._number))
        return self._write(file, content)

    def fsync(self, file: int) -> None:
        if self._fails():
            raise OSError(self._number, os.strerror(self._number))
        self._sync(file)

    def _fails(self) -> bool:
        self.calls += 1
        self.failed = self.calls == self._failing or (self._stays and self.failed)
        return self.failed


STORY: tuple[tuple[Event, Mapping[str, Json]], ...] = (
    (Event.STEP_STARTED, {"action": "create", "attempt": 1}),
    (
        Event.INTENT,
        {"action": "create", "intent": {"name": "gpu"}, "kind": "compute", "bills": True, "attempt": 1},
    ),
    (Event.ACKNOWLEDGED, {}),
    (Event.FAILED, {"error": "no quota", "ended": False}),
)


def lived(folder: Path, opening: Mapping[str, Json]) -> Iterator[Event]:
    """Carry a run out, and tell of each record that was acknowledged."""
    with Journal(folder / "journal.jsonl", SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        yield Event.RUN_OPENED
        for event, data in STORY:
            journal.append(event, step="compute", data=data)
            yield event
            manifest.write(manifest.fold(journal.records), folder / "manifest.json")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("stays", [False, True])
def test_a_disk_that_fails_at_any_write_leaves_all_that_was_acknowledged(
    tmp_path: Path, opening: Mapping[str, Json], monkeypatch: pytest.MonkeyPatch, number: int, *, stays: bool
) -> None:
    failing = 0
    while True:
        failing += 1
        run = tmp_path / str(failing)
        run.mkdir()
        acknowledged: list[Event] = []
        with monkeypatch.context() as meanwhile:
            disk = Disk(meanwhile, failing=failing, number=number, stays=stays)
            with suppress(OSError, NotWritten, UsageError):
                acknowledged.extend(lived(run, opening))
        check(run, acknowledged, failing)
        if disk.calls < failing:
            break
    assert failing == 25  # two to begin with, two for each of five records, three for each of four manifests


def check(run: Path, acknowledged: list[Event], failing: int) -> None:
    with Journal(run / "journal.jsonl", SystemClock(), new=False) as journal:
        found = [record.event for record in journal.records]
        assert found[: len(acknowledged)] == acknowledged, failing
        assert len(found) <= len(acknowledged) + 1, failing
        if found:
            journal.append(Event.RUN_CLOSED, data={"status": "failed"})
    if (run / "manifest.json").exists():
        assert manifest.load(run / "manifest.json").run_id
    assert not list(run.glob(".manifest-*")), failing


def test_after_a_disk_error_the_disk_is_read_and_not_believed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel drops what it could not write, and the next fsync says that all is well."""
    with Journal(path, SystemClock(), new=False) as journal:
        sync, failing = os.fsync, [True]

        def loses_what_was_there(file: int) -> None:
            if failing:
                failing.pop()
                with path.open("r+b") as found:
                    found.write(b"\0" * 20)
                raise OSError(errno.EIO, "Input/output error")
            sync(file)

        monkeypatch.setattr(os, "fsync", loses_what_was_there)
        with pytest.raises(NotWritten, match="Input/output error"):
            journal.append(Event.STEP_STARTED, step="compute")
        with pytest.raises(NotWritten, match="an earlier one was lost"):
            journal.append(Event.RUN_CLOSED)


def test_an_interruption_in_the_midst_of_a_record_leaves_none_and_the_journal_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal(path, SystemClock(), new=False) as journal:
        with monkeypatch.context() as meanwhile:
            sync, pressed = os.fsync, [True]

            def interrupted(file: int) -> None:
                if pressed:
                    pressed.pop()
                    raise KeyboardInterrupt
                sync(file)

            meanwhile.setattr(os, "fsync", interrupted)
            with pytest.raises(KeyboardInterrupt):
                journal.append(Event.STEP_STARTED, step="compute")
        journal.append(Event.RUN_CLOSED)
    assert [record.event for record in read(path)] == [Event.RUN_OPENED, Event.RUN_CLOSED]


def test_a_run_without_a_place_to_write_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing/journal\.jsonl cannot be opened"):
        Journal(tmp_path / "missing" / "journal.jsonl", SystemClock(), new=True)
