"""`runner emulator start|stop|status|env`: the local Azure ML emulator's process."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

from runner import launcher
from runner.errors import CloudUnavailable, ExitCode
from runner.session import Session

IDLE_TIMEOUT = 900


def arguments(parser: ArgumentParser) -> None:
    """Declare what to do and where its state lies."""
    parser.add_argument("what", choices=list(_WHAT))
    parser.add_argument("--state", type=Path, help="its folder (default: RUNNER_STATE, or .runner/emulator)")
    parser.add_argument(
        "--idle-timeout",
        type=int,
        default=IDLE_TIMEOUT,
        metavar="SECONDS",
        help="end after this long without a request (start)",
    )


def main(options: Namespace, session: Session) -> ExitCode:
    """Do it."""
    return _WHAT[options.what](options, session)


def _start(options: Namespace, session: Session) -> ExitCode:
    state = session.emulator_state(options.state)
    found = launcher.find(state)
    if found is None:
        process = launcher.spawn(state, idle_timeout=options.idle_timeout)
        found = launcher.wait_until_up(state, process)
    session.console.emulator(found)
    return ExitCode.DONE


def _stop(options: Namespace, session: Session) -> ExitCode:
    found = launcher.find(session.emulator_state(options.state))
    if found:
        launcher.stop(found)
    session.console.stopped(found)
    return ExitCode.DONE


def _status(options: Namespace, session: Session) -> ExitCode:
    session.console.emulator(launcher.find(session.emulator_state(options.state)))
    return ExitCode.DONE


def _env(options: Namespace, session: Session) -> ExitCode:
    state = session.emulator_state(options.state)
    found = launcher.find(state)
    if found is None:
        raise CloudUnavailable(f"no emulator runs on {state}", hint="runner emulator start")
    session.console.environment(found.environment)
    return ExitCode.DONE


_WHAT: Mapping[str, Callable[[Namespace, Session], ExitCode]] = {
    "start": _start,
    "stop": _stop,
    "status": _status,
    "env": _env,
}
