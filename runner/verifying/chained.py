"""The journal's chain, line by line, and the manifest as what it comes to."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from runner.journal import FILE_NAME, Json, Record
from runner.journal.lines import BEFORE_THE_FIRST, Damage, Line, LineError, Trusted, parsed, trusted
from runner.journal.records import Covered
from runner.manifest_file import FILE_NAME as MANIFEST
from runner.manifest_file import UNSEALED
from runner.verifying import opening
from runner.verifying.findings import Finding, differs, fits, notice, unchecked
from runner.verifying.folded import FOLD, folded, told

LARGEST = 256 << 20
# So many damaged lines are named; a file that is something else altogether has no end of them.
MOST_LINES = 20


@dataclass(slots=True)
class _Walk:
    """The way along a journal: the line before tells what the next has to say; none tells it if damaged."""

    number: int = 0
    prev: str | None = BEFORE_THE_FIRST
    found: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chained:
    """A journal that was looked at; `told` is the manifest that it comes to, empty if it is not whole."""

    findings: tuple[Finding, ...]
    told: Mapping[str, Json] = field(default_factory=dict)


def chained(folder: Path, said: Mapping[str, Json]) -> Chained:
    """Look at the journal, and at the manifest as its fold; `said` is empty where that cannot be used.

    Raises UsageError for a journal that a later version wrote.
    """
    try:
        content = opening.content(folder, FILE_NAME, at_most=LARGEST)
    except opening.Missing:
        return _only(unchecked(FILE_NAME, "", "is not here: a clone has only the manifest"))
    except opening.Refused as refused:
        return _only(differs(FILE_NAME, "", str(refused)))
    if content.startswith(b"{") and said.get("format") == UNSEALED:
        return _only(unchecked(FILE_NAME, "", "its lines have no checksums: an earlier version wrote it"))
    covered = Covered(**said.get("journal", {}))
    damaged = damages(content, covered)
    if damaged:
        return _only(*damaged, unchecked(MANIFEST, FOLD, "the journal is damaged"))
    whole = trusted(content, covered)
    found = (*_whole(whole, content), *_held_against(folder, whole.records, covered, said))
    return Chained(findings=found, told=told(whole.records) or {})


def _only(*findings: Finding) -> Chained:
    return Chained(findings=findings)


def _whole(whole: Trusted, content: bytes) -> Iterator[Finding]:
    yield fits(FILE_NAME, "every line is as it was written", f"{len(whole.records)} records")
    if whole.size < len(content):
        reason = "was not wholly written, as a cut-off leaves it: what it announced was not asked for"
        yield notice(FILE_NAME, f"line {len(whole.records) + 1}", reason)


def _held_against(
    folder: Path, records: Sequence[Record], covered: Covered, said: Mapping[str, Json]
) -> Iterator[Finding]:
    if said:
        yield from folded(records, covered, said)
    else:
        why = "it lies here, damaged" if os.path.lexists(folder / MANIFEST) else "it is not here"
        yield unchecked(MANIFEST, FOLD, f"{why}: the files are held against the journal instead")


def damages(content: bytes, covered: Covered) -> tuple[Finding, ...]:
    """Tell each line that is not as it was written; none where a runner would trust the journal."""
    walk = _Walk()
    for number, line in enumerate(_whole_lines(content, covered), start=1):
        _step(walk, number, line)
    if not walk.found:
        walk.found.extend(_as_a_whole(content, covered))
    named = tuple(islice(walk.found, MOST_LINES))
    more = len(walk.found) - len(named)
    return (*named, differs(FILE_NAME, "further lines", f"{more} more are damaged")) if more else named


def _whole_lines(content: bytes, covered: Covered) -> list[bytes]:
    """Give the lines but for a tail that was not wholly written, where no manifest counts it."""
    *whole, rest = content.split(b"\n")
    if not rest and len(whole) > max(covered.records, 1) and not _is_whole(whole[-1]):
        whole.pop()
    return whole


def _is_whole(line: bytes) -> bool:
    try:
        parsed(line)
    except LineError:
        return False
    return True


def _step(walk: _Walk, number: int, line: bytes) -> None:
    """Take one line; the numbers go on from what it says, so that one gap is told once."""
    walk.number += 1
    try:
        found = parsed(line)
    except LineError as error:
        walk.prev = None
        walk.found.append(differs(FILE_NAME, f"line {number}", str(error)))
        return
    walk.found.extend(_out_of_place(walk, number, found))
    walk.number, walk.prev = found.record.seq, found.record.checksum


def _out_of_place(walk: _Walk, number: int, line: Line) -> Iterator[Finding]:
    if line.record.seq != walk.number:
        yield differs(
            FILE_NAME,
            f"line {number}",
            "is numbered otherwise: a line is missing, doubled or swapped",
            expected=walk.number,
            found=line.record.seq,
        )
    elif walk.prev is not None and line.prev != walk.prev:
        reason = "does not follow the line before it"
        yield differs(FILE_NAME, f"line {number}", reason, expected=walk.prev, found=line.prev)


def _as_a_whole(content: bytes, covered: Covered) -> Iterator[Finding]:
    """See what no single line shows: that all is there that the manifest counts."""
    try:
        trusted(content, covered)
    except Damage as damage:
        yield differs(FILE_NAME, "as a whole", str(damage))
