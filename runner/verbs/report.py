"""`runner report RUN…`: one HTML page of a run, or of several beside each other, that needs nothing else."""

import hashlib
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from runner import sweep
from runner.errors import ExitCode, UsageError
from runner.outstanding import outstanding
from runner.reporting import write_page
from runner.runs import PAGE
from runner.session import RUN_HELP, RUNS_FOLDER, RUNS_FOLDER_HELP, Session

_SUFFIX = ".html"


def arguments(parser: ArgumentParser) -> None:
    """Declare the runs and the page."""
    help_text = f"{RUN_HELP}; a sweep stands for its runs; of several runs the page tells first what differs"
    parser.add_argument("runs", metavar="RUN", nargs="+", help=help_text)
    help_text = f"the page (default: {PAGE} in the run's or the sweep's folder, else beside the folders)"
    parser.add_argument("-o", dest="file", type=Path, metavar="FILE", help=help_text)
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)


def main(options: Namespace, session: Session) -> ExitCode:
    """Write the page."""
    folders = [folder for name in options.runs for folder in sweep.runs_of(options.runs_dir, name)]
    folders = list(dict.fromkeys(folders))
    file = _file(options, folders)
    told = write_page(folders, file)
    session.console.reported(file, [each.run_id for each in told])
    for each in told:
        billing = outstanding(each)
        if billing:
            raise billing
    return ExitCode.DONE


def _file(options: Namespace, folders: Sequence[Path]) -> Path:
    """Choose where the page goes; nothing but a page is ever replaced by one."""
    given: Path | None = options.file
    if given is None:
        return _beside(options, folders)
    if given.suffix != _SUFFIX or given.is_dir():
        raise UsageError(f"{given} is no name of a page", hint=f"choose one that ends in {_SUFFIX}")
    if not given.parent.is_dir():
        raise UsageError(f"{given.parent} is no folder", hint="make it first, or choose another -o FILE")
    return given


def _beside(options: Namespace, folders: Sequence[Path]) -> Path:
    swept = sweep.find(options.runs_dir, options.runs[0]) if len(options.runs) == 1 else None
    if swept or len(folders) == 1:
        return (swept or folders[0]) / PAGE
    names = "\n".join(folder.name for folder in folders)
    digest = hashlib.sha256(names.encode()).hexdigest()[:8]
    runs_dir: Path = options.runs_dir
    return runs_dir / f"report-{digest}{_SUFFIX}"
