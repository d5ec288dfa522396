"""`runner plan RECIPE`: what a run would do and with which parameters; nothing is changed."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from runner import opening, recipe_argument, sweeping
from runner.cost import read_prices
from runner.errors import ExitCode
from runner.facts import TargetKind
from runner.lifecycle import locking
from runner.load import resolve
from runner.session import Session
from runner.target import choose


def arguments(parser: ArgumentParser) -> None:
    """Declare the recipe and its target."""
    recipe_argument.declare(parser)
    parser.add_argument("--target", choices=[each.value for each in TargetKind])
    parser.add_argument("--offline", action="store_true", help="plan from the catalog's dated facts alone")
    locking.declare(parser)
    parser.add_argument("--state", type=Path, help="the emulator's folder")
    parser.add_argument(
        "--prices", type=Path, metavar="FILE", help="prices of your own, instead of the list's"
    )


def main(options: Namespace, session: Session) -> ExitCode:
    """Show the plan."""
    loaded = recipe_argument.read(options)
    prices = read_prices(options.prices) if options.prices else None
    kind = choose(loaded.recipe, options.target)
    lock = locking.asked_for(options, loaded, kind)
    today = session.clock.now().date()
    if options.offline:
        loaded = resolve(loaded, session.environment, needed=())
        if loaded.points:
            sweeping.plan(session, loaded, kind, None, prices)
            return ExitCode.DONE
        session.console.plan(loaded.recipe.name, kind, locking.offline(loaded, kind, today, prices, lock))
        return ExitCode.DONE
    with opening.reached(session, kind, session.emulator_state(options.state)):
        loaded = opening.filled_in(session, loaded, kind)
        chosen = opening.where(session, loaded, kind)
        cloud = opening.connected(session, chosen, loaded.recipe.model.registry)
        if loaded.points:
            sweeping.plan(session, loaded, kind, cloud, prices)
            return ExitCode.DONE
        with locking.opened(loaded, cloud, today, prices, lock) as opened:
            session.console.plan(loaded.recipe.name, kind, opened.plan)
    return ExitCode.DONE
