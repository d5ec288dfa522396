"""From a path to text: a regular file, not too large, in UTF-8."""

import stat
from pathlib import Path

from runner.yaml12.places import START, Position
from runner.yaml12.problems import Problem

MAX_BYTES = 1024 * 1024


class Unreadable(Exception):
    """There is no text to parse; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def read_bytes(path: Path) -> bytes:
    """Read a regular file of at most `MAX_BYTES`; size and kind are looked at before it is opened."""
    try:
        _check_status(path)
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _unreadable("no-such-file", "there is no such file", mend="check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path cannot be used"
        raise _unreadable("not-readable", f"the file cannot be read: {reason}") from error
    _check_size(len(content))
    return content


def decode(content: bytes) -> str:
    """Decode UTF-8; one byte order mark at the start is dropped."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        raise _not_utf_8("this is UTF-16 or UTF-32", "UTF-8", START)
    if b"\x00" in content:
        position = _position_after(content[: content.index(b"\x00")])
        raise _not_utf_8("this holds NUL bytes", "UTF-8 text", position)
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        position = _position_after(content[: error.start])
        message = "this byte is not UTF-8 (Latin-1 or Windows-1252?)"
        raise _not_utf_8(message, "UTF-8 text", position) from error


def _check_status(path: Path) -> None:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise _unreadable("not-a-file", "this is no regular file", expected="a YAML file")
    _check_size(status.st_size)


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        message = "the file is larger than 1 MiB"
        raise _unreadable("too-large", message, expected="a recipe of a few kilobytes")


def _unreadable(code: str, message: str, *, expected: str = "", mend: str = "") -> Unreadable:
    return Unreadable(Problem(position=START, code=code, message=message, expected=expected, mend=mend))


def _not_utf_8(message: str, expected: str, position: Position) -> Unreadable:
    problem = Problem(
        position=position,
        code="not-utf-8",
        message=message,
        expected=expected,
        mend="save the file as UTF-8",
    )
    return Unreadable(problem)


def _position_after(before: bytes) -> Position:
    text = before.decode("utf-8", errors="replace").removeprefix("\ufeff")
    return Position(text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1)
