"""`runner reproduce MANIFEST`: make a run again as it was, and tell how near it came."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from math import isfinite
from pathlib import Path

from runner import on_interrupt
from runner.compare import TOLERANCE
from runner.errors import ExitCode
from runner.facts import TargetKind
from runner.lifecycle import reproducing
from runner.session import RUN_HELP, RUNS_FOLDER, RUNS_FOLDER_HELP, Session


def arguments(parser: ArgumentParser) -> None:
    """Declare the manifest, what is to be otherwise, and how the run is judged."""
    parser.add_argument(
        "manifest",
        metavar="MANIFEST",
        help=RUN_HELP,
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="have one value otherwise, such as finetune.parameters.lora_r=16; the verdict will name it",
    )
    parser.add_argument(
        "--tolerance",
        type=_tolerance,
        default=TOLERANCE,
        metavar="SHARE",
        help="how far a metric may be off, as a share of the larger value (default: %(default)s)",
    )
    parser.add_argument(
        "--exact", action="store_true", help="demand the same weights and losses, too, bit by bit"
    )
    parser.add_argument("--target", choices=[each.value for each in TargetKind])
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)
    parser.add_argument("--state", type=Path, help="the emulator's folder")
    on_interrupt.declare(parser)


def main(options: Namespace, session: Session) -> ExitCode:
    """Make it again."""
    wish = reproducing.Wish(
        name=options.manifest,
        settings=tuple(options.set),
        runs_dir=options.runs_dir,
        target=TargetKind(options.target) if options.target else None,
        state=options.state,
        cancel=on_interrupt.cancels(options),
        tolerance=options.tolerance,
        exact=options.exact,
    )
    return reproducing.reproduce(session, wish)


def _tolerance(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not (isfinite(share) and 0 <= share < 1):
        raise ArgumentTypeError("must be a share from 0 to below 1, such as 0.01")
    return share
