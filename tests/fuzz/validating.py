"""Runs the real `runner validate` in this process, and watches what it does besides answering."""

import io
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from runner.cli import main
from runner.errors import ExitCode

MOST_SECONDS = 2.0
MOST_MEMORY = 300 * 1024 * 1024
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_OUTWARD = ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec")
_CHANGING = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod", "shutil.")


class Hang(Exception):
    """It took longer than anyone waits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """How one call ended, and which forbidden things it did."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    forbidden: tuple[str, ...]


class _Watch:
    """Notes forbidden things while it is on; the interpreter never lets go of an audit hook."""

    def __init__(self) -> None:
        self.is_on = False
        self.seen: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, details: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        if event == "open" and _is_writing(*details):
            self.seen.append(f"opens {details[0]!r} for writing")
        elif event.startswith((*_OUTWARD, *_CHANGING)):
            self.seen.append(event)

    @contextmanager
    def on(self) -> Iterator[None]:
        self.seen.clear()
        self.is_on = True
        try:
            yield
        finally:
            self.is_on = False


def _is_writing(path: object, mode: object, flags: object) -> bool:
    if path == os.devnull:
        return False
    return bool(isinstance(flags, int) and flags & _WRITING) or bool(set(str(mode or "")) & set("wax+"))


_WATCH = _Watch()


def validate(path: Path, *words: str) -> Answer:
    """Call the command line with a recipe. Raises Hang where it takes too much of the processor's time."""
    out, err = _terminal(), _terminal()
    began = time.process_time()
    with redirect_stdout(out), redirect_stderr(err), _no_hang(), _WATCH.on():
        code = main(["validate", *words, str(path)])
    seconds = time.process_time() - began
    forbidden = tuple(_WATCH.seen)
    return Answer(code=code, stdout=_read(out), stderr=_read(err), seconds=seconds, forbidden=forbidden)


def check(content: bytes, folder: Path) -> Answer:
    """Validate these bytes, as text and as JSON, and hold the answers to what is promised of any input."""
    path = folder / "recipe.yaml"
    path.write_bytes(content)
    told = validate(path)
    as_json = validate(path, "--output", "json")
    assert told.code in {ExitCode.DONE, ExitCode.RECIPE_INVALID}, told.stderr
    assert as_json.code == told.code
    for answer in (told, as_json):
        assert "Traceback" not in answer.stderr
        assert "a bug in runner" not in answer.stderr
        assert answer.forbidden == ()
        assert answer.seconds < MOST_SECONDS
    assert (told.code == ExitCode.DONE) == ("is valid" in told.stdout)
    assert [each.name for each in folder.iterdir()] == ["recipe.yaml"]
    assert path.read_bytes() == content
    _check_json(as_json)
    return told


def _check_json(answer: Answer) -> None:
    """Exactly one JSON value stands on stdout, and its diagnostics are in the order of the file."""
    value = json.loads(answer.stdout)
    assert answer.stderr == ""
    places = [(each["line"], each["column"]) for each in value["diagnostics"]]
    assert places == sorted(places)
    if answer.code:
        assert any(each["severity"] == "error" for each in value["diagnostics"])


def memory() -> int:
    """Give the most memory that this process ever had, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


@contextmanager
def _no_hang() -> Iterator[None]:
    """Interrupt what takes too long; the processor's time counts, for other work shares the machine."""
    before = signal.signal(signal.SIGPROF, _hang)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _hang(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Hang


def _terminal() -> io.TextIOWrapper:
    """Give what a program has for a terminal: bytes behind an encoding."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _read(stream: io.TextIOWrapper) -> str:
    stream.flush()
    raw = stream.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue().decode("utf-8")
