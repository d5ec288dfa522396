"""The command line of the emulator: `python -m runner.emulator --state DIR`."""

import argparse
import logging
import sys
from pathlib import Path

from runner.emulator.server import EXIT_LOCKED, LockedError, serve
from runner.emulator.settings import TRAINER, Settings


def main() -> int:
    """Serve until the end; 3 if another emulator holds the folder."""
    logging.basicConfig(format="%(asctime)s %(name)s: %(message)s", level=logging.WARNING)
    arguments = _parser().parse_args()
    if arguments.trainer != TRAINER and not arguments.test_mode:
        _parser().error("--trainer needs --test-mode: outside of it, training and scoring are always real")
    settings = Settings(
        state=arguments.state.resolve(),
        port=arguments.port,
        idle_timeout=arguments.idle_timeout,
        test_mode=arguments.test_mode,
        fast_polling=arguments.fast_polling,
        trainer=arguments.trainer,
    )
    try:
        serve(settings)
    except LockedError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_LOCKED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m runner.emulator", description=__doc__)
    parser.add_argument(
        "--state", type=Path, required=True, help="folder of all that it keeps; one emulator each"
    )
    parser.add_argument(
        "--idle-timeout", type=float, default=900.0, help="end after so many idle seconds (900)"
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (a free one)")
    parser.add_argument(
        "--test-mode", action="store_true", help="let whoever has the admin token script jobs"
    )
    parser.add_argument(
        "--trainer", default=TRAINER, help="module that trains and serves; another only in test mode"
    )
    parser.add_argument(
        "--no-fast-polling",
        dest="fast_polling",
        action="store_false",
        help="leave it to clients how often they poll, as Azure does",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
