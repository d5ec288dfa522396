"""The run folders as one look each shows them: enough to tell whether a manifest is the one that was read."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from runner.journal import FILE_NAME as JOURNAL
from runner.manifest_file import FILE_NAME as MANIFEST

# A file system may keep times this coarsely: what was changed so lately may change again unseen.
_COARSEST_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes whenever a file does: a write changes the times, a replacement the inode, too.

    The time of change is the kernel's to set: who puts the time of writing back changes it once more.
    `size` is -1 where there is no regular file.
    """

    size: int
    written: int
    changed: int
    inode: int

    def is_settled(self, now: int) -> bool:
        """Tell whether a later change is bound to show; `now` is a moment before the file was read."""
        return self.changed < now - _COARSEST_NS


NO_FILE = Stamp(-1, 0, 0, 0)


def seen(runs: Path) -> dict[str, Stamp]:
    """Give the manifest's stamp of each run; a run that has only its journal has NO_FILE.

    No folder at all holds no runs.
    """
    try:
        with os.scandir(runs) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    found = {name: _stamp(f"{runs}/{name}") for name in names}
    return {name: stamp for name, stamp in found.items() if stamp is not None}


def _stamp(folder: str) -> Stamp | None:
    try:
        status = os.lstat(f"{folder}/{MANIFEST}")
    except OSError:  # a file, a folder of something else, or a run that has no manifest yet
        return NO_FILE if _has_begun(folder) else None
    if not stat.S_ISREG(status.st_mode):
        return Stamp(-1, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _has_begun(folder: str) -> bool:
    """Tell whether a run wrote its first record: without it nothing is asked of the cloud."""
    try:
        return os.lstat(f"{folder}/{JOURNAL}").st_size > 0
    except OSError:
        return False
