"""`runner show RUN`: what a run did, with which parameters, and what it left alive."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from runner import runs, sweep
from runner.errors import ExitCode
from runner.outstanding import outstanding
from runner.session import RUN_HELP, RUNS_FOLDER, RUNS_FOLDER_HELP, Session
from runner.sweep.standing import debts, standings


def arguments(parser: ArgumentParser) -> None:
    """Declare the run."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)


def main(options: Namespace, session: Session) -> ExitCode:
    """Show the manifest, or how the points of a sweep stand."""
    swept = sweep.find(options.runs_dir, options.run)
    if swept:
        points = standings(swept, sweep.read(swept))
        owed = debts(points, (), swept)
        session.console.swept(swept, points, billing=owed)
        return owed.exit_code if owed else ExitCode.DONE
    said, folder = runs.find_manifest(options.runs_dir, options.run)
    session.console.run(said, folder)
    billing = outstanding(said)
    if billing:
        raise billing
    return ExitCode.DONE
