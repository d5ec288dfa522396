"""Every instant at which a life can end: before and after each call of the cloud, each write, sync and rename.

A gate counts them. It shows each one to a watcher, who may take down what is on disk and in the cloud at that
instant; or it kills there, and whatever the dying life still tries is refused, too.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


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
    """A folder, and what of it a power loss would leave: contents since their sync, entries since the folder's.

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
    """Have each change of the folder's files pass the gate; a write comes in two halves.

    The calls of `os` are taken for the whole process and given back at the end.
    """
    true = {name: getattr(os, name) for name in ("write", "fsync", "ftruncate", "truncate", "replace")}
    inside = str(folder) + "/"
    halved: set[int] = set()

    def path_of(file: int) -> str:
        return os.readlink(f"/proc/self/fd/{file}")

    def write(file: int, content: bytes) -> int:
        path = path_of(file)
        if not path.startswith(inside):
            return int(true["write"](file, content))
        if file in halved:  # the other half of what was begun
            halved.discard(file)
            written = int(true["write"](file, content))
            gate.reach(f"after writing {_short(path, inside)}")
            return written
        gate.reach(f"before writing {_short(path, inside)}")
        halved.add(file)
        written = int(true["write"](file, content[: (len(content) + 1) // 2]))
        gate.reach(f"amid writing {_short(path, inside)}")
        return written

    def fsync(file: int) -> None:
        path = path_of(file)
        ours = path.startswith(inside) or path + "/" == inside
        if ours and path.rsplit("/", 1)[1].startswith("."):  # content written by a buffer's own way
            gate.reach(f"before syncing {_short(path, inside)}")
        true["fsync"](file)
        if ours:
            disk.synced(Path(path))
            gate.reach(f"after syncing {_short(path, inside)}")

    def ftruncate(file: int, length: int) -> None:
        path = path_of(file)
        if path.startswith(inside) and os.fstat(file).st_size != length:
            gate.reach(f"before truncating {_short(path, inside)}")
        true["ftruncate"](file, length)

    def truncate(path: str | Path, length: int) -> None:
        if str(path).startswith(inside):
            gate.reach(f"before truncating {_short(str(path), inside)}")
        true["truncate"](path, length)

    def replace(source: str | Path, target: str | Path) -> None:
        ours = str(target).startswith(inside)
        if ours:
            gate.reach(f"before renaming to {_short(str(target), inside)}")
        true["replace"](source, target)
        if ours:
            gate.reach(f"after renaming to {_short(str(target), inside)}")

    made = {"write": write, "fsync": fsync, "ftruncate": ftruncate, "truncate": truncate, "replace": replace}
    for name, guard in made.items():
        setattr(os, name, guard)
    try:
        yield
    finally:
        for name, kept in true.items():
            setattr(os, name, kept)


def _short(path: str, inside: str) -> str:
    """Name a file of the folder, without what chance has put into the name."""
    name = path.removeprefix(inside) or "the folder"
    return ".manifest" if name.startswith(".manifest") else name
