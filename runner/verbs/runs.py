"""`runner runs`: the runs at hand, or those that a condition holds of, as a table."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from runner import index
from runner.errors import ExitCode
from runner.holder import is_held
from runner.index import NEWEST, USUAL, Asked, Index, Listed
from runner.journal import FILE_NAME
from runner.session import RUNS_FOLDER, RUNS_FOLDER_HELP, Session

_RUNNING = "running"


def arguments(parser: ArgumentParser) -> None:
    """Declare the condition, the order and the columns."""
    parser.add_argument(
        "--where",
        metavar="EXPR",
        help="only runs of which this holds, such as 'metrics.eval_loss < 2 and status == \"succeeded\"'",
    )
    parser.add_argument("--sort", metavar="KEY", default=NEWEST, help="in the order of a key, highest first")
    parser.add_argument("--ascending", "--reverse", action="store_true", help="the other way round")
    parser.add_argument("--limit", type=_count, metavar="N", help="no more than the first N")
    parser.add_argument(
        "--columns", type=_keys, metavar="KEY,…", default=USUAL, help="show these keys instead of the usual"
    )
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)


def main(options: Namespace, session: Session) -> ExitCode:
    """List them; nothing but the runs' manifests is read."""
    asked = Asked(
        columns=options.columns,
        where=index.parsed(options.where) if options.where is not None else None,
        sort=options.sort,
        ascending=options.ascending,
        limit=options.limit,
    )

    def question(found: Index) -> Listed:
        return index.listed(found, asked)

    listed = index.asked(options.runs_dir, question)
    session.voice.runs(listed, asked.columns, _left(options.runs_dir, listed))
    return ExitCode.DONE


def _left(runs: Path, listed: Listed) -> frozenset[str]:
    """Give those that have not ended and that no process carries on; a clone cannot tell."""
    running = [row.run for row in listed.rows if row.values.get("status") == _RUNNING]
    journals = {run: runs / run / FILE_NAME for run in running}
    return frozenset(run for run, journal in journals.items() if journal.is_file() and not is_held(journal))


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError("a number from 1 on")
    return int(text)


def _keys(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ArgumentTypeError("names of keys, with commas between them")
    return tuple(dict.fromkeys(names))
