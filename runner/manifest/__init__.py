"""What a run was, as one file that can be committed: the fold of its journal.

`fold` is pure; `write` replaces the file atomically; `load` reads it back and ignores keys of later versions.
Its shape is `schemas/manifest.schema.json`.
"""

from runner.manifest.folding import advance, fold
from runner.manifest.reading import load, of, write
from runner.manifest.states import NOT_ENDED, Manifest, Resource, RunStatus, StepRecord, StepStatus
from runner.manifest_file import FILE_NAME, FORMAT

__all__ = [
    "FILE_NAME",
    "FORMAT",
    "NOT_ENDED",
    "Manifest",
    "Resource",
    "RunStatus",
    "StepRecord",
    "StepStatus",
    "advance",
    "fold",
    "load",
    "of",
    "write",
]
