"""How many rows a run would take of files that lie here, at a glance and without reading what is in them."""

from collections.abc import Mapping
from pathlib import Path

from runner.dataset.selection import taken
from runner.dataset.sources import FileSplit
from runner.errors import Diagnostic, RecipeInvalid
from runner.recipe import Dataset

# Beyond this a file is long enough for any cluster, and counting it would be felt.
MAX_BYTES = 64 * 1024 * 1024


def unusable(dataset: Dataset, folder: Path) -> Mapping[str, Diagnostic]:
    """Find files that are not there or are none, by role; what the environment names is not known yet."""
    found: dict[str, Diagnostic] = {}
    if dataset.path is None or "${env:" in dataset.path:
        return found
    for role, split in dataset.splits().items():
        try:
            FileSplit(folder, dataset.path, split, role)
        except RecipeInvalid as invalid:
            found[role] = invalid.diagnostics[0]
    return found


def count_rows(dataset: Dataset, folder: Path) -> Mapping[str, int]:
    """Count each role's rows; a role is absent whose rows are elsewhere, too many, or not readable."""
    if dataset.path is None:
        return {}
    counted = {role: _count(dataset.path, split, role, folder) for role, split in dataset.splits().items()}
    return {role: taken(dataset, rows) for role, rows in counted.items() if rows is not None}


def _count(written: str, split: str, role: str, folder: Path) -> int | None:
    try:
        source = FileSplit(folder, written, split, role)
        return source.count() if source.path.stat().st_size <= MAX_BYTES else None
    except (RecipeInvalid, OSError):
        return None
