"""Sweeps by name, and the runs that belong to one."""

import os
from collections.abc import Mapping
from pathlib import Path

from runner import journal, manifest
from runner import runs as folders
from runner.errors import UsageError
from runner.runs import LATEST, SWEEP_FILE
from runner.sweep.record import Sweep, read

_OF_A_RUN = (journal.FILE_NAME, manifest.FILE_NAME)


def find(runs: Path, name: str) -> Path | None:
    """Find a sweep's folder by id, unique prefix, path or `latest`; None where no sweep is meant.

    `latest` is a sweep where nothing newer is under `runs/`: a sweep is as old as its first run.
    """
    if not name:
        return None
    for folder in (runs / name, Path(name)):
        if _holds(folder, SWEEP_FILE):
            return folder
    known = sorted(each for each in runs.glob("*") if _holds(each, SWEEP_FILE, *_OF_A_RUN))
    if name == LATEST:
        return known[-1] if known and _holds(known[-1], SWEEP_FILE) else None
    meant = [each for each in known if each.name.startswith(name)]
    return meant[0] if len(meant) == 1 and _holds(meant[0], SWEEP_FILE) else None


def members(folder: Path, sweep: Sweep) -> Mapping[int, Path]:
    """Give the folders of those points, by index, whose runs have begun; in the order of the points."""
    found = {each.index: folder.parent / each.run for each in sweep.points}
    return {index: run for index, run in found.items() if _has_begun(run)}


def runs_of(runs: Path, name: str) -> tuple[Path, ...]:
    """Give the folders of the runs that a name means: those of a sweep that have begun, or one run.

    Raises UsageError where there is none.
    """
    folder = find(runs, name)
    if folder is None:
        return (folders.find(runs, name),)
    begun = tuple(members(folder, read(folder)).values())
    if not begun:
        raise UsageError(
            f"no run of sweep {folder.name} has begun", hint=f"runner resume {folder.name} begins them"
        )
    return begun


def _has_begun(run: Path) -> bool:
    if not _holds(run, *_OF_A_RUN):
        return False
    try:
        return folders.find(run.parent, str(run)) == run
    except UsageError:
        return False


def _holds(folder: Path, *names: str) -> bool:
    """Tell whether one of these files lies in a folder."""
    try:
        return any(os.path.lexists(folder / name) for name in names)
    except ValueError:  # no name of a file
        return False
