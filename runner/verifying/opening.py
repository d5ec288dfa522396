"""Files of a run's folder, opened so that a name in a manifest can lead nowhere else.

Every folder on the way and the file itself are opened one after the other, each without following a link;
only plain files are read. What a manifest names may have been put there by anybody.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_BLOCK = 1 << 20
_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # the last for a FIFO: to open one waits
_FOLDER = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY
_DRIVE = re.compile(r"[A-Za-z]:")
_NO_NAME = "has a name that no file can have"


class Missing(Exception):
    """There is no such file."""


class Refused(Exception):
    """A file that is not read, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What is known of a file without keeping it; `lines` counts the newlines."""

    sha256: str
    bytes: int
    lines: int


def content(folder: Path, name: str, *, at_most: int) -> bytes:
    """Read a file of so many bytes at most. Raises Missing or Refused."""
    with opened(folder, name) as file:
        if os.fstat(file).st_size > at_most:
            raise Refused(f"is larger than {at_most} bytes, as none is that this program writes")
        read = b"".join(_blocks(file, at_most + 1))
    if len(read) > at_most:
        raise Refused("grew while it was read")
    return read


def measured(folder: Path, name: str, *, bytes_expected: int | None = None) -> Measured:
    """Give a file's size and digest, read block by block. Raises Missing or Refused.

    Where the size alone shows that it is another file, that is all that is looked at.
    """
    with opened(folder, name) as file:
        size = os.fstat(file).st_size
        if bytes_expected is not None and size != bytes_expected:
            return Measured(sha256="", bytes=size, lines=0)
        digest, lines, read = hashlib.sha256(), 0, 0
        for block in _blocks(file, size):
            digest.update(block)
            lines += block.count(b"\n")
            read += len(block)
    return Measured(sha256=digest.hexdigest(), bytes=read, lines=lines)


@contextmanager
def opened(folder: Path, name: str) -> Iterator[int]:
    """Open a plain file below a folder, by a name that stays there. Raises Missing or Refused."""
    *folders, last = _parts(name)
    try:
        at = os.open(folder, _FOLDER)
        try:
            for each in folders:
                at = _stepped(at, each)
            file = _plain(at, last)
        finally:
            os.close(at)
    except FileNotFoundError as error:
        raise Missing from error
    except OSError as error:
        raise Refused(f"cannot be opened: {error.strerror}") from error
    except ValueError as error:  # half a character
        raise Refused(_NO_NAME) from error
    try:
        yield file
    finally:
        os.close(file)


def _parts(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or name.startswith("/") or "\\" in name or _DRIVE.match(name):
        raise Refused("has a name that leads out of the run's folder: it is not followed")
    if "\0" in name:
        raise Refused(_NO_NAME)
    return parts


def _stepped(at: int, name: str) -> int:
    """Go one folder further, and let go of the one before."""
    below = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=at)
    os.close(at)
    return below


def _plain(at: int, name: str) -> int:
    """Open a file after a look at what it is: to open a device may do something."""
    if stat.S_ISREG(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
        file = os.open(name, _FILE, dir_fd=at)
        if stat.S_ISREG(os.fstat(file).st_mode):
            return file
        os.close(file)  # another was put in its place meanwhile
    raise Refused("is no plain file (a link is not followed): it is not read")


def _blocks(file: int, at_most: int) -> Iterator[bytes]:
    """Read to the end, or so far: a file that grows meanwhile must not be read for ever."""
    left = at_most
    while left > 0 and (block := os.read(file, min(_BLOCK, left))):
        left -= len(block)
        yield block
