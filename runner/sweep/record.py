"""The list of a sweep's points: JSON sealed by its digest, which is written once."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from runner import manifest_file
from runner.errors import UsageError
from runner.journal import Json
from runner.recipe import Cleanup, Scalar
from runner.runs import SWEEP_FILE

FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A point: its values, the run that trains it, and what `latest` and its data's branch meant for it."""

    index: int
    run: str
    values: Mapping[str, Scalar]
    model: str | None = None
    component: str | None = None
    revision: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """A sweep, and what its points are read from again.

    `recipe` tells where that lies, what was laid on top of it (`profiles` and `settings`) and all that was in
    force of it (`in_force`).
    """

    id: str
    began: str
    recipe: Mapping[str, Json]
    target: Mapping[str, Json]
    variables: Mapping[str, Json]
    cleanup: Cleanup
    max_concurrent: int
    points: tuple[Member, ...]
    format: int = FORMAT


def write(sweep: Sweep, folder: Path) -> None:
    """Bring the list to the disk, whole."""
    manifest_file.write(asdict(sweep), folder / SWEEP_FILE)


def read(folder: Path) -> Sweep:
    """Read the list, and prove that it is as it was written. Raises UsageError."""
    path = folder / SWEEP_FILE
    found = _parsed(path)
    if found.get("format") != FORMAT:
        raise UsageError(
            f"{path} has a format that this version does not read", hint="install a newer runner"
        )
    if found.get("digest") != manifest_file.digest(found):
        raise _damaged(path, "its digest does not fit its content")
    try:
        points = tuple(Member(**each) for each in found["points"])
        known = {name: found[name] for name in Sweep.__slots__ if name not in {"points", "cleanup"}}
        return Sweep(**known, points=points, cleanup=Cleanup(found["cleanup"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, "something is missing in it") from error


def _parsed(path: Path) -> Mapping[str, Json]:
    """Read the file itself, through no link; the flag that does not wait is for a FIFO."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(file, encoding="utf-8") as stream:
            found = json.load(stream)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "it is no JSON") from error
    if not isinstance(found, dict):
        raise _damaged(path, "it is no JSON object")
    return found


def _damaged(path: Path, reason: str) -> UsageError:
    return UsageError(
        f"{path} is not a sweep as this program writes it: {reason}",
        hint="its runs are whole by themselves: runner resume, cancel and down take each of them alone",
    )
