"""Append records and bring each to the disk, or leave no trace of it."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self
from zlib import crc32

from runner.clock import Clock, stamp
from runner.durable import sync_folder, write_all
from runner.errors import NotWritten, UsageError
from runner.journal import holding, lines
from runner.journal.covering import covered
from runner.journal.lines import BEFORE_THE_FIRST, Damage, Trusted
from runner.journal.records import Covered, Event, Json, Record

FILE_NAME = "journal.jsonl"


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is on the disk for sure; one value, so that an interruption never leaves a half of it."""

    records: tuple[Record, ...]
    size: int
    checksum: int

    def and_(self, line: bytes) -> "_Kept":
        record = lines.parsed(line[:-1]).record
        return _Kept((*self.records, record), self.size + len(line), crc32(line, self.checksum))


class Journal:
    """A run's journal, held by one process at a time (the kernel frees it, however the process ends)."""

    def __init__(self, path: Path, clock: Clock, *, new: bool) -> None:
        """Make the file or open it, and hold it.

        Raises RunHeld if another process does, UsageError if there is none to open or it cannot be trusted. A
        torn last line is cut off: what was not wholly written was not acted on.
        """
        self._path = path
        self._clock = clock
        self._lock = Lock()
        self._is_lost = False
        self._file = holding.opened_to_hold(path, new=new)
        try:
            self._begin()
        except OSError as error:
            os.close(self._file)
            raise UsageError(f"{path} cannot be brought to the disk: {error.strerror}") from error
        except BaseException:
            os.close(self._file)
            raise

    def _begin(self) -> None:
        """Cut off a torn tail and bring the rest to the disk: only then is it trusted."""
        content = holding.content_of(self._file)
        found = _trusted(content, covered(self._path), self._path)
        self._kept = _Kept(tuple(found.records), found.size, crc32(content[: found.size]))
        os.ftruncate(self._file, found.size)
        os.fsync(self._file)
        sync_folder(self._path.parent)

    @property
    def records(self) -> Sequence[Record]:
        """Everything written so far, oldest first."""
        return self._kept.records

    def append(self, event: Event, *, step: str = "", data: Mapping[str, Json] | None = None) -> Record:
        """Write a record and bring it to the disk before returning, as it will be read.

        Raises NotWritten if it is not there for sure; the file is then as it was before.
        """
        with self._lock:
            if self._is_lost:
                raise _lost(self._path, "an earlier one was lost")
            line = self._line(event, step, data or {})
            try:
                write_all(self._file, line)
                os.fsync(self._file)
                self._kept = self._kept.and_(line)
            except OSError as error:
                self._take_back()
                raise _lost(self._path, error.strerror or type(error).__name__) from error
            except BaseException:  # a Ctrl-C in the midst of it
                self._take_back()
                raise
            return self._kept.records[-1]

    def _line(self, event: Event, step: str, data: Mapping[str, Json]) -> bytes:
        before = self._kept.records
        prev = before[-1].checksum if before else BEFORE_THE_FIRST
        time = stamp(self._clock.now())
        return lines.written(Record(seq=len(before) + 1, time=time, event=event, step=step, data=data), prev)

    def _take_back(self) -> None:
        """Leave the file as it was, whole lines and no others, or write to it no more."""
        self._is_lost = True
        with suppress(OSError):
            self._is_lost = not self._is_as_before()

    def _is_as_before(self) -> bool:
        """Cut the file back, and read what the disk has: after an error a second fsync proves nothing."""
        os.ftruncate(self._file, self._kept.size)
        again = os.open(self._path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.fsync(again)
            if hasattr(os, "posix_fadvise"):  # not on macOS
                os.posix_fadvise(again, 0, 0, os.POSIX_FADV_DONTNEED)
            return crc32(holding.content_of(again)) == self._kept.checksum
        finally:
            os.close(again)

    def close(self) -> None:
        """Let go of the file and with it of the run."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read(path: Path) -> Sequence[Record]:
    """Read a journal without holding it, as strictly; a line that is not whole yet is not there yet.

    Raises UsageError.
    """
    # In this order: a manifest only ever counts what was in the journal before.
    counted = covered(path)
    return tuple(_trusted(holding.content(path), counted, path).records)


def _trusted(content: bytes, counted: Covered, path: Path) -> Trusted:
    try:
        return lines.trusted(content, counted)
    except Damage as damage:
        raise UsageError(f"{path} is damaged: {damage}", hint=f"runner repair {path.parent.name}") from damage


def _lost(path: Path, reason: str) -> NotWritten:
    return NotWritten(
        f"{path} cannot be written ({reason}): the record was not kept; nothing is asked of the cloud for it",
        hint=f"make room on the disk or mend it, then: runner resume {path.parent.name}",
    )
