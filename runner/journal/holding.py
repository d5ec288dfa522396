"""A journal's file: only a plain one of our own is opened, and one process at a time may hold it."""

import errno
import fcntl
import os
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from runner.durable import sync_folder, write_all
from runner.errors import RunHeld, UsageError
from runner.journal.lines import LineError, parsed
from runner.journal.records import TELL_THE_HOLDER, Record

_READ = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # the last for a FIFO: to open one would wait
_HOLD = _READ | os.O_RDWR | os.O_APPEND
_WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_TRIES = 10
_LOCK_TRIES, _LOCK_PAUSE = 10, 0.01
_PIECE = 1 << 20


def opened_to_hold(path: Path, *, new: bool) -> int:
    """Open a journal and hold it. Raises RunHeld if another process does, UsageError if it cannot be held."""
    for _ in range(_TRIES):
        file = _opened(path, _HOLD | (os.O_CREAT if new else 0))
        try:
            _hold(file, path)
            if _is_still(file, path):
                _check_ours(file, path)
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # a repair has put another file in its place meanwhile
    raise RunHeld(f"run {path.parent.name} is being repaired", hint="wait until that ends")


def replaced(path: Path, content: bytes) -> int:
    """Put a new file in a journal's place, held before it has the name. Give the open file."""
    file, name = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    try:
        hold(file)
        write_all(file, content)
        os.fsync(file)
        Path(name).replace(path)
        sync_folder(path.parent)
    except BaseException:
        os.close(file)
        Path(name).unlink(missing_ok=True)
        raise
    return file


def content(path: Path) -> bytes:
    """Read a journal's file without holding it. Raises UsageError."""
    file = _opened(path, _READ | os.O_RDONLY)
    try:
        _check_ours(file, path)
        return content_of(file)
    finally:
        os.close(file)


def content_of(file: int) -> bytes:
    """Read all of an open file, wherever it stands."""
    pieces: list[bytes] = []
    while piece := os.pread(file, _PIECE, sum(map(len, pieces))):
        pieces.append(piece)
    return b"".join(pieces)


def hold(file: int) -> None:
    """Hold an open file, or raise BlockingIOError."""
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _opened(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be opened: {error.strerror}",
            hint="a run's journal stays on the machine that ran it, with its owner; it is not in git",
        ) from error


def _hold(file: int, path: Path) -> None:
    try:
        _hold_patiently(file)
    except BlockingIOError as error:
        raise RunHeld(
            f"another process holds run {path.parent.name}{_holder(file)}",
            hint=f"runner attach {path.parent.name} follows it; runner cancel {path.parent.name} ends it",
        ) from error
    except OSError as error:
        locks = "has no locks" if error.errno in _WITHOUT_LOCKS else "gave no lock"
        raise UsageError(
            f"{path} cannot be held: its file system {locks} ({error.strerror})",
            hint="two processes might carry out one run: choose --runs-dir on a disk of this machine",
        ) from error


def _hold_patiently(file: int) -> None:
    """Hold it, or raise BlockingIOError; who only asks whether it is held has it for a moment, too."""
    for _ in range(_LOCK_TRIES):
        with suppress(BlockingIOError):
            hold(file)
            return
        time.sleep(_LOCK_PAUSE)
    hold(file)


def _holder(file: int) -> str:
    """Name the process that opened or resumed the run last, as far as the journal tells."""
    said = [_process(line) for line in content_of(file).split(b"\n")]
    return next((each for each in reversed(said) if each), "")


def _process(line: bytes) -> str:
    try:
        record: Record = parsed(line).record
    except (LineError, UsageError):
        return ""
    process = record.data.get("process")
    if record.event not in TELL_THE_HOLDER or not isinstance(process, dict):
        return ""
    return f": pid {process.get('pid')} on {process.get('host')}"


def _is_still(file: int, path: Path) -> bool:
    """Tell whether the file that was opened is the one of that name."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path, follow_symlinks=False))  # noqa: PTH116
    except FileNotFoundError:
        return False


def _check_ours(file: int, path: Path) -> None:
    found = os.fstat(file)
    refusals = {
        "is not a plain file": not stat.S_ISREG(found.st_mode),
        "belongs to another user": found.st_uid != os.geteuid(),
        "has a second name (a hard link), by which it may be changed": found.st_nlink > 1,
    }
    for reason, applies in refusals.items():
        if applies:
            raise UsageError(
                f"{path} {reason}",
                hint="it has to be a file of its owner alone: look how that came to be, and copy it back",
            )
