"""The emulator's process, seen from outside: found by its lock, stopped by a signal."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner import launcher
from runner.errors import CloudUnavailable, UsageError

# Holds the lock like the emulator does, and ends at SIGTERM like it.
STAND_IN = """
import fcntl, signal, sys
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(state: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", STAND_IN, str(state / "emulator.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def announce(state: Path, pid: int) -> None:
    said = {
        "pid": pid,
        "base_url": "https://127.0.0.1:4433",
        "env": {"A": "b"},
        "ca_file": "/state/authority.pem",
        "test_mode": False,
        "started_at": "2026-11-21T08:23:00Z",
    }
    (state / "emulator.json").write_text(json.dumps(said), encoding="utf-8")


def test_where_no_emulator_ever_ran_none_is_found(tmp_path: Path) -> None:
    assert launcher.find(tmp_path / "nothing") is None


def test_a_running_emulator_is_found(tmp_path: Path) -> None:
    with holding(tmp_path) as process:
        announce(tmp_path, process.pid)
        found = launcher.find(tmp_path)
    assert found is not None
    assert (found.pid, found.address, found.environment, found.authority) == (
        process.pid,
        "https://127.0.0.1:4433",
        {"A": "b"},
        "/state/authority.pem",
    )


def test_one_that_is_only_just_starting_is_not_found_yet(tmp_path: Path) -> None:
    with holding(tmp_path):
        assert launcher.find(tmp_path) is None


def test_what_a_killed_emulator_left_behind_is_none(tmp_path: Path) -> None:
    with holding(tmp_path) as process:
        announce(tmp_path, process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert launcher.find(tmp_path) is None


def test_a_stopped_emulator_has_ended(tmp_path: Path) -> None:
    with holding(tmp_path) as process:
        announce(tmp_path, process.pid)
        found = launcher.find(tmp_path)
        assert found is not None
        launcher.stop(found)
        assert process.wait(5) == 0
        assert launcher.find(tmp_path) is None


def test_a_process_that_ends_before_it_listens_is_told_with_its_log(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        with pytest.raises(CloudUnavailable, match="did not start") as caught:
            launcher.wait_until_up(tmp_path, process)
    assert caught.value.hint == f"see {tmp_path / 'emulator.log'}"


def test_another_that_won_the_race_for_the_folder_is_as_good(tmp_path: Path) -> None:
    with holding(tmp_path) as winner, subprocess.Popen([sys.executable, "-c", ""]) as loser:
        loser.wait()
        announce(tmp_path, winner.pid)
        assert launcher.wait_until_up(tmp_path, loser).pid == winner.pid


def test_packages_that_are_missing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "_NEEDED", ("json", "no_such_package"))
    with pytest.raises(UsageError, match=r"not installed: no_such_package$") as caught:
        launcher.spawn(tmp_path / "state", idle_timeout=1)
    assert "pip install 'runner[emulator]'" in caught.value.hint
    assert not (tmp_path / "state").exists()


def test_one_that_has_just_ended_by_itself_is_stopped(tmp_path: Path) -> None:
    with holding(tmp_path) as process:
        announce(tmp_path, process.pid)
        found = launcher.find(tmp_path)
        process.terminate()
        process.wait()
    assert found is not None
    launcher.stop(found)
