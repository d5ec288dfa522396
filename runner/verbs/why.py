"""`runner why RUN`: why each step created, reused or updated what it did, and by which values."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from runner import reasons, runs
from runner.errors import ExitCode
from runner.session import RUN_HELP, RUNS_FOLDER, RUNS_FOLDER_HELP, Session


def arguments(parser: ArgumentParser) -> None:
    """Declare the run."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument(
        "--parameters", action="store_true", help="also where each fine-tuning parameter is from"
    )
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)


def main(options: Namespace, session: Session) -> ExitCode:
    """Tell it from what the run has recorded; nobody is asked."""
    said, _folder = runs.find_manifest(options.runs_dir, options.run)
    parameters = reasons.parameters(said) if options.parameters else ()
    session.console.explained(said, reasons.reasons(said), parameters)
    return ExitCode.DONE
