"""A file on its way: written and digested in a thread of its own, and seen once it is published."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from runner.dataset.pipeline import behind


class Draft:
    """A temporary file beside the one it becomes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = 0
        self._digest = sha256()
        self._temporary = path.with_name(f".{path.name}.part")

    @property
    def sha256(self) -> str:
        """Give the digest of what was written."""
        return self._digest.hexdigest()

    @contextmanager
    def filling(self) -> Iterator[Callable[[bytes], None]]:
        """Take the content piece by piece; all of it is on the disk when the `with` ends."""
        with self._temporary.open("wb", buffering=0) as file:

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

    def discard(self) -> None:
        """Remove what was not published; may be called again."""
        self._temporary.unlink(missing_ok=True)
