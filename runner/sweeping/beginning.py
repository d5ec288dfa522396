"""A new sweep: every point checked, the list of them on the disk, then all of them carried out."""

import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner import dataset, naming, origins, runs
from runner.clock import stamp
from runner.cost import Prices
from runner.errors import ExitCode, UsageError
from runner.facts import TargetKind
from runner.lifecycle.carry_out import Outcome
from runner.lifecycle.variables import fingerprints
from runner.load import SETTING, Loaded
from runner.opening import Lease
from runner.recipe import Dataset, Recipe, given
from runner.session import Session
from runner.sweep import Hold, Member, Sweep, write
from runner.sweeping.carrying import Carry, Hands
from runner.sweeping.finishing import finish
from runner.sweeping.members import Site, begun
from runner.sweeping.opening import Ready, offline, ready
from runner.sweeping.rows import Rows
from runner.sweeping.shared import Key, Shared

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

_PROFILE = "profile"


def plan(
    session: Session, loaded: Loaded, kind: TargetKind, cloud: "Cloud | None", prices: Prices | None
) -> None:
    """Show what a sweep would do; without a cloud from the catalog alone. Raises PreflightRefused."""
    if cloud is None:
        plans = offline(loaded, kind, session.clock.now().date(), prices)
    else:
        plans = tuple(each.opened.plan for each in ready(session, loaded.points, cloud, prices))
    session.console.sweep_plan(loaded, kind, plans)


def refuse_unconfirmed(session: Session, loaded: Loaded, *, yes: bool) -> None:
    """Refuse a sweep that nobody can be asked about, before anything is asked of a cloud. UsageError."""
    if not yes and not session.console.can_ask:
        raise UsageError(
            f"{loaded.source.path} is a sweep of {len(loaded.points)} runs, and nobody is here to confirm it",
            hint="--yes carries it out without asking; --set sweep=null runs the recipe alone, once",
        )


def begin(  # noqa: PLR0913 - what the command line says
    session: Session,
    loaded: Loaded,
    cloud: "Cloud",
    lease: Lease,
    *,
    runs_dir: Path,
    prices: Prices | None,
    yes: bool,
    cancel: bool,
) -> ExitCode:
    """Check all points, ask, write their list down and carry them out."""
    points = ready(session, loaded.points, cloud, prices)
    _refuse_bad_rows(each.opened.loaded for each in points)
    session.console.sweep_opening(loaded, cloud.target.kind, [each.opened.plan for each in points])
    if not yes and not session.console.confirmed(f"carry out these {len(points)} runs?"):
        raise UsageError("not confirmed: nothing was made")
    folder = runs.create(runs_dir, naming.sweep_id(loaded.recipe, session.clock.now()))
    with Hold(folder):
        site = Site(
            session=session,
            folder=folder,
            sweep=_listed(session, loaded, points, folder),
            cloud=cloud,
            cancel=cancel,
        )
        write(site.sweep, folder)
        session.console.sweep_begun(folder)
        rows = Rows(folder=folder, recipe_folder=loaded.source.folder, cloud=cloud)
        tasks = {
            member.index: beginning(site, member, each, rows)
            for member, each in zip(site.sweep.points, points, strict=True)
        }
        needs = {each.point.index: shared_by(each.opened.recipe) for each in points}
        return finish(site, tasks, Shared(needs, made=set()), lease)


def beginning(site: Site, member: Member, each: Ready, rows: Rows) -> Carry:
    """Give what begins a point's run, with the rows that others train on, too."""
    return partial(_begun, site, member, each, rows)


def _begun(site: Site, member: Member, each: Ready, rows: Rows, hands: Hands) -> Outcome:
    section = given(each.opened.recipe.dataset)
    return begun(site, member, each, rows.of(section, hands.stop), hands)


def shared_by(recipe: Recipe) -> Mapping[str, Key]:
    """Give what a point finds made, or makes for the others, by the step that does."""
    cluster = None if recipe.compute is None else recipe.compute.name
    return {"dataset": repr(recipe.dataset), "compute": f"compute {cluster}"}


def _refuse_bad_rows(points: Iterable[Loaded]) -> None:
    """Find rows that cannot be trained on while nothing is made yet, each section once."""
    checked: list[Dataset] = []
    for loaded in points:
        section = given(loaded.recipe.dataset)
        if section not in checked:
            dataset.check(section, folder=loaded.source.folder)
            checked.append(section)


def _listed(session: Session, loaded: Loaded, points: tuple[Ready, ...], folder: Path) -> Sweep:
    """Give the list of the points, with an id for each run and the versions that it is to use."""
    source, chosen, moment = loaded.source, points[0].opened.cloud.target, session.clock.now()
    sweep = given(loaded.recipe.sweep)
    lines = origins.as_yaml(origins.values(loaded, None, None), comments=True)
    return Sweep(
        id=folder.name,
        began=stamp(moment),
        recipe={
            "name": loaded.recipe.name,
            "path": source.path,
            "folder": os.path.relpath(source.folder, folder.resolve()),
            "sha256": source.digest,
            "profiles": [Path(part.path).stem for part in source.parts if part.kind == _PROFILE],
            "settings": [part.text for part in source.parts if part.kind == SETTING],
            "in_force": "".join(f"{line}\n" for line in lines).replace(f"{source.folder}/", ""),
        },
        target={
            "kind": chosen.kind.value,
            "subscription_id": chosen.subscription_id,
            "resource_group": chosen.resource_group,
            "workspace_name": chosen.workspace_name,
            "registry": loaded.recipe.model.registry,
        },
        variables=fingerprints(loaded, session.environment, folder.name),
        cleanup=loaded.recipe.cleanup,
        max_concurrent=sweep.max_concurrent,
        points=tuple(_members(loaded.recipe, points, folder)),
    )


def _members(recipe: Recipe, points: Iterable[Ready], folder: Path) -> Iterable[Member]:
    moment = naming.began(folder.name)
    taken: set[str] = set()
    for each in points:
        run = naming.run_id(recipe, given(moment))
        while run in taken or (folder.parent / run).exists():  # of four hex digits, two may be alike
            run = naming.run_id(recipe, given(moment))
        taken.add(run)
        model, component, rows = each.opened.pins.model, each.opened.pins.component, each.opened.pins.dataset
        yield Member(
            index=each.point.index,
            run=run,
            values=each.point.values,
            model=model.version if model else None,
            component=component.version if component else None,
            revision=rows.revision if rows else None,
        )
