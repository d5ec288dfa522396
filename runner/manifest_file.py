"""The manifest as a file: JSON sealed by its own digest, so that a changed one is told from a whole one."""

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.durable import replace_file
from runner.errors import UsageError
from runner.redact import printable, scrub

FILE_NAME = "manifest.json"
FORMAT = 2
# The first format had no digest and did not count the journal's records.
UNSEALED = 1

LONGEST_VERSION = 40
# A manifest is some ten kB; whatever is larger than this is none.
LARGEST = 16 * 1024 * 1024

# What a manifest may hold: plain JSON.
Json = Any


class ManifestDamaged(UsageError):
    """A manifest that is not what was written, or was never one."""


class ManifestOfLaterFormat(UsageError):
    """A manifest that is whole, but that only a later version can read."""


def write(content: Mapping[str, Json], path: Path) -> None:
    """Seal a manifest, or a sweep's list of its runs, and replace the file atomically."""
    told: Mapping[str, Json] = scrub(dict(content))
    sealed = {**told, "digest": digest(told)}
    replace_file(path, (json.dumps(sealed, indent=2, allow_nan=False) + "\n").encode())


def read(path: Path) -> Mapping[str, Json]:
    """Read a manifest and prove that it is as it was written, however its lines end.

    Raises ManifestDamaged or ManifestOfLaterFormat, UsageError for what cannot be read at all.
    """
    found = _parsed(path)
    _check_format(found, path)
    if "digest" not in found and found.get("format") == UNSEALED:
        return found
    if found.get("digest") != digest(found):
        raise _damaged(path, "its digest does not fit its content")
    return found


def digest(content: Mapping[str, Json]) -> str:
    """Give the SHA-256 of a manifest's canonical JSON, without the digest itself."""
    told = {key: value for key, value in content.items() if key != "digest"}
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _parsed(path: Path) -> Mapping[str, Json]:
    try:
        content = _content(path)
    except OSError as error:
        is_link = error.errno == errno.ELOOP
        raise UsageError(
            f"{path} cannot be read: {error.strerror}",
            hint="a manifest is read through no link: put the file itself there" if is_link else "",
        ) from error
    if len(content) > LARGEST:
        raise _damaged(path, f"it is larger than {LARGEST >> 20} MiB")
    try:
        found = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "it is no JSON") from error
    if not isinstance(found, dict):
        raise _damaged(path, "it is no JSON object")
    return found


def _content(path: Path) -> bytes:
    """Read the file itself, no more than tells that it is too large; not to wait is for a FIFO."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(file, "rb") as stream:
        return stream.read(LARGEST + 1)


def _check_format(found: Mapping[str, Json], path: Path) -> None:
    """Refuse what a later version wrote, and say which one: it is to be left as it is."""
    said = found.get("format")
    if type(said) is int and UNSEALED <= said <= FORMAT:  # JSON's true is an int to isinstance
        return
    if type(said) is not int or said < UNSEALED:
        raise _damaged(path, "it has no format that a version ever wrote")
    versions = found.get("versions")
    writer = versions.get("runner") if isinstance(versions, dict) else None
    named = f"version {printable(writer)[:LONGEST_VERSION]}" if isinstance(writer, str) else "a later version"
    raise ManifestOfLaterFormat(
        f"{path} has manifest format {said}; this version reads {UNSEALED} to {FORMAT}",
        hint=f"it was written by {named} of runner: install that",
    )


def _damaged(path: Path, reason: str) -> ManifestDamaged:
    has_journal = (path.parent / "journal.jsonl").exists()
    mend = f"runner repair {path.parent.name}" if has_journal else "take it from git: git checkout"
    return ManifestDamaged(f"{path} is not a manifest as this program writes it: {reason}", hint=mend)
