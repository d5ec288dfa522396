"""`runner run RECIPE`: carry a recipe out, and clean up as it says."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from threading import Event as StopEvent

from runner import execute, naming, opening, origins, provenance, recipe_argument, runs
from runner.cost import read_prices
from runner.errors import CloudUnavailable, ExitCode, RunnerError, StillBilling
from runner.execute import Run
from runner.facts import Target, TargetKind
from runner.journal import FILE_NAME, Event, Journal, Json
from runner.load import SETTING, Part
from runner.manifest import RunStatus
from runner.opening import Opened
from runner.recipe import Cleanup
from runner.session import RUNS_FOLDER, Session
from runner.steps.step import Context
from runner.target import choose


def arguments(parser: ArgumentParser) -> None:
    """Declare the recipe, its target and where runs lie."""
    recipe_argument.declare(parser)
    parser.add_argument("--target", choices=[each.value for each in TargetKind])
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help="where run folders are made")
    parser.add_argument("--state", type=Path, help="the emulator's folder")
    parser.add_argument(
        "--prices", type=Path, metavar="FILE", help="prices of your own, instead of the list's"
    )


def main(options: Namespace, session: Session) -> ExitCode:
    """Check everything, then carry it out."""
    loaded = recipe_argument.read(options)
    prices = read_prices(options.prices) if options.prices else None
    runs.check(options.runs_dir)
    kind = choose(loaded.recipe, options.target)
    with opening.reached(session, kind, session.emulator_state(options.state)) as lease:
        loaded = opening.filled_in(session, loaded, kind)
        chosen = opening.where(session, loaded, kind)
        cloud = opening.connected(session, chosen, loaded.recipe.model.registry)
        opened = opening.opened(loaded, cloud, session.clock.now().date(), prices)
        folder = runs.create(options.runs_dir, naming.run_id(loaded.recipe, session.clock.now()))
        with Journal(folder / FILE_NAME, session.clock, new=True) as journal:
            journal.append(Event.RUN_OPENED, data=_opening(opened, chosen, folder.name))
            try:
                return _carried_out(session, opened, folder, journal)
            finally:
                lease.keep = bool(execute.manifest_of(journal).alive)


def _carried_out(session: Session, opened: Opened, folder: Path, journal: Journal) -> ExitCode:
    """Walk forward, clean up by policy, and say how it ended, whatever happens on the way."""
    with session.console.following(folder.name, opened.cloud.target.kind, opened.plan) as observer:
        run = Run(
            cloud=opened.cloud,
            journal=journal,
            folder=folder,
            observer=observer,
            clock=session.clock,
            stop=StopEvent(),
        )
        error = _caught(lambda: execute.forward(run, opened.plan, _context(opened, folder)))
        left: list[str] = []
        policy = opened.loaded.recipe.cleanup
        trouble = _caught(lambda: left.extend(_clean_up(run, policy, error)))
    error = trouble if isinstance(trouble, KeyboardInterrupt) else error or trouble
    billing = _still_billing(left, folder) if left else None
    manifest = execute.close(journal, _status(error), folder)
    session.console.finished(manifest, folder, error, billing)
    if error is not None and not isinstance(error, RunnerError):
        raise error
    decisive = billing or error
    return decisive.exit_code if decisive else ExitCode.DONE


def _still_billing(left: list[str], folder: Path) -> StillBilling:
    return StillBilling(f"not proven gone: {', '.join(left)}", hint=f"runner down {folder.name}")


def _caught(action: Callable[[], None]) -> BaseException | None:
    """Do something and give what it raised: a run is closed before its error goes on."""
    try:
        action()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - it is raised again once the run is closed
        return error
    return None


def _clean_up(run: Run, policy: Cleanup, error: BaseException | None) -> tuple[str, ...]:
    """Take back what the run made, if the recipe says so.

    A run that was interrupted, or has lost its cloud from sight, keeps what it has: nothing is decided there,
    and a training of hours may be doing well.
    """
    undecided = run.stop.is_set() or isinstance(error, CloudUnavailable)
    unasked = policy is Cleanup.NEVER or (policy is Cleanup.ON_FAILURE and error is None)
    if undecided or unasked:
        return ()
    return execute.backward(run, down=False)


def _status(error: BaseException | None) -> RunStatus:
    if error is None:
        return RunStatus.SUCCEEDED
    undecided = isinstance(error, KeyboardInterrupt | CloudUnavailable)
    return RunStatus.INTERRUPTED if undecided else RunStatus.FAILED


def _context(opened: Opened, folder: Path) -> Context:
    return Context(
        recipe=opened.loaded.recipe,
        recipe_folder=opened.loaded.source.folder,
        run_id=folder.name,
        run_folder=folder,
        cloud=opened.cloud,
        facts=opened.facts,
        effective=opened.plan.effective,
        outputs={},
    )


def _opening(opened: Opened, chosen: Target, run_id: str) -> dict[str, Json]:
    """Give the journal's first record: all that the run is made of, so that it can be told from it alone."""
    source, effective = opened.loaded.source, opened.plan.effective
    parameters = effective.parameters.values() if effective else ()
    return {
        "run_id": run_id,
        "recipe": {
            "name": opened.loaded.recipe.name,
            "path": source.path,
            "sha256": source.digest,
            "text": source.text,
            "parts": [_part(part, source.folder) for part in source.parts] if len(source.parts) > 1 else [],
            "in_force": _in_force(opened),
        },
        "target": {
            "kind": chosen.kind.value,
            "subscription_id": chosen.subscription_id,
            "resource_group": chosen.resource_group,
            "workspace_name": chosen.workspace_name,
            "registry": opened.loaded.recipe.model.registry,
        },
        "versions": provenance.versions(source.folder),
        "pins": _pins(opened),
        "parameters": [
            {"name": each.name, "value": each.value, "origin": each.origin.value, "detail": each.detail}
            for each in parameters
        ],
    }


def _in_force(opened: Opened) -> str:
    """Give all that the recipe came to, as one recipe that needs no other file."""
    found = origins.values(opened.loaded, opened.plan.effective, opened.facts.component)
    lines = "".join(f"{line}\n" for line in origins.as_yaml(found, comments=True))
    return lines.replace(f"{opened.loaded.source.folder}/", "")


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
