"""`runner schema`: print the schema that editors read, in one piece."""

from argparse import ArgumentParser, Namespace

from runner.catalog import tasks
from runner.errors import ExitCode
from runner.schema_files import bundled
from runner.session import Session


def arguments(parser: ArgumentParser) -> None:
    """Declare which schema."""
    parser.add_argument("--task", choices=tasks(), help="the schema of this task's parameters alone")


def main(options: Namespace, session: Session) -> ExitCode:
    """Print it."""
    name = f"parameters/{options.task}.schema.json" if options.task else "recipe.schema.json"
    session.console.document(bundled(name))
    return ExitCode.DONE
