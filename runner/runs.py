"""The folders of runs: one each under `runs/`, found by id, unique prefix, path or `latest`."""

from pathlib import Path

from runner import manifest
from runner.errors import UsageError

LATEST = "latest"


def create(runs: Path, run_id: str) -> Path:
    """Make a run's folder, readable by its owner only. Raises UsageError where nothing can be written."""
    folder = runs / run_id
    try:
        runs.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise UsageError(f"cannot write to {runs}: {error.strerror}", hint="choose --runs-dir") from error
    return folder


def find(runs: Path, name: str) -> Path:
    """Find a run's folder. Raises UsageError if none, or more than one, is meant."""
    if not name:
        raise UsageError("a run's name is empty", hint=f"give an id, or {LATEST}")
    if _is_run(Path(name)):
        return Path(name)
    known = sorted(path.parent for path in runs.glob(f"*/{manifest.FILE_NAME}"))
    if name == LATEST and known:
        return known[-1]
    meant = [path for path in known if path.name == name] or [
        path for path in known if path.name.startswith(name)
    ]
    if len(meant) == 1:
        return meant[0]
    if meant:
        several = ", ".join(path.name for path in meant[:5])
        raise UsageError(f"{name} could be any of {several}", hint="give more of the run's id")
    newest = f"the newest is {known[-1].name}" if known else f"{runs} holds no runs"
    raise UsageError(f"there is no run {name}", hint=newest)


def _is_run(folder: Path) -> bool:
    try:
        return (folder / manifest.FILE_NAME).is_file()
    except (OSError, ValueError):  # no name of a file
        return False
