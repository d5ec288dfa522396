"""What the manifest beside a journal vouches for: records that were acknowledged cannot be a torn tail."""

import os
from pathlib import Path

from runner import manifest_file
from runner.journal.records import Covered


def covered(journal: Path) -> Covered:
    """Tell how many records the manifest has counted; none without one.

    Raises UsageError if it is damaged.
    """
    path = journal.parent / manifest_file.FILE_NAME
    if not os.path.lexists(path):  # a link that leads nowhere is not the same as none
        return Covered()
    said = manifest_file.read(path).get("journal")
    match said:
        case {"records": int(records), "head": str(head)}:
            return Covered(records=records, head=head)
    return Covered()  # a manifest of the first format counted nothing
