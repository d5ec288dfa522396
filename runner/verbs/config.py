"""`runner config RECIPE`: every value in force, as one recipe; with `--origin`, where each is from."""

from argparse import ArgumentParser, Namespace

from runner import opening, origins, recipe_argument
from runner.errors import ExitCode
from runner.facts import TargetKind
from runner.session import Session
from runner.target import choose


def arguments(parser: ArgumentParser) -> None:
    """Declare the recipe."""
    recipe_argument.declare(parser)
    parser.add_argument("--target", choices=[each.value for each in TargetKind])
    parser.add_argument(
        "--origin", action="store_true", help="tell where each value is from and what it overrode"
    )


def main(options: Namespace, session: Session) -> ExitCode:
    """Show the values; nothing outside this machine is asked."""
    loaded = recipe_argument.read(options)
    kind = choose(loaded.recipe, options.target)
    facts, effective = opening.from_catalog(loaded, kind, session.clock.now().date())
    session.console.values(origins.values(loaded, effective, facts.component), with_origin=options.origin)
    return ExitCode.DONE
