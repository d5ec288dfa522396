"""`runner validate RECIPE`: tell every mistake at its line, without a network."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from runner.errors import ExitCode
from runner.load import load
from runner.session import Session


def arguments(parser: ArgumentParser) -> None:
    """Declare the recipe."""
    parser.add_argument("recipe", type=Path, metavar="RECIPE")


def main(options: Namespace, session: Session) -> ExitCode:
    """Load the recipe; loading it is what tells the mistakes."""
    loaded = load(options.recipe)
    session.voice.valid(options.recipe, loaded.notices)
    return ExitCode.DONE
