"""A split whose files lie elsewhere: what is needed is fetched, and then read as from files that are here."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import BinaryIO

from runner.dataset.fetching.held import Span, merged
from runner.dataset.fetching.ranges import RangeFile, Ranges
from runner.dataset.fetching.reach import reached
from runner.dataset.fetching.remote import Remote, RemoteSplit
from runner.dataset.pipeline import go_on
from runner.dataset.progress import Progress
from runner.dataset.reading import files, lines
from runner.dataset.reading.batch import Batch, Source
from runner.dataset.reading.parquet import ParquetSource
from runner.dataset.selection import Picked

# What lies so near to what is wanted is fetched along with it: a request costs more.
_APART = 64 * 1024
_LINES = (".jsonl", ".ndjson")
_FIRST_PIECE = 256 * 1024


def fetched(
    split: RemoteSplit[Remote | Path], role: str, cache: Path, progress: Progress, *, head: int | None = None
) -> Source:
    """Give the rows of a split by way of the cache; `progress` is told of `fetching <role>`.

    With `head`, no more than so many first rows are asked for: of files of lines the rest is not fetched, and
    if there is one, it is not counted.
    """
    meter = _Meter(f"fetching {role}", progress)
    ranges = partial(Ranges, cache=cache, fetched=meter.fetched)
    if all(_name(file).endswith(".parquet") for file in split.files):
        return _Columns(split, meter, ranges)
    return _Lines(split, meter, ranges, head)


class _Meter:
    """Tells how many bytes have come for a split, and of how many."""

    def __init__(self, doing: str, progress: Progress) -> None:
        self._doing = doing
        self._progress = progress
        self._done = 0
        self._total: int | None = None

    def expect(self, size: int) -> None:
        """Expect so many bytes more."""
        self._total = self._done + size

    def fetched(self, size: int) -> None:
        """Count bytes that have come; raises what the listener does, or if nobody waits, to end it."""
        go_on()
        self._done += size
        total = None if self._total is None else max(self._total, self._done)
        self._progress(self._doing, self._done, total)


class _Columns:
    """A split in Parquet files: their footers, and of the rest what the picked rows and the columns reach."""

    def __init__(
        self, split: RemoteSplit[Remote | Path], meter: _Meter, ranges: Callable[[Remote], Ranges]
    ) -> None:
        self.source, self.label, self.revision = split.source, split.label, split.revision
        self._files = split.files
        self._meter = meter
        self._ranges = ranges
        files = [file if isinstance(file, Path) else partial(self._opened, file) for file in split.files]
        labels = [_label(split.label, file) for file in split.files]
        self._read = ParquetSource(files, split.label, split.source, split.revision, labels=labels)

    def count(self) -> int:
        """Count the rows, by the footers."""
        return self._read.count()

    def batches(self, picked: Picked, columns: Sequence[str]) -> Iterator[Batch]:
        """Give the picked rows, once what they take is here."""
        self._bring(picked, columns)
        yield from self._read.batches(picked, columns)

    def _bring(self, picked: Picked, columns: Sequence[str]) -> None:
        """Fetch in few requests what would be read in many."""
        found = reached(self._read.footers(), picked, columns)
        wanted = [
            (file, _rounded(spans, file.size))
            for file, spans in zip(self._files, found, strict=True)
            if spans and not isinstance(file, Path)
        ]
        self._meter.expect(sum(_missing(self._ranges(file), spans) for file, spans in wanted))
        for file, spans in wanted:
            with closing(self._ranges(file)) as ranges:
                for first, past in spans:
                    ranges.need(first, past)

    def _opened(self, file: Remote) -> BinaryIO:
        return RangeFile(self._ranges(file)).opened()


class _Lines:
    """A split in files that are read through, to their end or to the last row that is asked for."""

    def __init__(
        self,
        split: RemoteSplit[Remote | Path],
        meter: _Meter,
        ranges: Callable[[Remote], Ranges],
        head: int | None,
    ) -> None:
        self.source, self.label, self.revision = split.source, split.label, split.revision
        self._files = split.files
        self._head = head if all(_name(file).endswith(_LINES) for file in split.files) else None
        self._meter = meter
        self._ranges = ranges

    def count(self) -> int:
        """Count the rows, which takes all of the files; with a head, no further than that."""
        total = self._here().count()
        return total if self._head is None else min(total, self._head)

    def batches(self, picked: Picked, columns: Sequence[str]) -> Iterator[Batch]:
        """Give the picked rows, once the files are here."""
        yield from self._here().batches(picked, columns)

    def _here(self) -> Source:
        """Have the files here, or as many first ones, and as much of the last, as hold the head."""
        if self._head is None:
            elsewhere = [file for file in self._files if not isinstance(file, Path)]
            self._meter.expect(sum(_missing(self._ranges(file), [(0, file.size)]) for file in elsewhere))
        found, rows = [], 0
        for file in self._files:
            path, count = self._brought(file, None if self._head is None else self._head - rows)
            found.append((path, _label(self.label, file)))
            rows += count
            if self._head is not None and rows >= self._head:
                break
        paths, names = [path for path, _ in found], [name for _, name in found]
        return files.source(paths, self.label, self.source, self.revision, labels=names)

    def _brought(self, file: Remote | Path, rows: int | None) -> tuple[Path, int]:
        """Fetch a file, or its beginning with so many rows; count them, or those that there are."""
        if isinstance(file, Path):
            return file, 0 if rows is None else lines.count(file)
        with closing(self._ranges(file)) as ranges:
            if rows is not None:
                return ranges.path, _until(ranges, rows)
            ranges.need(0, file.size)
            return ranges.path, 0


def _until(ranges: Ranges, rows: int) -> int:
    """Fetch from the first byte until there are so many line ends, in pieces that grow."""
    ends, past, piece = 0, 0, _FIRST_PIECE
    while past < ranges.size and ends < rows:
        first, past = past, min(past + piece, ranges.size)
        ranges.need(first, past)
        ends += ranges.read(first, past).count(b"\n")
        piece *= 2
    is_ended = past < ranges.size or past == 0 or ranges.read(past - 1, past) == b"\n"
    return ends if is_ended else ends + 1


def _rounded(spans: Sequence[Span], size: int) -> Sequence[Span]:
    """Join what is near, also to the file's ends: only what is held whole can be held against its digest."""
    ends = ((0, 1), (size - 1, size))
    return [span for span in merged((*spans, *ends), apart=_APART) if span not in ends]


def _missing(ranges: Ranges, spans: Sequence[Span]) -> int:
    with closing(ranges):
        return ranges.missing(spans)


def _name(file: Remote | Path) -> str:
    return file.name


def _label(split: str, file: Remote | Path) -> str:
    return f"{split}/{_name(file)}"
