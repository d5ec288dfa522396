"""Who works on a run: the lock tells whether anybody does, the journal who said so last."""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from runner.clock import SystemClock
from runner.holder import Holder, is_held, last_holder, may_have_open
from runner.journal import FILE_NAME, Event, Journal, Json, this_process


def test_a_journal_is_held_until_it_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    assert not is_held(path)
    with Journal(path, SystemClock(), new=True):
        assert is_held(path)
    assert not is_held(path)


def test_to_ask_does_not_keep_the_lock(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    Journal(path, SystemClock(), new=True).close()
    assert not is_held(path)
    Journal(path, SystemClock(), new=False).close()


def test_the_last_process_that_said_so_is_the_holder(tmp_path: Path, opening: Mapping[str, Json]) -> None:
    with Journal(tmp_path / FILE_NAME, SystemClock(), new=True) as journal:
        journal.append(Event.RUN_OPENED, data=opening)
        assert last_holder(journal.records) is None
        journal.append(Event.RUN_RESUMED, data={"process": {"pid": 7, "host": "far"}})
        journal.append(Event.RUN_RESUMED, data={"process": this_process()})
        holder = last_holder(journal.records)
    assert holder == Holder(pid=os.getpid(), host=this_process()["host"])
    assert holder.is_here
    assert not Holder(pid=7, host="far").is_here


def test_a_process_that_has_not_opened_the_journal_is_not_its_holder(tmp_path: Path) -> None:
    """Its number may be that of one that has ended."""
    path = tmp_path / FILE_NAME
    with (
        Journal(path, SystemClock(), new=True),
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other,
    ):
        assert may_have_open(os.getpid(), path)
        assert may_have_open(other.pid, path) is not Path("/proc/self/fd").is_dir()
        other.communicate()
        assert not may_have_open(other.pid, path)


def test_a_run_can_be_taken_up_at_the_very_moment_at_which_somebody_asks_whether_it_is_held(
    tmp_path: Path,
) -> None:
    path = tmp_path / FILE_NAME
    Journal(path, SystemClock(), new=True).close()
    with path.open("rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        letting_go = threading.Timer(0.03, fcntl.flock, [asking, fcntl.LOCK_UN])
        letting_go.start()
        Journal(path, SystemClock(), new=False).close()
        letting_go.join()
