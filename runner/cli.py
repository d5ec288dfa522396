"""The command line: argv and a snapshot of the environment go in, a verb runs, an exit code comes out."""

import argparse
import contextlib
import gc
import importlib
import io
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, Protocol, TextIO, cast

from runner.errors import ExitCode, RunnerError, Terminated

if TYPE_CHECKING:
    from runner.session import Session

VERBS: Mapping[str, str] = {
    "init": "write a recipe to begin with, with a comment wherever one might ask why",
    "validate": "tell every mistake in a recipe, at its line; touches no network",
    "config": "show every value in force and where it is from, as one recipe",
    "plan": "show what a run would create, reuse and change, and every parameter with its origin",
    "data": "show what a training would see: rows, tokens, what is cut and padded, steps",
    "lock": "write what a recipe's names and rows come to beside it; --check: tell what has moved since",
    "run": "carry a recipe out: train, register, deploy, score, clean up",
    "reproduce": "make a run again from its manifest, everything pinned, and tell how near it came",
    "resume": "bring a run that was interrupted, or failed, to its end",
    "attach": "follow a run that another process carries out",
    "logs": "show a run's journal in words, or what a step's processes wrote in the cloud",
    "report": "write runs, or what differs between them, as one HTML page",
    "cancel": "end a run: stop what runs, and clean up as after a failure",
    "down": "take back what a run left alive",
    "gc": "list what is alive under our tags in a workspace and in no run here; delete it on request",
    "runs": "list runs, those that a condition holds of, by what their manifests say",
    "show": "show what a run did and what it left",
    "verify": "hold a run's files against what was recorded of them; touches no network",
    "export": "write a run as an RO-Crate, which other programs can read",
    "score": "ask the model that a run has deployed, through the endpoint that it has kept",
    "why": "tell why each step of a run created, reused or updated what it did",
    "diff": "show what differs between two runs, manifests or recipes",
    "repair": "make a run whose journal or manifest is damaged one that can go on",
    "schema": "print the recipe's schema, which editors read",
    "emulator": "start, stop or look at the local Azure ML emulator",
}


# What ends a process that a person, a terminal or a machine that shuts down no longer wants.
_ENDING = (signal.SIGTERM, signal.SIGHUP)

OUTPUTS = ("text", "json")
# What a few verbs can put out besides: findings as SARIF, a table as CSV.
MORE_OUTPUTS: Mapping[str, str] = {"validate": "sarif", "plan": "sarif", "runs": "csv"}


class Verb(Protocol):
    """A module of `runner.verbs`; only the one asked for is imported."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the verb's own arguments."""

    def main(self, options: argparse.Namespace, session: "Session") -> ExitCode:
        """Do it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; every outcome a person can cause is an exit code, never a traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show a character shows its number
            stream.reconfigure(errors="backslashreplace")
    options, verb = _parse(words)
    # `--version` and `--help` have ended in `_parse`; what everything else needs is imported only now.
    from runner.clock import SystemClock  # noqa: PLC0415
    from runner.console import Output, Voice  # noqa: PLC0415
    from runner.session import Session  # noqa: PLC0415

    voice = Voice(_open(sys.stdout), _open(sys.stderr), Output(options.output), SystemClock())
    # What is ignored stays so: under nohup a closed terminal is no reason to end.
    before = {
        number: signal.signal(number, _terminate)
        for number in _ENDING
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        # The SDK prints to stdout as it likes; only the console's own handle reaches it.
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
            return int(
                _guarded(verb, options, Session(voice=voice, clock=voice.clock, environment=os.environ))
            )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for stream in (voice.stdout, voice.stderr):
            _let_go(stream)


def _let_go(stream: TextIO) -> None:
    """Bring out what is left to be read; what nobody reads must not become the process's exit code."""
    try:
        stream.flush()
    except OSError:  # a closed pipe, a terminal that is gone, a full disk
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _guarded(verb: Verb, options: argparse.Namespace, session: "Session") -> ExitCode:
    try:
        return verb.main(options, session)
    except RunnerError as error:
        session.voice.error(error)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        code = ExitCode.TERMINATED if isinstance(interrupt, Terminated) else ExitCode.INTERRUPTED
        session.voice.interrupted(code)
        return code
    except BrokenPipeError:
        return ExitCode.STEP_FAILED
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        session.voice.error(RunnerError(f"{name}{error.strerror or type(error).__name__}"))
        return ExitCode.STEP_FAILED
    except Exception as error:
        if session.environment.get("RUNNER_DEBUG"):
            raise
        session.voice.bug(error)
        return ExitCode.STEP_FAILED


def _parse(words: Sequence[str]) -> tuple[argparse.Namespace, Verb]:
    """Read the verb first and then, with its module's help, the rest."""
    if not words or words[0] not in VERBS:
        outer = _parser()
        outer.parse_args(words)
        outer.error("a verb is missing")
    verb = _imported(words[0])
    inner = argparse.ArgumentParser(
        prog=f"runner {words[0]}", description=VERBS[words[0]], allow_abbrev=False
    )
    outputs = (*OUTPUTS, MORE_OUTPUTS[words[0]]) if words[0] in MORE_OUTPUTS else OUTPUTS
    inner.add_argument("--output", choices=outputs, default="text")
    verb.arguments(inner)
    return inner.parse_args(words[1:]), verb


def _imported(verb: str) -> Verb:
    """Import a verb's module, with all that it needs.

    That stays to the end. To look through it for garbage, while it is made and again at the exit, would take
    a sixth of the time of `validate`.
    """
    gc.disable()
    try:
        return cast("Verb", importlib.import_module(f"runner.verbs.{verb}"))
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
        gc.enable()


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:<10} {text}" for name, text in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="runner",
        usage="runner VERB … (runner VERB --help tells a verb's options)",
        description=f"Fine-tune, deploy and score a model on Azure ML from one YAML recipe.\n\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"runner {_installed()}")
    parser.add_argument("verb", choices=VERBS, metavar="VERB")
    return parser


def _open(stream: TextIO | None) -> TextIO:
    """Give a stream to write to where the process was started without one."""
    return stream or Path(os.devnull).open("w", encoding="utf-8")


def _installed() -> str:
    # As slow to import as all else that `--version` takes, and no verb asks for it.
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version("runner")
    except PackageNotFoundError:
        return "(not installed)"


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


if __name__ == "__main__":
    sys.exit(main())
