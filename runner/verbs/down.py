"""`runner down RUN`: take back what a run left alive."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner import execute, opening, orphans, runs, sweep, sweeping
from runner.errors import ExitCode, UsageError
from runner.facts import Target, TargetKind
from runner.journal import FILE_NAME, Journal, Record
from runner.manifest import NOT_ENDED, Manifest
from runner.outstanding import outstanding
from runner.session import RUN_HELP, RUNS_FOLDER, RUNS_FOLDER_HELP, Session
from runner.steps import STEPS
from runner.sweep.standing import others_under_way
from runner.target import of_a_run

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud


def arguments(parser: ArgumentParser) -> None:
    """Declare the run."""
    parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)
    parser.add_argument("--state", type=Path, help="the emulator's folder")


def main(options: Namespace, session: Session) -> ExitCode:
    """Walk the run's manifest backward, or those of all runs of a sweep."""
    swept = sweep.find(options.runs_dir, options.run)
    if swept:
        return sweeping.down(session, swept, options.state, _refuse_not_ended)
    folder = runs.find(options.runs_dir, options.run)
    runs.check_carried_out_here(folder)
    with Journal(folder / FILE_NAME, session.current_clock, new=False) as journal:
        runs.sweep(folder)
        # What is deleted, and where, is read from the journal: a manifest can be edited.
        _refuse_not_ended(execute.manifest_of(journal))
        _refuse_from_under_others(folder, execute.manifest_of(journal))
        said = execute.manifest_of(journal).target
        kind = TargetKind(said["kind"])
        with opening.reached(session, kind, session.emulator_state(options.state)) as lease:
            chosen = of_a_run(said, session.environment)
            cloud = opening.connected(session, chosen, said["registry"])
            before = len(journal.records)
            used = _used_by_others(folder, execute.manifest_of(journal), chosen)
            left = _taken_down(session, cloud, journal, folder, tuple(used))
            manifest = execute.manifest_of(journal)
            lease.keep = bool(left or (used and manifest.alive))
        spared = (*_still_used(manifest, used), *_spared(journal.records[before:]))
    session.console.taken_down(manifest, left, spared)
    billing = outstanding(manifest, left)
    if billing:
        raise billing
    return ExitCode.DONE


def _refuse_not_ended(said: Manifest) -> None:
    """Refuse a run whose training may go on; what no version can resume any more is taken back as it is."""
    if said.status in NOT_ENDED and "in_force" in said.recipe:
        raise UsageError(
            f"run {said.run_id} has not ended: it is {said.status.value}, and what it began may go on",
            hint=f"runner cancel {said.run_id} ends it; runner resume {said.run_id} goes on with it",
        )


def _refuse_from_under_others(folder: Path, said: Manifest) -> None:
    """Refuse a point of a sweep while others may be training on the cluster that it made."""
    others = others_under_way(folder.parent, said)
    if others:
        named = str((said.sweep or {})["id"])
        raise UsageError(
            f"run {said.run_id} is a point of a sweep, and {others[0].member.run} may use what it made",
            hint=f"runner resume {named} brings all to an end, runner cancel {named} ends them",
        )


def _used_by_others(folder: Path, said: Manifest, workspace: Target) -> Mapping[str, str]:
    """Give what is to be left alone, by step, and which run that has not ended would miss it."""
    used = orphans.used_by_others(folder, said, workspace)
    return {step: used[step] for step in execute.to_take_back(said, down=True) if step in used}


def _still_used(said: Manifest, used: Mapping[str, str]) -> Iterator[str]:
    for step, run in used.items():
        subject = f"{STEPS[step].traits.kind} {said.steps[step].intent['name']}"
        mend = f"runner resume {run} or runner cancel {run} brings it to an end"
        yield f"{subject} is left alone: run {run} uses it and has not ended; {mend}"


def _spared(records: Sequence[Record]) -> Iterator[str]:
    """Tell what was left to another run, and why."""
    for record in records:
        if record.data.get("left"):
            kind = STEPS[record.step].traits.kind
            yield f"{kind} {record.data['intent']['name']} is left alone: {record.data['left']}"


def _taken_down(
    session: Session, cloud: "Cloud", journal: Journal, folder: Path, used: tuple[str, ...]
) -> tuple[str, ...]:
    with session.console.deleting() as observer:
        run = replace(opening.begun(session, journal, folder, cloud), observer=observer)
        try:
            return execute.backward(run, down=True, spared=used)
        finally:
            run.save()
