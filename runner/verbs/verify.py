"""`runner verify MANIFEST|RUN`: hold a run's files against what was recorded of them, offline."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from runner import manifest, runs
from runner.errors import ExitCode
from runner.session import RUN_HELP, RUNS_FOLDER, RUNS_FOLDER_HELP, Session
from runner.verifying import Finding, differing, ran_on, verified, verified_alone


def arguments(parser: ArgumentParser) -> None:
    """Declare the run."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)


def main(options: Namespace, session: Session) -> ExitCode:
    """Tell of everything whether it is as it was recorded; end with 5 if something is not."""
    path, found = _looked_at(options.run, options.runs_dir)
    session.console.verified(found, path, ran_on(path))
    return ExitCode.NOT_REPRODUCED if differing(found) else ExitCode.DONE


def _looked_at(name: str, home: Path) -> tuple[Path, tuple[Finding, ...]]:
    path = Path(name)
    if not _is_file(path):
        folder = runs.find(home, name)
    elif path.name == manifest.FILE_NAME:
        folder = path.parent
    else:
        return path, verified_alone(path, home)
    return folder, verified(folder, home)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no name of a file
        return False
