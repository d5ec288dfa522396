"""A run that a process of its own carries on: it outlives the terminal, and writes into the run's folder."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from runner.errors import RunLeft, UsageError
from runner.journal import FILE_NAME, Event, read

LOG_NAME = "console.log"

_START_SECONDS = 60.0
_PAUSE = 0.1


def carry_on(folder: Path, words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Start `runner resume` on a run, and give its process once it has taken the run up.

    Secrets go on through the environment alone. Raises RunLeft where the process ends before it has begun.
    """
    command = [sys.executable, "-m", "runner", "resume", str(folder.absolute()), *words]
    with _log(folder / LOG_NAME) as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(environment),
            start_new_session=True,
        )
    _wait_until_resumed(folder, process)
    return process.pid


def _log(path: Path) -> BinaryIO:
    """Open what it writes to, for its owner only; never through a link that lies there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.fdopen(os.open(path, flags, 0o600), "ab")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="choose --runs-dir") from error


def _wait_until_resumed(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        ended = process.poll()
        if any(record.event is Event.RUN_RESUMED for record in read(folder / FILE_NAME)):
            return
        if ended is not None:
            raise RunLeft(
                f"the process that was to carry run {folder.name} on has ended at once (exit code {ended})",
                hint=f"see {folder / LOG_NAME}, then runner resume {folder.name}",
            )
        time.sleep(_PAUSE)
