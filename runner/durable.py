"""What has to be on the disk before it counts as done."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk; a new or renamed file may else be gone after a power loss."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
