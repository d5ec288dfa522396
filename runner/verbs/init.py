"""`runner init [FILE]`: write a recipe to begin with, and what keeps the rest of a run out of git."""

import json
import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from runner.catalog import tasks
from runner.errors import ExitCode, UsageError
from runner.facts import TargetKind
from runner.session import Session

STDOUT = "-"
GITIGNORE = Path(".gitignore")
IGNORED = (
    "runs/*/*",
    "!runs/*/manifest.json",
    "!runs/*/sweep.json",
    "runs/.index.sqlite3*",
    "runs/*.html",
    ".runner/",
)
_PACKAGE = Path(__file__).resolve().parents[1]
_CHAT_DATA = "BUNDLED_CHAT_DATA"


def arguments(parser: ArgumentParser) -> None:
    """Declare the file and what the recipe is for."""
    help_text = "the recipe to write (default: recipe.yaml); - prints it"
    parser.add_argument("file", type=Path, nargs="?", default="recipe.yaml", metavar="FILE", help=help_text)
    parser.add_argument("--task", choices=tasks(), default=tasks()[0])
    parser.add_argument(
        "--target", choices=[each.value for each in TargetKind], default=TargetKind.EMULATOR.value
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there")


def main(options: Namespace, session: Session) -> ExitCode:
    """Write the recipe, never over another one unless that is asked for."""
    printed = str(options.file) == STDOUT
    recipe = _recipe(options.task, options.target, Path() if printed else options.file.parent)
    if printed:
        session.console.recipe(recipe)
        return ExitCode.DONE
    _write(options.file, recipe, force=options.force)
    ignored = _ignore()
    session.console.begun(options.file, GITIGNORE if ignored else None, () if ignored else _missing())
    return ExitCode.DONE


def _recipe(task: str, target: str, folder: Path) -> str:
    """Fill in the template, with the rows that come with runner as they are seen from the recipe's folder."""
    template = (_PACKAGE / "templates" / f"{task}.{target}.yaml").read_text(encoding="utf-8")
    seen = os.path.relpath(_PACKAGE / "emulator" / "data" / "chat", folder.resolve())
    return template.replace(_CHAT_DATA, json.dumps(seen, ensure_ascii=False))


def _write(file: Path, recipe: str, *, force: bool) -> None:
    try:
        with file.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(recipe)
    except FileExistsError as error:
        raise UsageError(
            f"{file} is already there", hint="name another file, or replace it with --force"
        ) from error
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error


def _ignore() -> bool:
    """Write a .gitignore, and say whether there was none: one that is there is not ours to change."""
    try:
        with GITIGNORE.open("x", encoding="utf-8") as stream:
            stream.write("".join(f"{line}\n" for line in IGNORED))
    except OSError:  # it is there, or cannot be: in both cases the lines are told
        return False
    return True


def _missing() -> tuple[str, ...]:
    try:
        known = {
            line.strip() for line in GITIGNORE.read_text(encoding="utf-8", errors="replace").splitlines()
        }
    except OSError:
        known = set()
    return tuple(line for line in IGNORED if line not in known)
