"""`runner down RUN`: take back what a run left alive."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from threading import Event as StopEvent

from runner import execute, manifest, opening, runs
from runner.errors import ExitCode, StillBilling
from runner.execute import Backward
from runner.facts import TargetKind
from runner.journal import FILE_NAME, Journal
from runner.session import RUNS_FOLDER, Session
from runner.target import of_a_run


def arguments(parser: ArgumentParser) -> None:
    """Declare the run."""
    parser.add_argument("run", metavar="RUN", help="an id, a unique prefix, a path, or latest")
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER)
    parser.add_argument("--state", type=Path, help="the emulator's folder")


def main(options: Namespace, session: Session) -> ExitCode:
    """Walk the run's manifest backward."""
    folder = runs.find(options.runs_dir, options.run)
    said = manifest.load(folder / manifest.FILE_NAME).target
    kind = TargetKind(said["kind"])
    with (
        Journal(folder / FILE_NAME, session.clock) as journal,
        opening.reached(session, kind, session.emulator_state(options.state)),
    ):
        cloud = opening.connected(session, of_a_run(said, session.environment), said["registry"])
        with session.console.deleting() as observer:
            walk = Backward(
                cloud=cloud,
                journal=journal,
                run_folder=folder,
                observer=observer,
                clock=session.clock,
                stop=StopEvent(),
            )
            left = execute.backward(walk, down=True)
        now = execute.manifest_of(journal)
        manifest.write(now, folder / manifest.FILE_NAME)
    session.console.taken_down(now, left)
    if left:
        raise StillBilling(f"not proven gone: {', '.join(left)}", hint=f"runner down {folder.name}")
    return ExitCode.DONE
