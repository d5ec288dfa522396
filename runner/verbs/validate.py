"""`runner validate RECIPE`: tell every mistake at its line, without a network."""

from argparse import ArgumentParser, Namespace

from runner import recipe_argument
from runner.errors import ExitCode
from runner.session import Session


def arguments(parser: ArgumentParser) -> None:
    """Declare the recipe."""
    recipe_argument.declare(parser)


def main(options: Namespace, session: Session) -> ExitCode:
    """Load the recipe; loading it is what tells the mistakes."""
    loaded = recipe_argument.read(options)
    session.voice.valid(options.recipe, loaded.notices)
    return ExitCode.DONE
