"""Child processes: each has its own group, a log file, and a pipe whose end tells it that we are gone.

A child ends when its standard input does, so that even a kill -9 of the emulator leaves none behind.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

GRACE_SECONDS = 3.0
_ROOT = Path(__file__).resolve().parents[2]


async def start(
    module: str, arguments: Sequence[str], *, log: Path, pipe_output: bool = False
) -> asyncio.subprocess.Process:
    """Start `python -m module`; its errors, and its output unless we read that, are appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-u",
            "-m",
            module,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE if pipe_output else sink,
            stderr=sink,
            env=_environment(),
            start_new_session=True,
        )


async def stop(process: asyncio.subprocess.Process) -> None:
    """End the process and whatever it started; returns when it is gone, may be called twice."""
    if process.returncode is not None:
        return
    try:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE_SECONDS)
    finally:  # also when we are cancelled while we wait
        _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Signal the process and whatever it started; its group may outlive it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _environment() -> dict[str, str]:
    """Let a child find the package where we found it, whatever its working folder."""
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
