"""What has to be on the disk before it counts as done."""

import os
import tempfile
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk; a new or renamed file may else be gone after a power loss."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_all(file: int, content: bytes) -> None:
    """Write every byte: a full disk may take a part of them first."""
    while content:
        content = content[os.write(file, content) :]


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file atomically: whoever reads it sees the old content or the new one, whole."""
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    try:
        try:
            write_all(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
