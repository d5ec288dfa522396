"""What is told of each thing that a run's folder holds, or should hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """How a thing stands to what was recorded of it; only `differs` speaks against the run.

    `notice` is worth a look (a recipe that was edited on). `not checked` is never to be read as fine.
    """

    FITS = "fits"
    NOTICE = "notice"
    UNCHECKED = "not checked"
    DIFFERS = "differs"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing: `file` is seen from the run's folder, `place` is where in it (`line 3`, `recipe.sha256`).

    `expected` and `found` are digests, counts and the like: no text that might be a secret.
    """

    file: str
    place: str
    standing: Standing
    reason: str = ""
    expected: str = ""
    found: str = ""


def fits(file: str, place: str, reason: str = "") -> Finding:
    """Tell that something is as it was recorded."""
    return Finding(file=file, place=place, standing=Standing.FITS, reason=reason)


def differs(file: str, place: str, reason: str, *, expected: object = "", found: object = "") -> Finding:
    """Tell that something is not as it was recorded."""
    return Finding(
        file=file,
        place=place,
        standing=Standing.DIFFERS,
        reason=reason,
        expected=str(expected),
        found=str(found),
    )


def notice(file: str, place: str, reason: str) -> Finding:
    """Tell something that speaks neither for nor against the run."""
    return Finding(file=file, place=place, standing=Standing.NOTICE, reason=reason)


def unchecked(file: str, place: str, reason: str) -> Finding:
    """Tell of what nothing could be said, and why."""
    return Finding(file=file, place=place, standing=Standing.UNCHECKED, reason=reason)


def compared(file: str, place: str, *, expected: object, found: object, reason: str) -> Finding:
    """Hold two values against each other; `reason` says what it means if they are not the same."""
    if expected == found and type(expected) is type(found):
        return fits(file, place)
    return differs(file, place, reason, expected=expected, found=found)


def differing(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Give those that speak against the run, the first file's first."""
    return tuple(each for each in found if each.standing is Standing.DIFFERS)
