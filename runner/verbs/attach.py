"""`runner attach RUN`: follow a run that another process carries out; to leave it changes nothing."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from runner import manifest, runs
from runner.errors import CloudUnavailable, ExitCode, StepFailed
from runner.journal import FILE_NAME, read
from runner.lifecycle.carry_out import Outcome
from runner.lifecycle.judging import missed
from runner.manifest import Manifest, RunStatus
from runner.outstanding import outstanding
from runner.replay import RecordedClock, Replay, grown, left_by_its_process
from runner.session import RUN_HELP, RUNS_FOLDER, RUNS_FOLDER_HELP, Session


def arguments(parser: ArgumentParser) -> None:
    """Declare the run."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)


def main(options: Namespace, session: Session) -> ExitCode:
    """Show the run's progress until it ends, and end as it does; the journal is only read.

    What nobody carries on, since it was interrupted or its process has died, ends with that.
    """
    folder = runs.find(options.runs_dir, options.run)
    runs.check_carried_out_here(folder)
    try:
        said = _followed(session, folder)
    except KeyboardInterrupt:
        session.console.unfollowed(folder.name)
        raise
    ended = _outcome(said)
    if said.status is RunStatus.RUNNING:
        left = left_by_its_process(said, folder)
        if ended.billing:
            session.console.error(left)
        raise ended.billing or left
    session.console.finished(said, folder, ended.error, ended.billing)
    if said.status is RunStatus.INTERRUPTED:  # it was another process that was interrupted, not this one
        return ExitCode.STILL_BILLING if ended.billing else ExitCode.CLOUD_UNAVAILABLE
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


def _outcome(said: Manifest) -> Outcome:
    """Tell how a run ended, as its own process did; the end of a failed step's log is not in a journal."""
    return Outcome(manifest=said, error=_error(said), billing=outstanding(said))


def _error(said: Manifest) -> BaseException | None:
    failed = next((step.error for step in said.steps.values() if step.error), None)
    match said.status:
        case RunStatus.INTERRUPTED:  # by a person, or because the cloud was lost from sight
            return CloudUnavailable(failed) if failed else KeyboardInterrupt()
        case RunStatus.FAILED:
            return StepFailed(failed or "the run failed")
        case _:
            return missed(said)
