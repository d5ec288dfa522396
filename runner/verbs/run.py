"""`runner run RECIPE`: carry a recipe out, and clean up as it says."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from runner import (
    background,
    dataset,
    naming,
    on_interrupt,
    opening,
    origins,
    provenance,
    recipe_argument,
    runs,
    sweeping,
    under_way,
)
from runner.carry_out import at_the_console
from runner.cost import read_prices
from runner.errors import ExitCode, UsageError
from runner.facts import Target, TargetKind
from runner.journal import FILE_NAME, Event, Journal, Json, this_process
from runner.load import SETTING, Loaded, Part
from runner.opening import Opened
from runner.session import RUNS_FOLDER, Session
from runner.target import choose
from runner.variables import fingerprints


def arguments(parser: ArgumentParser) -> None:
    """Declare the recipe, its target and where runs lie."""
    recipe_argument.declare(parser)
    parser.add_argument("--target", choices=[each.value for each in TargetKind])
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help="where run folders are made")
    parser.add_argument("--state", type=Path, help="the emulator's folder")
    on_interrupt.declare(parser)
    parser.add_argument(
        "--detach", action="store_true", help="check everything, then let a process of its own carry it out"
    )
    parser.add_argument(
        "--prices", type=Path, metavar="FILE", help="prices of your own, instead of the list's"
    )
    parser.add_argument("--yes", action="store_true", help="carry a sweep out without asking")


def main(options: Namespace, session: Session) -> ExitCode:
    """Check everything, then carry it out."""
    loaded = recipe_argument.read(options)
    prices = read_prices(options.prices) if options.prices else None
    runs.check(options.runs_dir)
    if loaded.points:
        _refuse_as_sweep(options, session, loaded)
    kind = choose(loaded.recipe, options.target)
    # To reach a cloud changes it, and so does the SDK: another process is to find its own way there.
    environment = dict(session.environment)
    with opening.reached(session, kind, session.emulator_state(options.state)) as lease:
        loaded = opening.filled_in(session, loaded, kind)
        chosen = opening.where(session, loaded, kind)
        under_way.refuse_a_second(options.runs_dir, loaded.recipe.name, chosen)
        cloud = opening.connected(session, chosen, loaded.recipe.model.registry)
        if loaded.points:
            return sweeping.begin(
                session,
                loaded,
                cloud,
                lease,
                runs_dir=options.runs_dir,
                prices=prices,
                first_record=first_record,
                yes=options.yes,
                cancel=on_interrupt.cancels(options),
            )
        opened = opening.opened(loaded, cloud, session.clock.now().date(), prices)
        _refuse_bad_rows(opened)
        folder = runs.create(options.runs_dir, naming.run_id(loaded.recipe, session.clock.now()))
        with Journal(folder / FILE_NAME, session.clock, new=True) as journal:
            journal.append(Event.RUN_OPENED, data=_opening(session, opened, chosen, folder))
            run = opening.begun(session, journal, folder, cloud, cancel=on_interrupt.cancels(options))
            try:
                run.save()
                context = opening.context(opened, folder)
                if not options.detach:
                    return at_the_console(session, run, opened.plan, context).exit_code
            finally:
                lease.keep = options.detach or bool(run.manifest.alive)
        # The journal is let go: the process that carries the run on is to hold it.
        return _detached(options, session, folder, opened, environment)


def _refuse_as_sweep(options: Namespace, session: Session, loaded: Loaded) -> None:
    """Refuse what cannot be done with a sweep, before a cloud is reached."""
    if options.detach:
        raise UsageError(
            f"{loaded.source.path} is a sweep, which is not carried out in the background",
            hint="leave --detach out; a sweep that is interrupted goes on with runner resume",
        )
    sweeping.refuse_unconfirmed(session, loaded, yes=options.yes)


def _refuse_bad_rows(opened: Opened) -> None:
    """Find rows that cannot be trained on while nothing is made yet: the steps begin at the same time."""
    section = opened.loaded.recipe.dataset
    if section:
        dataset.check(section, folder=opened.loaded.source.folder)


def _detached(
    options: Namespace, session: Session, folder: Path, opened: Opened, environment: Mapping[str, str]
) -> ExitCode:
    words = ["--state", str(session.emulator_state(options.state)), "--on-interrupt", options.on_interrupt]
    pid = background.carry_on(folder, words, environment)
    session.console.detached(folder, opened.cloud.target.kind, opened.plan, pid)
    return ExitCode.DONE


def first_record(session: Session, opened: Opened, chosen: Target, folder: Path) -> Mapping[str, Json]:
    """Give the first record of a run that another verb, or a sweep, begins."""
    return _opening(session, opened, chosen, folder)


def _opening(session: Session, opened: Opened, chosen: Target, folder: Path) -> dict[str, Json]:
    """Give the journal's first record: all that the run is made of, so that it can be told from it alone."""
    source, effective = opened.loaded.source, opened.plan.effective
    parameters = effective.parameters.values() if effective else ()
    return {
        "run_id": folder.name,
        "process": this_process(),
        "recipe": {
            "name": opened.loaded.recipe.name,
            "path": source.path,
            "folder": os.path.relpath(source.folder, folder.resolve()),
            "sha256": source.digest,
            "text": source.text,
            "parts": [_part(part, source.folder) for part in source.parts] if len(source.parts) > 1 else [],
            **_in_force(opened),
        },
        "target": {
            "kind": chosen.kind.value,
            "subscription_id": chosen.subscription_id,
            "resource_group": chosen.resource_group,
            "workspace_name": chosen.workspace_name,
            "registry": opened.loaded.recipe.model.registry,
        },
        "variables": fingerprints(opened.loaded, session.environment, folder.name),
        "versions": provenance.versions(source.folder),
        "pins": _pins(opened),
        "parameters": [
            {"name": each.name, "value": each.value, "origin": each.origin.value, "detail": each.detail}
            for each in parameters
        ],
    }


def _in_force(opened: Opened) -> dict[str, Json]:
    """Give all that the recipe came to, as one recipe that needs no other file, and by its keys."""
    found = origins.values(opened.loaded, opened.plan.effective, opened.facts.component)
    lines = "".join(f"{line}\n" for line in origins.as_yaml(found, comments=True))
    return {
        "in_force": lines.replace(f"{opened.loaded.source.folder}/", ""),
        "values": {each.dotted: each.value for each in found},
    }


def _part(part: Part, folder: Path) -> dict[str, Json]:
    path = os.path.relpath(part.path, folder) if part.kind != SETTING else part.path
    return asdict(part) | {"path": path}


def _pins(opened: Opened) -> dict[str, Json]:
    """Pin what `latest` meant; the rows are pinned by the dataset step's outputs."""
    model, component = opened.facts.model, opened.facts.component
    return {
        "model": {"id": model.id, "version": model.version} if model else None,
        "component": {"name": component.name, "version": component.version} if component else None,
    }
