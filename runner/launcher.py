"""The emulator's process, from outside: find it, start it, stop it.

It says in `emulator.json` of its state folder where it listens and holds a lock for as long as it lives; a
file without the lock is of one that was killed.
"""

import fcntl
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.errors import CloudUnavailable, UsageError

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_PAUSE = 0.02
_NEEDED = ("starlette", "uvicorn", "cryptography", "torch", "transformers", "peft")


@dataclass(frozen=True, kw_only=True, slots=True)
class Emulator:
    """A running emulator. `environment` is what makes the SDK, or any script, talk to it.

    Its certificate bundle holds the public roots too; `authority` is the file of the emulator's own alone.
    """

    state: Path
    pid: int
    address: str
    environment: Mapping[str, str]
    authority: str
    test_mode: bool
    started_at: str


def find(state: Path) -> Emulator | None:
    """Find the emulator that runs on this state folder."""
    if not _is_held(state / "emulator.lock"):
        return None
    try:
        said = json.loads((state / "emulator.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # it is only just starting
    return Emulator(
        state=state,
        pid=said["pid"],
        address=said["base_url"],
        environment=said["env"],
        authority=said["ca_file"],
        test_mode=said["test_mode"],
        started_at=said["started_at"],
    )


def spawn(state: Path, *, idle_timeout: int, test_mode: bool = False) -> subprocess.Popen[bytes]:
    """Begin to start one; it outlives this process. `wait_until_up` tells when it can be used."""
    _refuse_without_extra()
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "runner.emulator", "--state", str(state)]
    command += ["--idle-timeout", str(idle_timeout), *(["--test-mode"] if test_mode else [])]
    with (state / "emulator.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def wait_until_up(state: Path, process: subprocess.Popen[bytes]) -> Emulator:
    """Wait for an emulator that `spawn` began; if another won the race for the folder, it is that one."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        found = find(state)
        if found:
            return found
        if process.poll() is not None and not _is_held(state / "emulator.lock"):
            break
        time.sleep(_PAUSE)
    raise CloudUnavailable("the emulator did not start", hint=f"see {state / 'emulator.log'}")


def stop(emulator: Emulator) -> None:
    """End it and wait until it has; raises CloudUnavailable if it does not go."""
    os.kill(emulator.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while _is_held(emulator.state / "emulator.lock"):
        if time.monotonic() > deadline:
            raise CloudUnavailable(f"the emulator (process {emulator.pid}) does not end")
        time.sleep(_PAUSE)


def _is_held(lock: Path) -> bool:
    try:
        handle = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _refuse_without_extra() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the emulator needs packages that are not installed: {', '.join(missing)}",
            hint="pip install 'runner[emulator]', or run on Azure with --target azure",
        )
