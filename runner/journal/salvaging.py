"""What is whole in a damaged journal, and why the rest is not; nothing is guessed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from runner.journal.lines import BEFORE_THE_FIRST, LineError, parsed, unsealed, written
from runner.journal.records import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropped:
    """A line that is not kept, by its number in the damaged file, and why; never what it holds."""

    line: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Salvaged:
    """The records that are whole, in the order they were written, and the lines that are not.

    `ends_whole` tells that nothing was dropped after the last of them.
    """

    records: Sequence[Record]
    dropped: Sequence[Dropped]
    ends_whole: bool

    def is_lost_after(self, seq: int) -> bool:
        """Tell whether a record after that one may be missing."""
        later = [record.seq for record in self.records if record.seq > seq]
        return not self.ends_whole or later != list(range(seq + 1, seq + 1 + len(later)))


@dataclass(frozen=True, slots=True)
class _Kept:
    line: int
    record: Record


def salvaged(content: bytes) -> Salvaged:
    """Keep every record whose checksum fits."""
    kept: list[_Kept] = []
    dropped: list[Dropped] = []
    # A journal of the first format had no checksums: what can be read there counts as whole.
    read = unsealed if content.startswith(b"{") else parsed
    for number, line in enumerate(content.removesuffix(b"\n").split(b"\n") if content else (), start=1):
        try:
            kept.append(_Kept(number, read(line).record))
        except LineError as error:
            dropped.append(Dropped(line=number, reason=str(error)))
    once, twice = _once(sorted(kept, key=lambda each: (each.record.seq, each.line)))
    gaps = _gaps(once, {each.line for each in dropped})
    last = max((each.line for each in kept), default=0)
    return Salvaged(
        records=[each.record for each in once],
        ends_whole=all(each.line < last for each in dropped),
        dropped=sorted([*dropped, *twice, *gaps], key=lambda each: each.line),
    )


def chained(records: Sequence[Record]) -> bytes:
    """Write records as a journal of their own, numbered and linked anew."""
    content, prev = b"", BEFORE_THE_FIRST
    for number, record in enumerate(records, start=1):
        line = written(replace(record, seq=number), prev)
        content, prev = content + line, parsed(line[:-1]).record.checksum
    return content


def _once(kept: Sequence[_Kept]) -> tuple[list[_Kept], list[Dropped]]:
    once: list[_Kept] = []
    twice: list[Dropped] = []
    for each in kept:
        if once and once[-1].record == each.record:
            twice.append(Dropped(line=each.line, reason="is there twice"))
        else:
            once.append(each)
    return once, twice


def _gaps(kept: Sequence[_Kept], bad: set[int]) -> Iterator[Dropped]:
    """Tell of records that are missing without a trace."""
    places = [(0, 0), *((each.line, each.record.seq) for each in kept)]
    for (line, seq), (next_line, next_seq) in pairwise(places):
        missing = next_seq - seq - 1
        if missing > 0 and not bad & set(range(line + 1, next_line)):
            yield Dropped(line=next_line, reason=f"comes after {missing} that are missing")
