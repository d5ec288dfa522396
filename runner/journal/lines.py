"""A journal's lines: checksum, space, JSON; each names the checksum of the one before.

A line that was not wholly written is told from one that was changed later: only the last can be torn,
neither the first nor one that a manifest has counted.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from runner.errors import UsageError
from runner.journal.records import Covered, Event, Json, Record
from runner.redact import as_json

BEFORE_THE_FIRST = "00000000"

_BEGINNING = re.compile(rb'[0-9a-f]{8} \{"seq": [0-9]+, "prev": "')
_DIGITS = len(BEFORE_THE_FIRST)
_SHAPE: Mapping[str, type] = {"seq": int, "prev": str, "time": str, "event": str, "step": str, "data": dict}


class LineError(ValueError):
    """A line that is not as it was written."""


class Damage(ValueError):
    """A journal that is not as it was written, and which line shows it. `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line} {reason}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A whole line: its record, and the checksum that it says the line before has."""

    record: Record
    prev: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Trusted:
    """What a journal's file holds for sure. `size` is where its last whole line ends."""

    records: Sequence[Record]
    size: int


def written(record: Record, prev: str) -> bytes:
    """Write a record as a line, without secrets."""
    fields: dict[str, Json] = {"seq": record.seq, "prev": prev, "time": record.time}
    fields["event"] = record.event.value
    if record.step:
        fields["step"] = record.step
    text = as_json(fields | {"data": record.data}).encode()
    return b"%s %s\n" % (_checksum(text), text)


def parsed(line: bytes) -> Line:
    """Read a line, without its newline.

    Raises LineError, which says nothing of its content, or UsageError for what a later version wrote.
    """
    checksum, text = line[:_DIGITS], line[_DIGITS + 1 :]
    if line.startswith(b"{"):
        raise LineError("has no checksum: an earlier version of runner wrote it")
    if line[_DIGITS : _DIGITS + 1] != b" " or _checksum(text) != checksum:
        raise LineError("is not as it was written: its checksum does not fit")
    fields = _fields(text)
    return Line(record=_record(fields, checksum.decode()), prev=fields.get("prev", ""))


def unsealed(line: bytes) -> Line:
    """Read a line of the first format, which had no checksum. Raises LineError."""
    return Line(record=_record(_fields(line), ""), prev="")


def trusted(content: bytes, covered: Covered) -> Trusted:
    """Read a journal strictly, and leave out a torn last line. Raises Damage."""
    *whole, torn = content.split(b"\n")
    lines = list(_whole_lines(whole, covered, ends_whole=not torn))
    _check_torn(len(lines) + 1, torn if len(lines) == len(whole) else whole[-1])
    _check_order(lines)
    records = [line.record for line in lines]
    _check_covered(records, covered)
    return Trusted(records=records, size=sum(len(line) + 1 for line in whole[: len(lines)]))


def _whole_lines(lines: Sequence[bytes], covered: Covered, *, ends_whole: bool) -> Iterator[Line]:
    for number, line in enumerate(lines, start=1):
        try:
            yield parsed(line)
        except LineError as error:
            is_last = number == len(lines) and ends_whole
            if is_last and number > max(covered.records, 1):
                return
            raise Damage(number, str(error)) from error


def _check_torn(number: int, line: bytes) -> None:
    """See that what is left out was one write: a lost newline must not take a second record along."""
    if len(_BEGINNING.findall(line)) > 1:
        raise Damage(number, "holds more than one record")


def _check_order(lines: Sequence[Line]) -> None:
    """See that no line is missing, doubled or out of its place."""
    prev = BEFORE_THE_FIRST
    for number, line in enumerate(lines, start=1):
        if line.record.seq != number:
            raise Damage(number, f"is numbered {line.record.seq}: a line is missing, doubled or swapped")
        if line.prev != prev:
            raise Damage(number, "does not follow the line before it")
        prev = line.record.checksum


def _check_covered(records: Sequence[Record], covered: Covered) -> None:
    """See that all is there that the manifest has counted, unless a repair has counted anew since."""
    if not covered.records or _counted_anew(records, covered):
        return
    if len(records) < covered.records:
        raise Damage(len(records) + 1, f"is missing: the manifest counts {covered.records} records")
    if covered.head and records[covered.records - 1].checksum != covered.head:
        raise Damage(covered.records, "is not the one that the manifest counts")


def _counted_anew(records: Sequence[Record], covered: Covered) -> bool:
    before = {"records": covered.records, "head": covered.head}
    return any(each.event is Event.REPAIRED and each.data.get("covered") == before for each in records)


def _fields(text: bytes) -> Mapping[str, Json]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LineError("is no JSON") from error
    if not isinstance(fields, dict) or any(
        not isinstance(fields.get(key, kind()), kind) for key, kind in _SHAPE.items()
    ):
        raise LineError("is no record")
    if fields.get("event") not in set(Event):
        # Whole, but of a later version: neither torn nor damaged, and not to be dropped by a repair.
        raise UsageError(
            "the run's journal tells of something that this version does not know",
            hint="a later version of runner wrote it: install that",
        )
    return fields


def _checksum(text: bytes) -> bytes:
    return b"%08x" % crc32(text)


def _record(fields: Mapping[str, Json], checksum: str) -> Record:
    return Record(
        seq=fields.get("seq", 0),
        time=fields.get("time", ""),
        event=Event(fields["event"]),
        step=fields.get("step", ""),
        data=fields.get("data", {}),
        checksum=checksum,
    )
