"""One process at a time carries a sweep out: the kernel lets go of it, however the process ends."""

import fcntl
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from runner.durable import write_all
from runner.errors import RunHeld, UsageError
from runner.holder import Holder
from runner.journal import this_process

FILE_NAME = "sweep.lock"
_TRIES, _PAUSE = 10, 0.01


class Hold:
    """Holds a sweep while the block runs, and says which process does."""

    def __init__(self, folder: Path) -> None:
        """Raise RunHeld if another process holds it."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._file = os.open(folder / FILE_NAME, flags, 0o600)
        except OSError as error:
            raise UsageError(f"{folder / FILE_NAME} cannot be opened: {error.strerror}") from error
        try:
            _hold_patiently(self._file)
            os.ftruncate(self._file, 0)
            write_all(self._file, json.dumps(dict(this_process())).encode())
        except BlockingIOError as error:
            os.close(self._file)
            raise RunHeld(
                f"{holder_of(folder) or 'another process'} carries out sweep {folder.name}",
                hint=f"wait until it ends; runner cancel {folder.name} ends it",
            ) from error
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


def holder_of(folder: Path) -> Holder | None:
    """Give the process that held a sweep last; None where that cannot be told."""
    try:
        said = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        return Holder(pid=int(said["pid"]), host=str(said["host"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _hold_patiently(file: int) -> None:
    """Hold it, or raise BlockingIOError; who only asks whether it is held has it for a moment, too."""
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_PAUSE)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
