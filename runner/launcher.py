"""The emulator's process, from outside: find it, start it, stop it.

It says in `emulator.json` of its state folder where it listens and holds a lock for as long as it lives; a
file without the lock is of one that was killed.
"""

import contextlib
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
from typing import Any

from runner.errors import CloudUnavailable, UsageError
from runner.holder import is_held

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
    return _announced(state) if is_held(state / "emulator.lock") else None


def _announced(state: Path) -> Emulator | None:
    """Read what an emulator says of itself; None while it is only just starting."""
    try:
        said = json.loads((state / "emulator.json").read_text(encoding="utf-8"))
        return _emulator(state, said)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _emulator(state: Path, said: Mapping[str, Any]) -> Emulator:
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
        # Its own word is enough; asking for the lock could take it away from the one that starts.
        found = _announced(state) if process.poll() is None else find(state)
        if found and (found.pid == process.pid or process.poll() is not None):
            return found
        if process.poll() is not None and not is_held(state / "emulator.lock"):
            break
        time.sleep(_PAUSE)
    raise CloudUnavailable("the emulator did not start", hint=f"see {state / 'emulator.log'}")


def stop(emulator: Emulator) -> None:
    """End it and wait until it has; raises CloudUnavailable if it does not go."""
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(emulator.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while is_held(emulator.state / "emulator.lock"):
        if time.monotonic() > deadline:
            raise CloudUnavailable(f"the emulator (process {emulator.pid}) does not end")
        time.sleep(_PAUSE)


def _refuse_without_extra() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the emulator needs packages that are not installed: {', '.join(missing)}",
            hint="pip install 'runner[emulator]', or run on Azure with --target azure",
        )
