"""The door: which stage to run, on which spec, and how it ends.

Exit code 0, or 1 with a last line `ERROR <code>: <sentence>` for what a user can mend, or 2 for a wrong call.
What is nobody's mistake but ours ends with a traceback.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING

from runner.trainer import environment, lifetime
from runner.trainer.errors import TrainerError
from runner.trainer.log import say
from runner.trainer.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Sequence

STAGES = {  # stage: module; imported on demand, because some of them take seconds to import
    "validate": "runner.trainer.validate",
    "import_model": "runner.trainer.import_model",
    "preprocess": "runner.trainer.preprocess",
    "finetune": "runner.trainer.finetune",
    "convert": "runner.trainer.convert",
}


def main(arguments: Sequence[str]) -> int:
    """Run what the command line names; give the exit code."""
    parsed = _parser().parse_args(arguments)
    lifetime.end_with_parent()
    environment.prepare()
    try:
        if parsed.stage == "serve":
            importlib.import_module("runner.trainer.serve").run(parsed.model)
        else:
            importlib.import_module(STAGES[parsed.stage]).run(Spec.read(parsed.spec))
    except TrainerError as error:
        say(f"ERROR {error.code}: {error}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m runner.trainer", description=__doc__)
    stages = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for stage in STAGES:
        stages.add_parser(stage).add_argument("spec", metavar="SPEC.json")
    stages.add_parser("serve").add_argument("--model", required=True, metavar="FOLDER")
    return parser


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, encoding="utf-8")  # type: ignore[union-attr] # it is a TextIOWrapper
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # torch's threads would take another half second to wind down
