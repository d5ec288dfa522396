"""`runner repair RUN`: make a run whose journal or manifest is damaged one that can go on."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from runner import repair, runs
from runner.errors import ExitCode
from runner.outstanding import outstanding
from runner.session import RUN_HELP, RUNS_FOLDER, RUNS_FOLDER_HELP, Session


def arguments(parser: ArgumentParser) -> None:
    """Declare the run."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)


def main(options: Namespace, session: Session) -> ExitCode:
    """Keep what is whole, and tell what is not."""
    folder = runs.find(options.runs_dir, options.run)
    runs.check_carried_out_here(folder)
    done = repair.repair(folder, session.clock)
    session.console.repaired(done, folder)
    left = outstanding(done.manifest)
    if left:
        raise left
    return ExitCode.DONE
