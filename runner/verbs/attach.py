"""`runner attach RUN`: follow a run that another process carries out; to leave it changes nothing."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from runner import ending, manifest, runs
from runner.errors import ExitCode, RunLeft
from runner.journal import FILE_NAME, read
from runner.manifest import Manifest, RunStatus
from runner.replay import RecordedClock, Replay, grown
from runner.session import RUNS_FOLDER, Session


def arguments(parser: ArgumentParser) -> None:
    """Declare the run."""
    parser.add_argument("run", metavar="RUN", help="an id, a unique prefix, a path, or latest")
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER)


def main(options: Namespace, session: Session) -> ExitCode:
    """Show the run's progress until it ends, and end as it does; the journal is only read."""
    folder = runs.find(options.runs_dir, options.run)
    try:
        said = _followed(session, folder)
    except KeyboardInterrupt:
        session.console.unfollowed(folder.name)
        raise
    if said.status is RunStatus.RUNNING:
        raise _left(said, folder)
    ended = ending.of(said, folder)
    session.console.finished(said, folder, ended.error, ended.billing)
    return ended.exit_code


def _followed(session: Session, folder: Path) -> Manifest:
    """Tell what was, then what comes, and give the run as it stands once no process holds it."""
    records = list(read(folder / FILE_NAME))
    said = manifest.fold(records)
    clock = RecordedClock(session.clock, said.started)
    with session.console.attached(said, clock) as observer:
        replay, records = Replay(observer, clock), []
        for record in grown(folder / FILE_NAME, clock):
            records.append(record)
            replay.tell(record)
    return manifest.fold(records)


def _left(said: Manifest, folder: Path) -> RunLeft:
    last = read(folder / FILE_NAME)[-1].time
    return RunLeft(
        f"no process carries run {said.run_id} on; its last record is of {last}",
        hint=f"runner resume {said.run_id}, or runner cancel {said.run_id}",
    )
