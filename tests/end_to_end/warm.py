"""`python -m runner` without two seconds of imports: forked from a process that has the SDK imported.

Nothing of runner is imported before the fork, and what comes after it is what `python -m runner` does, in a
process of its own. What happens while the SDK is imported shows only in a fresh interpreter: `Shell.fresh`.
"""

import atexit
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

ROOT = Path(__file__).resolve().parents[2]
SDK = (
    *("azure.ai.ml", "azure.identity", "azure.storage.blob", "mlflow.store.tracking.rest_store"),
    *("jsonschema", "rich.console"),
)
LARGEST_REQUEST = 1 << 17
LONGEST_SECONDS = 240


def run(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], out: BinaryIO, err: BinaryIO
) -> int:
    """Run a command to its end; gives its exit code, or below zero the signal that killed it."""
    request = {"words": words, "folder": str(folder), "environment": dict(environment)}
    ended, ending = os.pipe()
    try:
        socket.send_fds(_parent(), [json.dumps(request).encode()], [out.fileno(), err.fileno(), ending])
    finally:
        os.close(ending)
    with os.fdopen(ended, "rb") as answer:
        return int(answer.read())


@cache
def _parent() -> socket.socket:
    """Start the process that forks the commands; it ends with the tests."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.end_to_end.warm"]
    process = subprocess.Popen(
        command, stdin=theirs.fileno(), cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    theirs.close()
    atexit.register(process.wait)
    atexit.register(ours.close)  # what was registered last is called first
    return ours


def main() -> None:
    """Import what all commands import, then fork one for every request until the tests end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK's own use of marshmallow
        for name in SDK:
            importlib.import_module(name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = socket.socket(fileno=sys.stdin.fileno())
    while True:
        request, received, _, _ = socket.recv_fds(requests, LARGEST_REQUEST, 3)
        if not request:
            return
        if os.fork() == 0:
            _watch(json.loads(request), *received)
        for descriptor in received:
            os.close(descriptor)
        _reap()


def _watch(request: Mapping[str, Any], out: int, err: int, ending: int) -> None:
    """Fork the command, and tell how it ended."""
    command = os.fork()
    if command == 0:
        os.close(ending)
        _become(request, out, err)
        runpy.run_module("runner", run_name="__main__", alter_sys=True)
        sys.exit()
    _, status = os.waitpid(command, 0)
    os.write(ending, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _reap() -> None:
    """Take leave of those that have ended; one of them may have to wait for the next request."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(request: Mapping[str, Any], out: int, err: int) -> None:
    """Take on what a process is given when it is started."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.alarm(LONGEST_SECONDS)
    for descriptor, standard in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = ["runner", *request["words"]]
    sys.path[0] = request["folder"]


if __name__ == "__main__":
    main()
