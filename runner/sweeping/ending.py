"""The end of a sweep: what its runs made is taken back together, by the recipe's policy or on request."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner import execute, holder, manifest, opening, runs, sweep
from runner.errors import ExitCode, RunnerError, UsageError
from runner.execute import Observer
from runner.facts import TargetKind
from runner.journal import FILE_NAME, Event, Journal
from runner.lifecycle import resuming
from runner.lifecycle.carry_out import carry_out
from runner.lifecycle.reopening import recorded
from runner.manifest import Manifest, StepStatus
from runner.recipe import Cleanup
from runner.session import Session
from runner.sweep import Hold, Sweep
from runner.sweep.holding import FILE_NAME as LOCK
from runner.sweep.standing import UNREADABLE, Standing, debts, standings
from runner.target import of_a_run

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

_SHARED = "compute"

# Ends one run that its journal is held of, if there is anything to end.
Judge = Callable[[Manifest], None]
Cancel = Callable[[Journal, Path], bool]


@dataclass(kw_only=True)
class Left:
    """What may still be there of what was taken back; by index, why a point's run could not be had."""

    names: tuple[str, ...] = ()
    errors: dict[int, RunnerError] = field(default_factory=dict)

    @contextmanager
    def collecting(self, standing: Standing) -> Iterator[None]:
        """Note what keeps a point from being taken back, the first of it."""
        try:
            yield
        except RunnerError as error:
            self.errors.setdefault(standing.member.index, error)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A sweep, and the cloud that its runs are on."""

    session: Session
    folder: Path
    sweep: Sweep
    cloud: "Cloud"

    @property
    def standings(self) -> tuple[Standing, ...]:
        """Read how the points stand now."""
        return standings(self.folder, self.sweep)

    @property
    def is_alive(self) -> bool:
        """Tell whether any of the runs still lists something."""
        return any(each.said and each.said.alive for each in self.standings)


def clean_up(place: Place) -> Left:
    """Take back what the runs left, if the recipe says so.

    Not before every run that has begun has come to an end: one that was interrupted trains on, on the
    cluster that another made, and so may one whose journal cannot be read.
    """
    points = place.standings
    begun = [each for each in points if each.said]
    failed = any(not each.has_succeeded for each in points)  # one whose run never began, too
    policy = place.sweep.cleanup
    if policy is Cleanup.NEVER or (policy is Cleanup.ON_FAILURE and not failed):
        return Left()
    if not all(each.is_decided for each in begun):
        return Left()
    if any(each.status == UNREADABLE for each in points):
        return Left()
    return take_back(place, down=False)


def take_back(place: Place, *, down: bool) -> Left:
    """Take back what each run has made, by its own journal; one that cannot be had keeps no other from it."""
    left = Left()
    with place.session.console.deleting() as observer:
        for each in place.standings:
            if each.said and each.said.alive:
                with left.collecting(each):
                    left.names += _taken_back(place, each, observer, down=down)
    _note_what_went(place, left)
    return left


def _taken_back(place: Place, standing: Standing, observer: Observer, *, down: bool) -> tuple[str, ...]:
    folder = place.folder.parent / standing.member.run
    with Journal(folder / FILE_NAME, place.session.current_clock, new=False) as journal:
        run = opening.begun(place.session, journal, folder, place.cloud)
        run = replace(run, observer=observer)
        try:
            return execute.backward(run, down=down)
        finally:
            run.save()


def _note_what_went(place: Place, left: Left) -> None:
    """Have the runs that only used the cluster, and are not through, know that it is gone.

    Else a resume would look for it, as it was left, instead of making it again.
    """
    makers = [each.said for each in place.standings if each.said]
    gone = {str(said.steps[_SHARED].intent.get("name")) for said in makers if _has_gone(said)}
    for each in place.standings:
        if each.said and not each.has_succeeded and _used(each.said) & gone:
            folder, clock = place.folder.parent / each.member.run, place.session.current_clock
            with left.collecting(each), Journal(folder / FILE_NAME, clock, new=False) as journal:
                data = {"with": [], "seen": "taken back with its sweep"}
                execute.record(journal, folder, Event.DELETE_DONE, step=_SHARED, data=data)


def _has_gone(said: Manifest) -> bool:
    record = said.steps.get(_SHARED)
    return record is not None and record.changed and record.status is StepStatus.DELETED


def _used(said: Manifest) -> set[str]:
    record = said.steps.get(_SHARED)
    used = record is not None and not record.changed and record.status is StepStatus.SUCCEEDED
    return {str(record.outputs.get("name"))} if record and used else set()


def down(session: Session, folder: Path, state: Path | None, judge: Judge) -> ExitCode:
    """Take back all that the runs of a sweep left. `judge` raises where a run may not be taken back yet."""
    listed = sweep.read(folder)
    with Hold(folder):
        for run in sweep.members(folder, listed).values():
            runs.check_carried_out_here(run)
            # One that cannot be read may have left something, too: how to mend it is told.
            said = manifest.of(run)
            with _as_one(folder):
                judge(said)
        return _on_the_cloud(session, folder, listed, state, lambda place: take_back(place, down=True))


@contextmanager
def _as_one(folder: Path) -> Iterator[None]:
    """Have what is refused of a run refused of its sweep: to end one point ends no other."""
    try:
        yield
    except UsageError as error:
        raise UsageError(
            f"sweep {folder.name} is not through: {error.message}",
            hint=f"runner resume {folder.name} brings all its points to an end; runner cancel {folder.name}"
            " ends them",
        ) from error


def cancel(session: Session, folder: Path, state: Path | None, write_down: Cancel) -> ExitCode:
    """End a sweep, whoever carries it out: what trains is stopped, then cleaned up as after a failure.

    Raises why a run could not be ended, after the others were.
    """
    holder.end(folder / LOCK, f"sweep {folder.name}", lambda: sweep.holder_of(folder), session.clock)
    listed = sweep.read(folder)

    kept: list[RunnerError] = []

    def canceled(place: Place) -> Left:
        for run in sweep.members(folder, listed).values():
            try:
                _canceled(place, run, write_down)
            except RunnerError as error:  # the others' trainings are to end all the same
                kept.append(error)
        return clean_up(place)

    with Hold(folder):
        code = _on_the_cloud(session, folder, listed, state, canceled)
    if kept:
        raise kept[0]
    return code


def _canceled(place: Place, folder: Path, write_down: Cancel) -> None:
    runs.check_carried_out_here(folder)
    with Journal(folder / FILE_NAME, place.session.current_clock, new=False) as journal:
        if not write_down(journal, folder):
            return
        run = opening.begun(place.session, journal, folder, place.cloud)
        said = run.manifest
        with (
            resuming.made_whole(place.session, run, said, recorded(said, folder)) as opened,
            place.session.console.deleting() as observer,
        ):
            run = replace(run, observer=observer)
            carry_out(run, opened.plan, opening.context(opened, folder), Cleanup.NEVER)


def _on_the_cloud(
    session: Session,
    folder: Path,
    listed: Sweep,
    state: Path | None,
    work: Callable[[Place], Left],
) -> ExitCode:
    """Do it, tell how the sweep stands then, and what may bill; else raise why a point was left out."""
    kind = TargetKind(listed.target["kind"])
    with opening.reached(session, kind, session.emulator_state(state)) as lease:
        chosen = of_a_run(listed.target, session.environment)
        cloud = opening.connected(session, chosen, listed.target["registry"])
        place = Place(session=session, folder=folder, sweep=listed, cloud=cloud)
        try:
            left = work(place)
        finally:
            lease.keep = place.is_alive
    points = standings(folder, listed)
    billing = debts(points, left.names, folder)
    session.console.swept(folder, points, errors=left.errors, billing=billing)
    if billing:
        return billing.exit_code
    if left.errors:
        return next(iter(left.errors.values())).exit_code
    return ExitCode.DONE
