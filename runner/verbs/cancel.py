"""`runner cancel RUN`: end a run, whoever carries it out: stop what runs, and clean up as after a failure."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from runner import execute, holder, provenance, runs, sweep, sweeping
from runner.errors import ExitCode
from runner.journal import FILE_NAME, Event, Journal, read, this_process
from runner.lifecycle import resuming
from runner.manifest import Manifest, RunStatus
from runner.outstanding import outstanding
from runner.session import RUN_HELP, RUNS_FOLDER, RUNS_FOLDER_HELP, Session
from runner.steps import STEPS

_ENDED = {RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELED}


def arguments(parser: ArgumentParser) -> None:
    """Declare the run."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)
    parser.add_argument("--state", type=Path, help="the emulator's folder")


def main(options: Namespace, session: Session) -> ExitCode:
    """End the process that carries the run out, if any, and end the run as canceled; idempotent."""
    swept = sweep.find(options.runs_dir, options.run)
    if swept:
        return sweeping.cancel(session, swept, options.state, _written_down)
    folder = runs.find(options.runs_dir, options.run)
    runs.check_carried_out_here(folder)
    path = folder / FILE_NAME
    holder.end(path, f"run {folder.name}", lambda: holder.last_holder(read(path)), session.clock)
    with Journal(folder / FILE_NAME, session.clock, new=False) as journal:
        said = execute.manifest_of(journal)
        needed = _is_needed(said)
        if needed:
            _write_down(journal, folder)
    if needed:
        # All that is left of it is to clean up and to close, which a crash on the way leaves to a resume.
        return resuming.go_on(session, folder, state=options.state, as_recorded=True, cancel=False)
    return _told(session, said)


def _is_needed(said: Manifest) -> bool:
    """Tell whether there is something to cancel: of a run that has ended, only what runs on, or was to go.

    What a run that succeeded was to take back is for `down`: it stays one that succeeded.
    """
    tries_again = said.status is not RunStatus.SUCCEEDED
    runs_on = any(STEPS[each.step].traits.stopped or (each.deletion and tries_again) for each in said.alive)
    return said.status not in _ENDED or runs_on


def _written_down(journal: Journal, folder: Path) -> bool:
    """Say that a run is canceled, if there is something to cancel; tell whether there is."""
    needed = _is_needed(execute.manifest_of(journal))
    if needed:
        _write_down(journal, folder)
    return needed


def _write_down(journal: Journal, folder: Path) -> None:
    """Say that the run is canceled before anything is done about it."""
    resumption = {"process": this_process(), "versions": provenance.versions(Path())}
    execute.record(journal, folder, Event.RUN_RESUMED, data=resumption)
    canceled = {"status": RunStatus.CANCELED.value, "error": None}
    execute.record(journal, folder, Event.WALKED, data=canceled)


def _told(session: Session, said: Manifest) -> ExitCode:
    session.console.nothing_to_cancel(said)
    left = outstanding(said)
    if left:
        raise left
    return ExitCode.DONE
