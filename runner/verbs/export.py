"""`runner export RUN -o FOLDER|FILE.zip`: a run as an RO-Crate, which other programs can read."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from runner import crate, runs
from runner.errors import ExitCode
from runner.session import RUN_HELP, RUNS_FOLDER, RUNS_FOLDER_HELP, Session


def arguments(parser: ArgumentParser) -> None:
    """Declare the run, where it goes, and what goes along."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument(
        "-o", "--to", type=Path, required=True, metavar="FOLDER|FILE.zip", help="where to write; must be new"
    )
    parser.add_argument("--with-samples", action="store_true", help="prompts and answers, too")
    parser.add_argument("--with-data", action="store_true", help="the rows, too")
    parser.add_argument(
        "--license", metavar="TEXT", default="", help="how the crate may be used: a URL, or words"
    )
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)


def main(options: Namespace, session: Session) -> ExitCode:
    """Write it."""
    folder = runs.find(options.runs_dir, options.run)
    wanted = crate.Wanted(samples=options.with_samples, data=options.with_data, rights=options.license)
    names = crate.export(folder, options.to, wanted)
    session.console.exported(options.to, folder.name, names)
    return ExitCode.DONE
