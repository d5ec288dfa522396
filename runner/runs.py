"""The folders of runs: one each under `runs/`, found by id, unique prefix, path or `latest`.

The path of a run's manifest stands for its folder, too.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from runner import journal, manifest
from runner.durable import sync_folder
from runner.errors import UsageError
from runner.manifest import Manifest

LATEST = "latest"
# What makes a folder that of a sweep of runs; each of its runs has a folder of its own.
SWEEP_FILE = "sweep.json"
# The page that tells of a run, or of all runs of a sweep.
PAGE = "report.html"

# As tempfile ends the names that `durable`, a repair and the dataset's step begin; and rows under way.
_HALF_MADE = (
    ".manifest-????????",
    ".journal-????????",
    ".metrics-????????",
    ".report-????????",
    ".data-????????",
    "data/.*.jsonl.part",
)

# Of a sweep's runs so many are named.
_MOST_NAMED = 6

_RUN_ID = re.compile(r"\A[0-9]{8}T[0-9]{6}Z-")


def create(runs: Path, run_id: str) -> Path:
    """Make a run's folder, readable by its owner only. Raises UsageError where nothing can be written."""
    folder = runs / run_id
    try:
        runs.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        sync_folder(runs)
    except OSError as error:
        raise UsageError(f"cannot write to {runs}: {error.strerror}", hint="choose --runs-dir") from error
    return folder


def check(runs: Path) -> None:
    """See that a run's folder could be made, and make nothing. Raises UsageError.

    It is asked before the cloud is: what was asked of a cloud and cannot be written down would be lost.
    """
    there = next(path for path in (runs.absolute(), *runs.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write to {runs}", hint="choose --runs-dir")


def sweep(folder: Path) -> None:
    """Delete what a process that was killed left half made in a run's folder, rows of the dataset among it.

    Only for who holds the run: nobody else makes such things there meanwhile. What cannot be deleted stays.
    """
    for pattern in _HALF_MADE:
        for path in folder.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink()


def find(runs: Path, name: str) -> Path:
    """Find a run's folder, by what a run leaves there first or last: its journal or its manifest.

    Raises UsageError if none, or more than one, is meant, or if the run that is meant never began.
    """
    if not name:
        raise UsageError("a run's name is empty", hint=f"give an id, or {LATEST}")
    folder = _at_path(Path(name)) or _known(runs, name)
    if _never_began(folder):
        raise UsageError(
            f"run {folder.name} never began: nothing was made", hint="run the recipe again: runner run RECIPE"
        )
    return folder


def find_manifest(runs: Path, name: str) -> tuple[Manifest, Path | None]:
    """Give what is known of a run, and its folder; for a manifest that lies alone, under any name, None.

    A file that is a run's own `manifest.json` means the run. Raises UsageError.
    """
    path = Path(name)
    if path.name != manifest.FILE_NAME and _is(path, Path.is_file):
        return manifest.load(path), None
    folder = find(runs, name)
    return manifest.of(folder), folder


def check_carried_out_here(folder: Path) -> None:
    """See that a run's journal is at hand: a manifest alone, as in a clone, is only read. UsageError."""
    if _is(folder / journal.FILE_NAME, os.path.lexists):
        return
    raise UsageError(
        f"run {folder.name} was carried out elsewhere: its journal is not here, and a manifest alone does"
        " not tell what may be touched",
        hint="give this command on the machine that ran it; here, runner run begins anew and runner gc finds"
        " what is left in the workspace",
    )


def _at_path(path: Path) -> Path | None:
    """Give the folder of the run that lies there, whether it or its manifest is named."""
    if _is_run(path):
        return path
    if path.name == manifest.FILE_NAME and _is(path, Path.is_file):
        # A run is called by its folder's name, which `.` does not tell.
        return path.parent if path.parent.name else path.parent.absolute()
    return None


def _known(runs: Path, name: str) -> Path:
    known = sorted(path for path in runs.glob("*") if _is_run(path))
    if name == LATEST and known:
        _refuse_sweep(max([known[-1], *_sweeps(runs)], key=lambda path: path.name))
        return known[-1]
    meant = [path for path in known if path.name == name] or [
        path for path in known if path.name.startswith(name)
    ]
    if len(meant) == 1:
        return meant[0]
    if meant:
        several = ", ".join(path.name for path in meant[:5])
        raise UsageError(f"{name} could be any of {several}", hint="give more of the run's id")
    return _empty(runs, name, newest=known[-1].name if known else "")


def _empty(runs: Path, name: str, *, newest: str) -> Path:
    """Give the folder of a run that got no further than that, if it is meant. Raises UsageError."""
    begun = _sweeps(runs, name)
    meant = begun if len(begun) == 1 else []
    for folder in [runs / name, Path(name), *meant]:
        _refuse_sweep(folder)
        if _RUN_ID.match(folder.name) and _is(folder, Path.is_dir):
            return folder
    if _is(Path(name), Path.is_file):
        mend = (
            "name the run's folder; a manifest alone is enough for show, why, diff, score, verify, reproduce"
        )
        raise UsageError(f"{name} is a file: this needs a run's folder", hint=mend)
    hint = f"the newest is {newest}" if newest else f"{runs} holds no runs"
    raise UsageError(f"there is no run {name}", hint=hint)


def _sweeps(runs: Path, beginning: str = "") -> list[Path]:
    """Give the folders of sweeps whose names begin so."""
    return [
        path
        for path in runs.glob("*")
        if path.name.startswith(beginning) and _is(path / SWEEP_FILE, os.path.lexists)
    ]


def _refuse_sweep(folder: Path) -> None:
    """Refuse a sweep where one run is to be named. Raises UsageError."""
    if not _is(folder / SWEEP_FILE, os.path.lexists):
        return
    found = list(_points(folder / SWEEP_FILE))
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    named = f"give this command one of them: {', '.join(found[:_MOST_NAMED])}{more}; " if found else ""
    hint = f"{named}runner show {folder.name} tells how each stands"
    raise UsageError(f"{folder.name} is a sweep of several runs", hint=hint)


def _points(file: Path) -> Iterator[str]:
    """Give those runs of a sweep's list that are at hand; of a list that cannot be read none."""
    with suppress(OSError, ValueError, TypeError, LookupError):
        for each in json.loads(file.read_bytes())["points"]:
            if _RUN_ID.match(each["run"]) and _is_run(file.parent.parent / each["run"]):
                yield each["run"]


def _is_run(folder: Path) -> bool:
    return _is(folder / manifest.FILE_NAME, Path.is_file) or _is(folder / journal.FILE_NAME, os.path.lexists)


def _never_began(folder: Path) -> bool:
    """Tell whether not even the first record came to be: without it nothing is asked of the cloud."""
    if _is(folder / manifest.FILE_NAME, Path.is_file):
        return False
    path = folder / journal.FILE_NAME
    return not os.path.lexists(path) or (_is(path, Path.is_file) and b"\n" not in path.read_bytes())


def _is(path: Path, what: Callable[[Path], bool]) -> bool:
    try:
        return what(path)
    except (OSError, ValueError):  # no name of a file
        return False
