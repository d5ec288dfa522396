"""`runner down RUN`: take back what a run left alive."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner import execute, opening, runs
from runner.errors import ExitCode
from runner.facts import TargetKind
from runner.journal import FILE_NAME, Journal
from runner.outstanding import outstanding
from runner.session import RUNS_FOLDER, Session
from runner.target import of_a_run

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud


def arguments(parser: ArgumentParser) -> None:
    """Declare the run."""
    parser.add_argument("run", metavar="RUN", help="an id, a unique prefix, a path, or latest")
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER)
    parser.add_argument("--state", type=Path, help="the emulator's folder")


def main(options: Namespace, session: Session) -> ExitCode:
    """Walk the run's manifest backward."""
    folder = runs.find(options.runs_dir, options.run)
    with Journal(folder / FILE_NAME, session.current_clock, new=False) as journal:
        runs.sweep(folder)
        # What is deleted, and where, is read from the journal: a manifest can be edited.
        said = execute.manifest_of(journal).target
        kind = TargetKind(said["kind"])
        with opening.reached(session, kind, session.emulator_state(options.state)) as lease:
            cloud = opening.connected(session, of_a_run(said, session.environment), said["registry"])
            left = _taken_down(session, cloud, journal, folder)
            lease.keep = bool(left)
        manifest = execute.manifest_of(journal)
    session.console.taken_down(manifest, left)
    billing = outstanding(manifest, left)
    if billing:
        raise billing
    return ExitCode.DONE


def _taken_down(session: Session, cloud: "Cloud", journal: Journal, folder: Path) -> tuple[str, ...]:
    with session.console.deleting() as observer:
        run = replace(opening.begun(session, journal, folder, cloud), observer=observer)
        try:
            return execute.backward(run, down=True)
        finally:
            run.save()
