"""The manifest's file, written whole or not at all, and what is known of a run from what its folder holds."""

import os
from dataclasses import asdict
from pathlib import Path

from runner import journal, manifest_file
from runner.journal import Json
from runner.manifest.folding import fold
from runner.manifest.states import Manifest, run_from
from runner.manifest_file import FILE_NAME, FORMAT, ManifestDamaged
from runner.schema_files import read_schema


def of(folder: Path) -> Manifest:
    """Tell what is known of a run: by its journal, or where there is none (in a clone) by its manifest.

    Raises UsageError.
    """
    path = folder / journal.FILE_NAME
    if os.path.lexists(path):
        return fold(journal.read(path))
    return load(folder / FILE_NAME)


def write(manifest: Manifest, path: Path) -> None:
    """Replace the file atomically: whoever reads it sees the old manifest or the new one, whole."""
    manifest_file.write(asdict(manifest), path)


def load(path: Path) -> Manifest:
    """Read a manifest. Unknown keys are ignored: an older runner may meet a newer file of the same format."""
    found = manifest_file.read(path)
    _check(found, path)
    return run_from({**found, "format": FORMAT})


# What a later version adds is not this version's business.
_TOLERATED = {"additionalProperties", "propertyNames"}


def _check(read: Json, path: Path) -> None:
    # Only who reads a manifest pays for the validator.
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    for error in Draft202012Validator(read_schema("manifest.schema.json")).iter_errors(read):
        if error.validator not in _TOLERATED:
            where = ".".join(str(part) for part in error.absolute_path) or "the top"
            raise ManifestDamaged(f"{path} is not a manifest that this version can read: see {where}")
