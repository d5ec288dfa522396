"""Whole `runner` commands at the price of a fork: the parent has imported the SDK, the child runs a command.

The child is a process like any other: it has a process id, signals of its own and a working folder, and it
can be killed. Each write, sync, truncation and rename in the folder of its runs is counted, and it may be
told to kill itself at one of them.
"""

import itertools
import os
import signal
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_CALLS = ("write", "fsync", "ftruncate", "replace")
_PAUSE = 0.01
_LIMIT = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Doomed:
    """Which change of a file the process does not survive; the call itself is made before it, or not."""

    nth: int
    after: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """A command that has ended: its exit code or, negative, the signal that ended it."""

    code: int
    said: str
    changes: int

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL


def forked(
    words: Sequence[str],
    folder: Path,
    *,
    environment: Mapping[str, str],
    doomed: Doomed | None = None,
    prepare: Callable[[int], None] = lambda _pid: None,
) -> Life:
    """Run a command in a folder to its end. `prepare` is called with its process id before it begins."""
    waiting, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(go)
        os.read(waiting, 1)
        _run(words, folder, environment, doomed)
    os.close(waiting)
    prepare(pid)
    os.close(go)
    code = _ended(pid)
    said = (folder / "said.txt").read_text(encoding="utf-8", errors="replace")
    counted = folder / "changes.txt"
    changes = int(counted.read_text(encoding="utf-8")) if counted.exists() else 0
    counted.unlink(missing_ok=True)
    return Life(code=code, said=said, changes=changes)


def _ended(pid: int) -> int:
    deadline = time.monotonic() + _LIMIT
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(_PAUSE)
    os.kill(pid, signal.SIGABRT)
    os.waitpid(pid, 0)
    raise TimeoutError(f"process {pid} took longer than {_LIMIT} seconds")


def _run(words: Sequence[str], folder: Path, environment: Mapping[str, str], doomed: Doomed | None) -> None:
    """Be the child: never returns."""
    code = 99
    try:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        out = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        warnings.simplefilter("ignore")
        counted = _watched(str(folder / "runs"), doomed)
        from runner import cli  # noqa: PLC0415 - the parent has imported it

        code = cli.main(list(words))
        Path("changes.txt").write_text(str(next(counted)), encoding="utf-8")
    finally:
        os._exit(code)


def _watched(inside: str, doomed: Doomed | None) -> "itertools.count[int]":
    """Have each change of a file below a folder counted, and die at the one that is meant."""
    counted = itertools.count()

    def watched(true: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object) -> object:
            path = _path_of(given[0]) if isinstance(given[0], int) else str(given[-1])
            # The call that is meant is told by its number: each thread's calls get numbers of their own.
            number = next(counted) + 1 if path.startswith(inside) else 0
            if doomed and number == doomed.nth and not doomed.after:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = true(*given)
            if doomed and number == doomed.nth:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return call

    for name in _CALLS:
        setattr(os, name, watched(getattr(os, name)))
    return counted


def _path_of(file: int) -> str:
    return os.readlink(f"/proc/self/fd/{file}")  # noqa: PTH115 - what a Path makes of it is not the same
