"""A sweep taken up again: points that never began are begun with their ids, others brought to an end."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner import opening, sweep, under_way
from runner.errors import Drifted, ExitCode, RecipeInvalid
from runner.facts import TargetKind
from runner.lifecycle import drift
from runner.lifecycle.reopening import pinned_recipe, recorded
from runner.lifecycle.variables import refuse_others
from runner.load import Loaded, load, load_bytes
from runner.manifest import Manifest, StepStatus
from runner.opening import Lease
from runner.recipe import Recipe
from runner.session import Session
from runner.sweep import Hold, Sweep
from runner.sweep.standing import NOT_BEGUN, Standing, standings
from runner.sweeping.beginning import beginning, shared_by
from runner.sweeping.finishing import finish
from runner.sweeping.members import Site, taken_up
from runner.sweeping.opening import Ready, ready
from runner.sweeping.rows import Before, Rows, before
from runner.sweeping.shared import Key, Shared
from runner.target import of_a_run

if TYPE_CHECKING:
    from runner.sweeping.carrying import Carry


@dataclass(frozen=True, kw_only=True)
class How:
    """What the command line says of a resume."""

    state: Path | None
    as_recorded: bool
    cancel: bool


def go_on(session: Session, folder: Path, how: How) -> ExitCode:
    """Bring every point to its end: as many runs as the list has, however often this is done."""
    listed = sweep.read(folder)
    with Hold(folder):
        points = standings(folder, listed)
        if all(each.has_succeeded for each in points) and not any(
            each.said.alive for each in points if each.said
        ):
            session.console.swept(folder, points, billing=None)
            return ExitCode.DONE
        loaded = _meant(listed, folder, how) if _is_unfinished(points) else None
        kind = TargetKind(listed.target["kind"])
        with opening.reached(session, kind, session.emulator_state(how.state)) as lease:
            chosen = of_a_run(listed.target, session.environment)
            under_way.refuse_a_second(folder.parent, listed.recipe["name"], chosen, sweep=listed.id)
            cloud = opening.connected(session, chosen, listed.target["registry"])
            site = Site(
                session=session,
                folder=folder,
                sweep=listed,
                cloud=cloud,
                cancel=how.cancel,
            )
            return _carried_on(site, points, loaded, how, lease)


def _is_unfinished(points: tuple[Standing, ...]) -> bool:
    """Tell whether a point has not begun, for which the recipe is to be read again."""
    return any(each.status == NOT_BEGUN for each in points)


def _meant(listed: Sweep, folder: Path, how: How) -> Loaded:
    """Give the recipe of the points that never began: its file, if that still says what it said.

    Raises Drifted where it says something else, RecipeInvalid where it says nothing any more.
    """
    # As it is called by who begins a sweep: manifests are committed, and tell of no home.
    path = Path(os.path.relpath(_recipe_folder(listed, folder) / Path(listed.recipe["path"]).name))
    then = load_bytes(str(listed.recipe["in_force"]).encode(), path)
    if not path.is_file():
        return then
    hint = f"runner resume {listed.id} --as-recorded goes on with what was recorded; runner run begins anew"
    try:
        now = load(path, profiles=listed.recipe["profiles"], settings=listed.recipe["settings"])
        found = drift.differences(now, then)
    except RecipeInvalid as error:
        if how.as_recorded:
            return then
        raise RecipeInvalid(error.message, error.diagnostics, hint=hint) from error
    if not found:
        return now
    if how.as_recorded:
        return then
    raise Drifted(f"the recipe of sweep {listed.id} has changed since it began", found, hint=hint)


def _recipe_folder(listed: Sweep, folder: Path) -> Path:
    return (folder.resolve() / str(listed.recipe["folder"])).resolve()


def _carried_on(
    site: Site, points: tuple[Standing, ...], loaded: Loaded | None, how: How, lease: Lease
) -> ExitCode:
    begun = [each for each in points if each.status != NOT_BEGUN and not each.has_succeeded]
    recipes = _recipes(site, points)
    rows = Rows(
        folder=site.folder,
        recipe_folder=_recipe_folder(site.sweep, site.folder),
        cloud=site.cloud,
        before=_earlier(points, recipes),
    )
    tasks: dict[int, Carry] = {
        each.member.index: partial(taken_up, site, each.member, rows, as_recorded=how.as_recorded)
        for each in begun
    }
    needs: dict[int, Mapping[str, Key]] = {each.member.index: {} for each in points}
    needs |= {index: shared_by(found) for index, found in recipes.items()}
    made = {key for each in points if each.said for key in _made(each.said, needs[each.member.index])}
    if loaded is not None:
        for each in _new(site, points, loaded):
            member = site.sweep.points[each.point.index - 1]
            tasks[member.index] = beginning(site, member, each, rows)
            needs[member.index] = shared_by(each.opened.recipe)
    return finish(site, dict(sorted(tasks.items())), Shared(needs, made=made), lease)


def _new(site: Site, points: tuple[Standing, ...], loaded: Loaded) -> tuple[Ready, ...]:
    """Check the points that never began, at the versions that the sweep began with."""
    refuse_others(loaded, site.session.environment, site.sweep.id, site.sweep.variables)
    left = {each.member.index: each.member for each in points if each.status == NOT_BEGUN}
    chosen = [each for each in loaded.points if each.index in left]
    return ready(site.session, chosen, site.cloud, pins=left) if chosen else ()


def _recipes(site: Site, points: tuple[Standing, ...]) -> Mapping[int, Recipe]:
    """Give what the runs that have begun recorded as their recipes, at their pins."""
    kind, found = site.cloud.target.kind, {}
    for each in points:
        if each.said:
            loaded = recorded(each.said, site.run_folder(each.member))
            filled = opening.filled_in(site.session, loaded, kind)
            found[each.member.index] = pinned_recipe(filled.recipe, each.said)
    return found


def _made(said: Manifest, needs: Mapping[str, Key]) -> set[Key]:
    """Give what a run has made, or found made, of what the points share."""
    done = {name for name, record in said.steps.items() if record.status is StepStatus.SUCCEEDED}
    return {key for step, key in needs.items() if step in done}


def _earlier(points: tuple[Standing, ...], recipes: Mapping[int, Recipe]) -> list[Before]:
    found = [before(recipes[each.member.index].dataset, each.said) for each in points if each.said]
    return [each for each in found if each]
