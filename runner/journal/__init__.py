"""The append-only truth of a run: what was meant before each change, and what came of it.

One record a line, each on disk (fsync) before `append` returns. The manifest is this file's fold.
"""

from runner.journal.records import TELL_THE_HOLDER, Covered, Event, Json, Record, this_process
from runner.journal.writing import FILE_NAME, Journal, read

__all__ = [
    "FILE_NAME",
    "TELL_THE_HOLDER",
    "Covered",
    "Event",
    "Journal",
    "Json",
    "Record",
    "read",
    "this_process",
]
