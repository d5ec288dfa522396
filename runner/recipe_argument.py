"""The recipe on a command line: its file, the profiles and the settings on top of it."""

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path

from runner.load import Loaded, load


def declare(parser: ArgumentParser, *, required: bool = True) -> None:
    """Declare RECIPE, `--profile` and `--set`."""
    parser.add_argument("recipe", type=Path, metavar="RECIPE", nargs=None if required else "?")
    parser.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="NAME",
        help="lay profiles/NAME.yaml, beside the recipe, over it; may be given again",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set one value, such as finetune.parameters.lora_r=16; null takes a key away",
    )


def given(options: Namespace) -> str:
    """Give the profiles and settings as they can be typed again."""
    profiles = [word for name in options.profile for word in ("--profile", name)]
    return shlex.join([*profiles, *(word for text in options.set for word in ("--set", text))])


def read(options: Namespace) -> Loaded:
    """Load what the command line names."""
    return load(options.recipe, profiles=options.profile, settings=options.set)
