"""Every instant at which a life can end: before and after each call of the cloud, write, sync and rename.

A gate counts them. It shows each one to a watcher, who may take down what is on disk and in the cloud at that
instant; or it kills there, and whatever the dying life still tries is refused, too.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

# How the names of the files begin that take the place of others; chance ends them.
TEMPORARY = (".manifest", ".metrics", ".data-")


class Killed(BaseException):
    """The process is no more; nothing it does from here on may reach the disk or the cloud."""


@dataclass
class Gate:
    """Stands at each boundary of one life, which is `kill_at` boundaries long if that is not 0."""

    watch: Callable[[str], None] = lambda _label: None
    kill_at: int = 0
    passed: int = 0
    dead: bool = False

    def reach(self, label: str) -> None:
        """Come to a boundary. Raises Killed if the life ends here, or has ended."""
        if self.dead:
            raise Killed(label)
        self.passed += 1
        self.watch(label)
        if self.passed == self.kill_at:
            self.dead = True
            raise Killed(label)


Files = Mapping[str, bytes]


@dataclass
class Disk:
    """A folder, and what of it a power loss would leave: contents as last synced, entries as the folder was.

    The folder itself, and what lay in it at first, is taken to be durable.
    """

    folder: Path
    contents: dict[int, bytes] = field(default_factory=dict)
    entries: dict[str, dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in [self.folder, *self.folder.rglob("*")]:
            if path.is_dir():
                self._entries_kept(path)
            else:
                self.contents[path.stat().st_ino] = path.read_bytes()

    def synced(self, path: Path) -> None:
        """Remember that a file, or a folder's entries, were brought to the disk."""
        if path.is_dir():
            self._entries_kept(path)
        elif path.exists():
            self.contents[path.stat().st_ino] = path.read_bytes()

    def now(self) -> Files:
        """Give what every other process sees: this is what a kill leaves."""
        return dict(_contents(str(self.folder), ""))

    def after_power_loss(self) -> Files:
        """Give what a power loss leaves at its worst: nothing that was not synced."""
        return {
            f"{inside}{name}": self.contents.get(inode, b"")
            for inside, entries in self.entries.items()
            for name, inode in entries.items()
        }

    def _entries_kept(self, folder: Path) -> None:
        inside = "" if folder == self.folder else f"{folder.relative_to(self.folder)}/"
        self.entries[inside] = {entry.name: entry.inode() for entry in os.scandir(folder) if entry.is_file()}


def _contents(folder: str, inside: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _contents(entry.path, f"{inside}{entry.name}/")
        else:
            with open(entry.path, "rb") as stream:  # noqa: PTH123 - it is done a hundred thousand times
                yield inside + entry.name, stream.read()


def lay_out(folder: Path, files: Files) -> None:
    """Make a folder that holds exactly these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(content)
        path.chmod(0o600)


@contextmanager
def guarded(folder: Path, gate: Gate, disk: Disk) -> Iterator[None]:
    """Have each change of the folder's files pass the gate.

    The calls of `os` are taken for the whole process and given back at the end.
    """
    guard = _Guard(f"{folder}/", gate, disk)
    with ExitStack() as taken:
        for name in ("write", "fsync", "ftruncate", "truncate", "replace"):
            taken.enter_context(patch.object(os, name, getattr(guard, name)))
        yield


@dataclass
class _Guard:
    """Stands in for the calls of `os` that change files; what is not below `inside` passes."""

    inside: str
    gate: Gate
    disk: Disk
    halved: set[int] = field(default_factory=set)

    _write = staticmethod(os.write)
    _fsync = staticmethod(os.fsync)
    _ftruncate = staticmethod(os.ftruncate)
    _truncate = staticmethod(os.truncate)
    _replace = staticmethod(os.replace)

    def write(self, file: int, content: bytes) -> int:
        """Write in two halves, as a full disk or a signal would have it."""
        path = _path_of(file)
        if not self._is_ours(path):
            return self._write(file, content)
        if file in self.halved:
            self.halved.discard(file)
            written = self._write(file, content)
            self._reach("after writing", path)
            return written
        self._reach("before writing", path)
        self.halved.add(file)
        written = self._write(file, content[: (len(content) + 1) // 2])
        self._reach("amid writing", path)
        return written

    def fsync(self, file: int) -> None:
        path = _path_of(file)
        ours = self._is_ours(path)
        if ours and path.rsplit("/", 1)[1].startswith(
            "."
        ):  # its content may have been written in another way
            self._reach("before syncing", path)
        self._fsync(file)
        if ours:
            self.disk.synced(Path(path))
            self._reach("after syncing", path)

    def ftruncate(self, file: int, length: int) -> None:
        path = _path_of(file)
        if self._is_ours(path) and os.fstat(file).st_size != length:
            self._reach("before truncating", path)
        self._ftruncate(file, length)

    def truncate(self, path: str | Path, length: int) -> None:
        if self._is_ours(str(path)):
            self._reach("before truncating", str(path))
        self._truncate(path, length)

    def replace(self, source: str | Path, target: str | Path) -> None:
        ours = self._is_ours(str(target))
        if ours:
            self._reach("before renaming to", str(target))
        self._replace(source, target)
        if ours:
            self._reach("after renaming to", str(target))

    def _is_ours(self, path: str) -> bool:
        return f"{path}/".startswith(self.inside)

    def _reach(self, doing: str, path: str) -> None:
        """Name the file, without what chance has put into its name."""
        name = path.removeprefix(self.inside.rstrip("/")).removeprefix("/") or "the folder"
        self.gate.reach(f"{doing} {next((each for each in TEMPORARY if name.startswith(each)), name)}")


def _path_of(file: int) -> str:
    return os.readlink(f"/proc/self/fd/{file}")  # noqa: PTH115 - it is done a hundred thousand times
