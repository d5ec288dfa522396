"""A file on its way: written and digested in a thread of its own, and seen once it is published."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import FileIO
from pathlib import Path

from runner.dataset.pipeline import behind
from runner.errors import RunnerError

_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Draft:
    """A temporary file beside the one it becomes, of one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = 0
        self._digest = sha256()
        self._temporary = path.with_name(f".{path.name}.part")
        self._file: FileIO | None = None

    @property
    def sha256(self) -> str:
        """Give the digest of what was written."""
        return self._digest.hexdigest()

    @contextmanager
    def filling(self) -> Iterator[Callable[[bytes], None]]:
        """Take the content piece by piece; all of it is on the disk when the `with` ends.

        Raises RunnerError where another process is at it.
        """
        file = self._file = _taken(self._temporary)

        def write(piece: bytes) -> None:
            self._digest.update(piece)
            self.bytes += len(piece)
            left = memoryview(piece)
            while left:
                left = left[file.write(left) :]

        with behind(write) as put:
            yield put
        os.fsync(file.fileno())

    def publish(self) -> None:
        """Let the file take its name, in place of an earlier one."""
        self._temporary.replace(self.path)
        self._let_go()

    def discard(self) -> None:
        """Remove what was not published; may be called again."""
        if self._file is not None:
            self._temporary.unlink(missing_ok=True)
            self._let_go()

    def _let_go(self) -> None:
        """Close the file, and with it give back the lock: not before it has its name, or is gone."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _taken(path: Path) -> FileIO:
    """Open a file for this process alone, and empty it: one that was killed may have left something."""
    file = FileIO(os.open(path, _OPEN, 0o666), "r+b")
    if not _is_ours(file, path):
        file.close()
        message = f"another process prepares rows in {path.parent}"
        raise RunnerError(message, hint="wait until it has ended, then try again")
    file.truncate(0)
    return file


def _is_ours(file: FileIO, path: Path) -> bool:
    """Take the lock if nobody has it; whoever had it may have published the file since it was opened here."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False
