"""`runner lock RECIPE`: write what its names and rows come to; `--check`: tell what has moved since."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from runner import opening, pins, recipe_argument
from runner.errors import Drifted, ExitCode, Severity
from runner.facts import TargetKind
from runner.lifecycle import locking
from runner.load import Loaded
from runner.pins import Lock
from runner.session import Session
from runner.target import choose

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud


def arguments(parser: ArgumentParser) -> None:
    """Declare the recipe and its target."""
    recipe_argument.declare(parser)
    parser.add_argument("--target", choices=[each.value for each in TargetKind])
    parser.add_argument("--state", type=Path, help="the emulator's folder")
    parser.add_argument("--check", action="store_true", help="write nothing; tell what has moved since")


def main(options: Namespace, session: Session) -> ExitCode:
    """Lock the recipe, or hold it against its lock."""
    loaded = recipe_argument.read(options)
    locking.refuse_sweep(loaded)
    kind = choose(loaded.recipe, options.target)
    lock = locking.beside(options.recipe, loaded, kind) if options.check else None
    with opening.reached(session, kind, session.emulator_state(options.state)):
        loaded = opening.filled_in(session, loaded, kind)
        chosen = opening.where(session, loaded, kind)
        cloud = opening.connected(session, chosen, loaded.recipe.model.registry)
        today = session.clock.now().date()
        if lock is None:
            made = replace(locking.made(loaded, cloud, today), options=recipe_argument.given(options))
            return _write(session, options.recipe, made)
        return _check(session, loaded, cloud, today, lock)


def _write(session: Session, recipe: Path, lock: Lock) -> ExitCode:
    path = pins.path_of(recipe)
    pins.write(lock, path, recipe)
    session.console.locked(path, lock)
    return ExitCode.DONE


def _check(session: Session, loaded: Loaded, cloud: "Cloud", today: date, lock: Lock) -> ExitCode:
    """Tell what has moved. Raises Drifted where that is more than a library's version."""
    found = locking.moved(loaded, cloud, today, lock)
    if any(each.severity is not Severity.NOTICE for each in found):
        hint = f"{pins.command(loaded.source.path, lock)} locks what there is now"
        raise Drifted(f"what {lock.path} has is not what there is now", found, hint=hint)
    session.console.unmoved(lock.path, found)
    return ExitCode.DONE
