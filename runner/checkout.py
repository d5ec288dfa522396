"""The git checkout that a recipe lies in: its commit, and a digest of what differs from it."""

import hashlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from runner.journal import Json

_SECONDS = 5
# More than this is no work in progress but data: reading it would only keep a run waiting.
_MOST_BYTES = 256 * 1024 * 1024
_BLOCK = 1024 * 1024
# Runs, and what is known of them at a glance, wherever a project has them: each adds to them, and none is
# part of what the next is made of.
_A_RUN = "[0-9]" * 8 + "T" + "[0-9]" * 6 + "Z-*"
_BUT_RUNS = (
    "--",
    ":/",
    ":(exclude,top)runs",
    f":(exclude,top,glob)**/{_A_RUN}/**",
    ":(exclude,top,glob)**/.index.sqlite3*",
)
# Neither the program that watches files for git nor a hook on its index is run, and no lock is taken. A
# filter (`filter.NAME.clean`) is, as by any git that compares: without it, all of git-lfs would differ.
_ONLY_READING = ("--no-optional-locks", "-c", "core.fsmonitor=false")


class _TooMuch(Exception):
    """There is more to read, or it takes longer, than a run should wait for."""


def state(folder: Path) -> Mapping[str, Json] | None:
    """Tell the commit and what differs from it, runs aside; None outside a checkout.

    The digest is None where nothing differs, and where it is too much to be read before a run.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    dirty = bool(_git(folder, "status", "--porcelain", "--untracked-files=all", *_BUT_RUNS))
    return {"commit": commit, "dirty": dirty, "diff_sha256": _digest(folder) if dirty else None}


def _digest(folder: Path) -> str | None:
    digest, left, until = hashlib.sha256(), _MOST_BYTES, time.monotonic() + _SECONDS
    try:
        for block in _differing(folder):
            digest.update(block)
            left -= len(block)
            if left < 0 or time.monotonic() > until:
                return None
    except (OSError, _TooMuch):
        return None
    return digest.hexdigest()


def _differing(folder: Path) -> Iterator[bytes]:
    """Give git's own diff, then each file that git does not have and was not told to ignore."""
    yield from _diff(folder)
    top = _git(folder, "rev-parse", "--show-toplevel")
    named = _git(folder, "ls-files", "--others", "--exclude-standard", "--full-name", "-z", *_BUT_RUNS)
    if top is None or named is None:
        raise _TooMuch
    for name in sorted(filter(None, named.split("\0"))):
        yield from _untracked(Path(top) / name, name)


def _diff(folder: Path) -> Iterator[bytes]:
    """Have git write its diff into a file first: how long it takes is bounded only so."""
    # No diff program that the checkout's settings name takes part.
    words = ("diff", "HEAD", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", *_BUT_RUNS)
    with tempfile.TemporaryFile() as file:
        try:
            subprocess.run(  # noqa: S603 - git with our own words
                _command(folder, words), stdout=file, stderr=subprocess.DEVNULL, timeout=_SECONDS, check=True
            )
        except subprocess.SubprocessError as error:
            raise _TooMuch from error
        file.seek(0)
        yield from iter(lambda: file.read(_BLOCK), b"")


def _untracked(path: Path, name: str) -> Iterator[bytes]:
    """Give a file's name, size and content; of a link, where it leads; of anything else, nothing."""
    if path.is_symlink():
        yield f"{name}\0link\0{path.readlink()}\0".encode("utf-8", "surrogateescape")
    elif path.is_file():
        yield f"{name}\0{path.stat().st_size}\0".encode("utf-8", "surrogateescape")
        with path.open("rb") as file:
            yield from iter(lambda: file.read(_BLOCK), b"")


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - git with our own words
            _command(folder, words), capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(done.stdout).strip() if done.returncode == 0 else None


def _command(folder: Path, words: tuple[str, ...]) -> list[str]:
    return ["git", "-C", str(folder), *_ONLY_READING, *words]
