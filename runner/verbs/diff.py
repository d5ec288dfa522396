"""`runner diff A B`: what differs between two runs, manifests or recipes, and nothing else."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from runner import compare, opening, origins, runs
from runner.compare import Difference, Side
from runner.durable import replace_file
from runner.errors import ExitCode, UsageError
from runner.load import load
from runner.session import RUN_HELP, RUNS_FOLDER, RUNS_FOLDER_HELP, Session
from runner.target import choose

_RECIPES = (".yaml", ".yml")


def arguments(parser: ArgumentParser) -> None:
    """Declare the two sides."""
    help_text = f"a run ({RUN_HELP}), a manifest that lies alone, or a recipe"
    parser.add_argument("one", metavar="A", help=help_text)
    parser.add_argument("other", metavar="B", help="the same")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="also write it as a page that needs nothing else"
    )
    parser.add_argument(
        "--measured", action="store_true", help="also speed, time and memory, which no two runs share"
    )
    parser.add_argument(
        "--exit-code", action="store_true", help="end with 5 if anything differs, for scripts"
    )
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)


def main(options: Namespace, session: Session) -> ExitCode:
    """Compare; only files are read, and no cloud is asked."""
    sides = [_side(options.runs_dir, name, session) for name in (options.one, options.other)]
    found = compare.differences(sides, measured=options.measured)
    if options.html:
        _write(options.html, sides, found)
    session.console.compared(sides, found, options.html)
    return ExitCode.NOT_REPRODUCED if found and options.exit_code else ExitCode.DONE


def _write(file: Path, sides: Sequence[Side], found: Sequence[Difference]) -> None:
    # Only who wants a page pays for what draws it.
    from runner.report import comparison_page  # noqa: PLC0415

    try:
        replace_file(file, comparison_page(sides, found).encode())
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}", hint="name another file") from error


def _side(folder: Path, name: str, session: Session) -> Side:
    if Path(name).suffix in _RECIPES:
        return _of_recipe(Path(name), session)
    said, where = runs.find_manifest(folder, name)
    return compare.of_manifest(said, compare.answers_of(where))


def _of_recipe(path: Path, session: Session) -> Side:
    """Read a recipe as `config` does, its parameters filled in from the catalog."""
    loaded = load(path)
    kind = choose(loaded.recipe, None)
    facts, effective = opening.from_catalog(loaded, kind, session.clock.now().date())
    found = origins.values(loaded, effective, facts.component)
    return compare.of_recipe(str(path), {each.dotted: each.value for each in found})
