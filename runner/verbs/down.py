"""`runner down RUN`: take back what a run left alive."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from threading import Event as StopEvent
from typing import TYPE_CHECKING

from runner import execute, opening, runs
from runner.errors import ExitCode, StillBilling
from runner.execute import Run
from runner.facts import TargetKind
from runner.journal import FILE_NAME, Journal
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
    with Journal(folder / FILE_NAME, session.clock, new=False) as journal:
        # What is deleted, and where, is read from the journal: a manifest can be edited.
        said = execute.manifest_of(journal).target
        kind = TargetKind(said["kind"])
        with opening.reached(session, kind, session.emulator_state(options.state)) as lease:
            cloud = opening.connected(session, of_a_run(said, session.environment), said["registry"])
            left = _taken_down(session, cloud, journal, folder)
            lease.keep = bool(left)
        session.console.taken_down(execute.manifest_of(journal), left)
    if left:
        raise StillBilling(f"not proven gone: {', '.join(left)}", hint=f"runner down {folder.name}")
    return ExitCode.DONE


def _taken_down(session: Session, cloud: "Cloud", journal: Journal, folder: Path) -> tuple[str, ...]:
    with session.console.deleting() as observer:
        run = Run(
            cloud=cloud,
            journal=journal,
            folder=folder,
            observer=observer,
            clock=session.clock,
            stop=StopEvent(),
        )
        try:
            return execute.backward(run, down=True)
        finally:
            run.save()
