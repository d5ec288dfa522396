"""Whether a run's folder is as it was written: digests, the journal's chain, and what goes back to what.

Nothing is asked of a network and nothing is written. A digest shows accident or carelessness and is no
signature: who can change a file can change the digest beside it.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from runner.journal import Json
from runner.manifest_file import FILE_NAME
from runner.verifying.chained import chained
from runner.verifying.files import files
from runner.verifying.findings import Finding, Standing, differing, notice
from runner.verifying.opening import Missing, Refused, opened
from runner.verifying.sealed import sealed, shaped
from runner.verifying.surroundings import ancestors, recipe

__all__ = [
    "Finding",
    "Missing",
    "Refused",
    "Standing",
    "differing",
    "opened",
    "ran_on",
    "verified",
    "verified_alone",
]


def verified(folder: Path, runs: Path) -> tuple[Finding, ...]:
    """Look at all that a run's folder holds, and at the runs it goes back to.

    Raises UsageError for what a later version wrote.
    """
    manifest = sealed(folder)
    journal = chained(folder, manifest.content)
    found = (*manifest.findings, *journal.findings)
    said = manifest.content or journal.told
    if not said or differing(shaped(said)):
        return found
    around = chain(files(folder, said), recipe(folder, said), ancestors(said, _homes(folder, runs)))
    return (*found, *_name(folder, said), *around)


def verified_alone(path: Path, runs: Path) -> tuple[Finding, ...]:
    """Look at a manifest that lies alone, under whatever name. Raises UsageError as `verified` does."""
    manifest = sealed(path.parent, path.name)
    said = manifest.content
    return (*manifest.findings, *(ancestors(said, [runs]) if said else ()))


def ran_on(path: Path) -> str:
    """Give the kind of the target that a manifest, or a run's folder, tells; "" where that cannot be read."""
    manifest = sealed(path.parent, path.name) if path.is_file() else sealed(path)
    said = manifest.content or ({} if path.is_file() else chained(path, {}).told)
    return str(said["target"]["kind"]) if said else ""


def _homes(folder: Path, runs: Path) -> Sequence[Path]:
    return tuple(dict.fromkeys([folder.absolute().parent, runs.absolute()]))


def _name(folder: Path, said: Mapping[str, Json]) -> tuple[Finding, ...]:
    if folder.absolute().name == said["run_id"]:
        return ()
    return (notice(FILE_NAME, "run_id", "is not the folder's name: the folder was renamed or copied"),)
