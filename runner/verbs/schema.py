"""`runner schema`: print the schema that editors read, in one piece."""

from argparse import ArgumentParser, Namespace

from runner.catalog import tasks
from runner.errors import ExitCode
from runner.schema_files import bundled
from runner.session import Session


def arguments(parser: ArgumentParser) -> None:
    """Declare which schema."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--task", choices=tasks(), help="the schema of this task's parameters alone")
    which.add_argument(
        "--rows",
        metavar="TASK",
        nargs="?",
        const=tasks()[0],
        choices=tasks(),
        help=f"the schema of a row of this task's data set (of {tasks()[0]} where none is said)",
    )
    which.add_argument("--lock", action="store_true", help="the schema of a recipe's lock")


def main(options: Namespace, session: Session) -> ExitCode:
    """Print it."""
    session.console.document(bundled(_name(options)))
    return ExitCode.DONE


def _name(options: Namespace) -> str:
    if options.task:
        return f"parameters/{options.task}.schema.json"
    if options.rows:
        return f"rows/{options.rows}.schema.json"
    return "lock.schema.json" if options.lock else "recipe.schema.json"
