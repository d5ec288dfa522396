"""A file as far as it has come: the bytes in a sparse file, and beside it which of them they are.

Several processes may use one at a time. Bytes are added only by who holds the lock, and what a process has
noted stays true whatever ends it: the bytes reach the disk before the note does.
"""

import fcntl
import hashlib
import json
import os
from contextlib import suppress
from itertools import pairwise
from pathlib import Path, PurePosixPath

from runner.dataset.fetching.held import Held
from runner.dataset.fetching.remote import Remote
from runner.durable import replace_file

_FORMAT = 1
_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_OURS_ALONE = 0o600
_BLOCK = 1024 * 1024
_DIGEST = "sha256:"


class Kept:
    """The part of a remote file that is here. Of one thread; another opens its own."""

    def __init__(self, remote: Remote, cache: Path) -> None:
        suffix = PurePosixPath(remote.name).suffix
        key = hashlib.sha256(f"{remote.identity}\n{suffix}".encode()).hexdigest()[:32]
        folder = cache / "files" / key
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / f"content{suffix}"
        self.held = Held()
        self.verified = False
        self._note = folder / "held.json"
        self._size = remote.size
        self._identity = remote.identity
        self._lock = os.open(folder / "lock", _OPEN, _OURS_ALONE)
        self._file = os.open(self.path, _OPEN, _OURS_ALONE)
        self.look()

    def close(self) -> None:
        """Let go of the files; may be called again."""
        for handle in (self._file, self._lock):
            with suppress(OSError):
                os.close(handle)
        self._file = self._lock = -1

    def look(self) -> None:
        """See what is held by now; nothing is where the note cannot be believed."""
        if not _is_same(self._file, self.path):
            os.close(self._file)
            self._file = os.open(self.path, _OPEN, _OURS_ALONE)
        self.held, self.verified = self._noted() if os.fstat(self._file).st_size == self._size else _NOTHING

    def lock(self) -> bool:
        """Take the lock if nobody has it, and see what is held by now."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self.look()
        if not self.held.spans:
            os.ftruncate(self._file, 0)
            os.ftruncate(self._file, self._size)
        return True

    def unlock(self) -> None:
        """Give the lock back."""
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    def read(self, first: int, past: int) -> bytes:
        """Give bytes that are held."""
        pieces: list[bytes] = []
        while first < past and (piece := os.pread(self._file, past - first, first)):
            pieces.append(piece)
            first += len(piece)
        return b"".join(pieces)

    def write(self, first: int, content: bytes) -> None:
        """Add bytes; they are noted by `note`."""
        past = first + len(content)
        while content:
            written = os.pwrite(self._file, content, past - len(content))
            content = content[written:]
        self.held = self.held.adding(first, past)

    def note(self) -> None:
        """Bring what is held to the disk, and then that it is."""
        os.fsync(self._file)
        content = {
            "format": _FORMAT,
            "identity": self._identity,
            "size": self._size,
            "held": self.held.spans,
            "verified": self.verified,
        }
        replace_file(self._note, json.dumps(content).encode())

    def is_whole(self) -> bool:
        """Tell whether every byte is held."""
        return self.held.gap(0, self._size) is None

    def is_sound(self) -> bool:
        """Tell whether the whole content is what its identity says, if that says it. Reads all of it."""
        wanted = self._identity.removeprefix(_DIGEST)
        if wanted == self._identity:
            return True
        digest = hashlib.sha256()
        for first in range(0, self._size, _BLOCK):
            digest.update(self.read(first, min(first + _BLOCK, self._size)))
        return digest.hexdigest() == wanted

    def discard(self) -> None:
        """Hold nothing any more. Who still reads the earlier file reads on in it."""
        self._note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        self.look()

    def _noted(self) -> tuple[Held, bool]:
        try:
            said = json.loads(self._note.read_bytes())
            wanted = (_FORMAT, self._identity, self._size)
            if (said["format"], said["identity"], said["size"]) != wanted:
                return _NOTHING
            spans = tuple((first, past) for first, past in said["held"])
            return (Held(spans), said["verified"] is True) if self._is_sense(spans) else _NOTHING
        except (OSError, ValueError, KeyError, TypeError):
            return _NOTHING

    def _is_sense(self, spans: tuple[tuple[object, object], ...]) -> bool:
        places = [place for span in spans for place in span]
        numbers = [place for place in places if type(place) is int]
        rising = all(before < after for before, after in pairwise(numbers))
        return len(numbers) == len(places) and rising and all(0 <= each <= self._size for each in numbers)


_NOTHING = (Held(), False)


def _is_same(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path, follow_symlinks=False))  # noqa: PTH116
    except FileNotFoundError:
        return False
