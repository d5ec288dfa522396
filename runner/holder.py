"""Who works on a run: whether a process holds its journal, and which one last said that it does."""

import contextlib
import fcntl
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event as StopEvent

from runner.clock import Clock
from runner.errors import RunHeld
from runner.journal import TELL_THE_HOLDER, Record, this_process

# A process that is asked to end stops waiting at once; only a request under way may take this long.
END_SECONDS = 120.0
_PAUSE = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """A process by its number, and the machine it is on."""

    pid: int
    host: str

    @property
    def is_here(self) -> bool:
        """Tell whether it is on this machine, where it can be asked to end."""
        return self.host == str(this_process()["host"])

    def __str__(self) -> str:
        """Name it for people."""
        return f"process {self.pid} on {self.host}"


def is_held(file: Path) -> bool:
    """Tell whether a process holds a file, such as a run's journal; False where there is none.

    Where nobody does, the question itself takes the lock for a moment: ask once, not again and again.
    """
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def last_holder(records: Sequence[Record]) -> Holder | None:
    """Give the process that last opened or resumed the run; None where the journal does not tell."""
    told = [record.data.get("process") for record in records if record.event in TELL_THE_HOLDER]
    process = told[-1] if told else None
    return Holder(pid=int(process["pid"]), host=str(process["host"])) if process else None


def may_have_open(pid: int, journal: Path) -> bool:
    """Tell whether a process of this machine may be the one that holds a journal.

    Its number may have gone to another process since. Where the kernel lists a process's files, it has to
    have this one open; elsewhere it is enough that it lives.
    """
    files = Path(f"/proc/{pid}/fd")
    try:
        if not Path("/proc/self/fd").is_dir():
            os.kill(pid, 0)
            return True
        return any(_is_same(file, journal) for file in files.iterdir())
    except OSError:  # it has ended, or is somebody else's
        return False


def end(file: Path, held: str, holder: Callable[[], Holder | None], clock: Clock) -> None:
    """Ask the process that holds a file to end, and wait. Raises RunHeld where that cannot be done.

    `held` is the run, or the sweep, that the file is of; `holder` tells which process took it last.
    """
    if not is_held(file):
        return
    found = holder()
    if found is None:
        raise RunHeld(f"another process holds {held}", hint="end it, and cancel again")
    if not found.is_here:
        raise RunHeld(f"{found} holds {held}", hint=f"cancel it there: on {found.host}")
    if not may_have_open(found.pid, file):
        raise RunHeld(
            f"another process than {found}, which wrote last, holds {held}",
            hint="a down, a repair or a gc may be at work: wait until it ends, and cancel again",
        )
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(found.pid, signal.SIGTERM)
    _wait_for(file, held, found, clock)


def _wait_for(file: Path, held: str, found: Holder, clock: Clock) -> None:
    deadline = clock.monotonic() + END_SECONDS
    while is_held(file):
        if clock.monotonic() > deadline:
            raise RunHeld(
                f"{found} was asked to end {END_SECONDS:.0f} s ago and still holds {held}",
                hint=f"it may be cancelling it itself: wait until it ends; runner show {file.parent.name}"
                " tells how it stands",
            )
        clock.wait(_PAUSE, StopEvent())


def _is_same(file: Path, journal: Path) -> bool:
    try:
        return file.samefile(journal)
    except OSError:  # closed meanwhile, or no file at all
        return False
