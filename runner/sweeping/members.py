"""The run of one point: begun with the id that the sweep fixed for it, or taken up where it was cut off."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner import execute, opening, runs
from runner.dataset import PreparedSplit
from runner.durable import sync_folder
from runner.errors import UsageError
from runner.journal import FILE_NAME, Event, Journal, Json, this_process
from runner.lifecycle import resuming
from runner.lifecycle.beginning import first_record
from runner.lifecycle.carry_out import Outcome, carry_out
from runner.lifecycle.drift import refuse_drift
from runner.lifecycle.reopening import pinned_recipe, recipe_path, recorded
from runner.load import Loaded
from runner.manifest import Manifest
from runner.recipe import Cleanup, Dataset
from runner.session import Session
from runner.sweep import Member, Sweep
from runner.sweeping.carrying import Hands
from runner.sweeping.opening import Ready
from runner.sweeping.rows import Rows

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud


@dataclass(frozen=True, kw_only=True)
class Site:
    """What the runs of one sweep share: where they lie, the cloud, and how they are opened."""

    session: Session
    folder: Path
    sweep: Sweep
    cloud: "Cloud"
    cancel: bool

    def run_folder(self, member: Member) -> Path:
        """Give where a point's run lies."""
        return self.folder.parent / member.run


def begun(
    site: Site, member: Member, ready: Ready, prepared: Mapping[str, PreparedSplit] | None, hands: Hands
) -> Outcome:
    """Begin a point's run and carry it out. The sweep alone takes back what its runs have made."""
    folder, opened = _folder(site.run_folder(member)), replace(ready.opened, rows=prepared)
    with Journal(folder / FILE_NAME, site.session.clock, new=True) as journal:
        first = first_record(site.session, opened, site.cloud.target, folder)
        journal.append(Event.RUN_OPENED, data={**first, "sweep": _membership(site.sweep, member)})
        run = opening.begun(site.session, journal, folder, site.cloud, cancel=site.cancel)
        run = replace(run, observer=hands.observer, stop=hands.stop)
        run.save()
        return carry_out(run, opened.plan, opening.context(opened, folder), Cleanup.NEVER)


def taken_up(site: Site, member: Member, rows: Rows, hands: Hands, *, as_recorded: bool) -> Outcome:
    """Carry a point's run on from where its journal says it is. Raises Drifted, RunHeld.

    One that was cut off before it had its rows is given those of the others.
    """
    folder = site.run_folder(member)
    runs.check_carried_out_here(folder)
    with Journal(folder / FILE_NAME, site.session.current_clock, new=False) as journal:
        said = execute.manifest_of(journal)
        loaded = recorded(said, folder)
        if not as_recorded and not resuming.only_cleans_up(said):
            refuse_drift(said, loaded, recipe_path(said, folder))
        execute.record(journal, folder, Event.RUN_HELD, data={"process": this_process()})
        runs.sweep(folder)
        prepared = _missing_rows(site, said, loaded, partial(rows.of, stop=hands.stop))
        run = opening.begun(site.session, journal, folder, site.cloud, cancel=site.cancel)
        run = replace(run, observer=hands.observer, stop=hands.stop)
        with resuming.made_whole(site.session, run, said, loaded, prepared) as opened:
            return carry_out(run, opened.plan, opening.context(opened, folder), Cleanup.NEVER)


def _missing_rows(
    site: Site, said: Manifest, loaded: Loaded, prepare: Callable[[Dataset], Mapping[str, PreparedSplit]]
) -> Mapping[str, PreparedSplit] | None:
    record = said.steps.get("dataset")
    if resuming.only_cleans_up(said) or (record and record.intent):
        return None
    filled = opening.filled_in(site.session, loaded, site.cloud.target.kind)
    section = pinned_recipe(filled.recipe, said).dataset
    return prepare(section) if section else None


def _membership(sweep: Sweep, member: Member) -> Mapping[str, Json]:
    total = len(sweep.points)
    return {"id": sweep.id, "index": member.index, "total": total, "point": dict(member.values)}


def _folder(folder: Path) -> Path:
    """Make a run's folder, or take the one of a process that got no further than that."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
    except OSError as error:
        raise UsageError(f"cannot write to {folder.parent}: {error.strerror}") from error
    return folder
