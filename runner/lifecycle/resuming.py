"""Take a run up again: look at what one that has succeeded left, or carry on with one that has not."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from runner import execute, opening, pins, provenance, runs
from runner.dataset import PreparedSplit
from runner.errors import Drifted, ExitCode, NotReproduced
from runner.execute import Run
from runner.facts import Facts, TargetKind
from runner.journal import FILE_NAME, Event, Journal, Json, this_process
from runner.lifecycle.carry_out import at_the_console
from runner.lifecycle.drift import refuse_drift
from runner.lifecycle.judging import is_to_be_judged, judged, missed, not_reproduced, record_verdict
from runner.lifecycle.reopening import recipe_path, recorded, reopened
from runner.lifecycle.variables import refuse_others
from runner.load import Loaded
from runner.manifest import Manifest, RunStatus
from runner.opening import Opened
from runner.outstanding import outstanding
from runner.plan import Plan
from runner.session import Session
from runner.steps import dataset
from runner.target import of_a_run

_OPENED_WITH = "the run was opened with"


def look(session: Session, folder: Path, state: Path | None) -> ExitCode:
    """Look at what a run that succeeded left in the cloud, and change nothing there."""
    with Journal(folder / FILE_NAME, session.current_clock, new=False) as journal:
        said = execute.manifest_of(journal)
        with opening.reached(session, _kind(said), session.emulator_state(state)) as lease:
            cloud = opening.connected(session, of_a_run(said.target, session.environment), _registry(said))
            run = opening.begun(session, journal, folder, cloud)
            execute.note_what_is_gone(run)
            lease.keep = bool(run.manifest.alive)
        fault = _judge(journal, folder)
        said = run.manifest
    session.console.run(said, folder)
    problem = outstanding(said) or fault
    if problem:
        raise problem
    return ExitCode.DONE


def judge(session: Session, folder: Path) -> ExitCode:
    """Judge a reproduction that was cut off between its end and its verdict; the cloud is not asked."""
    with Journal(folder / FILE_NAME, session.current_clock, new=False) as journal:
        fault = _judge(journal, folder)
        said = execute.manifest_of(journal)
    session.console.run(said, folder)
    if fault:
        raise fault
    return ExitCode.DONE


def _judge(journal: Journal, folder: Path) -> NotReproduced | None:
    said = execute.manifest_of(journal)
    if is_to_be_judged(said):
        return not_reproduced(said, record_verdict(journal, folder))
    return missed(said)


def go_on(session: Session, folder: Path, *, state: Path | None, as_recorded: bool, cancel: bool) -> ExitCode:
    """Carry a run on from where its journal says it is. Raises Drifted before anything is changed."""
    with Journal(folder / FILE_NAME, session.current_clock, new=False) as journal:
        said = execute.manifest_of(journal)
        loaded = recorded(said, folder)
        # What a reproduction is made of is its parent's, whatever has become of the recipe's file.
        if said.parent is None and not as_recorded and not only_cleans_up(said):
            refuse_drift(said, loaded, recipe_path(said, folder))
        # It takes long to ask the cloud, and who comes meanwhile is to be told by whom the run is held.
        execute.record(journal, folder, Event.RUN_HELD, data={"process": this_process()})
        runs.sweep(folder)
        with opening.reached(session, _kind(said), session.emulator_state(state)) as lease:
            cloud = opening.connected(session, of_a_run(said.target, session.environment), _registry(said))
            run = opening.begun(session, journal, folder, cloud, cancel=cancel)
            try:
                return _carried_on(session, run, said, loaded)
            finally:
                lease.keep = bool(run.manifest.alive)


def _carried_on(session: Session, run: Run, said: Manifest, loaded: Loaded) -> ExitCode:
    with made_whole(session, run, said, loaded) as opened:
        context = opening.context(opened, run.folder)
        return at_the_console(session, run, opened.plan, context, judged).exit_code


@contextmanager
def made_whole(
    session: Session,
    run: Run,
    said: Manifest,
    loaded: Loaded,
    rows: Mapping[str, PreparedSplit] | None = None,
) -> Iterator[Opened]:
    """Open a run again as far as what is left of it needs, and write down that it is taken up.

    `rows` are those that it was to be given and that are not yet written down.
    """
    if only_cleans_up(said):
        opened = _without_a_plan(session, run, loaded)
    else:
        _refuse_other_variables(session, run, loaded)
        opened = reopened(session, said, loaded, run.cloud)
        _restore_rows(opened, said, run.folder)
    with rows_as_pinned(replace(opened, rows=rows), said) as opened:
        run.record(Event.RUN_RESUMED, data=_resumption(loaded, run.cloud.target.kind))
        yield opened


def _refuse_other_variables(session: Session, run: Run, loaded: Loaded) -> None:
    """Hold the environment against what the run took from it; one that was not recorded says nothing."""
    opening_record = run.journal.records[0].data
    if "variables" in opening_record:
        refuse_others(loaded, session.environment, run.folder.name, opening_record["variables"])


def only_cleans_up(said: Manifest) -> bool:
    """Tell whether the walk forward had ended: then nothing is made any more, and no recipe is asked."""
    return said.walked is not None and said.status in {RunStatus.RUNNING, RunStatus.INTERRUPTED}


def _without_a_plan(session: Session, run: Run, loaded: Loaded) -> Opened:
    today = session.clock.now().date()
    kind = run.cloud.target.kind
    facts = Facts(target=kind, today=today, offline=False, model=None, component=None, sizes={})
    plan = Plan(changes=(), effective=None, diagnostics=())
    return Opened(loaded=loaded, cloud=run.cloud, facts=facts, plan=plan)


def _restore_rows(opened: Opened, said: Manifest, folder: Path) -> None:
    """Have the rows in the run's folder as they were prepared, if a step that is left reads them."""
    record = said.steps.get("dataset")
    left = execute.remaining(said, opened.plan.changes) & {"dataset", "sample"}
    section = opened.loaded.recipe.dataset
    if left and record and record.intent and section:
        workspace = dataset.workspace_of(section, opened.cloud)
        dataset.restore(section, record.intent, opened.loaded.source.folder, folder, workspace)


@contextmanager
def rows_as_pinned(opened: Opened, said: Manifest) -> Iterator[Opened]:
    """Have the rows that a run was opened with, if it was cut off before its own were written down.

    Raises Drifted where its source gives others by now.
    """
    record, pinned = said.steps.get("dataset"), opened.pins.dataset
    if (record and record.intent) or not (pinned and pinned.files):
        yield opened
        return
    with opening.prepared(opened) as again:
        found = pins.told(opened.loaded.source, pins.differences(opened.pins, again.pins), _OPENED_WITH)
        if found:
            message = f"the rows are not those that run {said.run_id} was opened with"
            raise Drifted(message, found, hint="bring them back as they were, or begin anew with runner run")
        yield again


def _resumption(loaded: Loaded, kind: TargetKind) -> Mapping[str, Json]:
    return {"process": this_process(), "versions": provenance.versions(loaded.source.folder, kind)}


def _kind(said: Manifest) -> TargetKind:
    return TargetKind(said.target["kind"])


def _registry(said: Manifest) -> str:
    return str(said.target["registry"])
