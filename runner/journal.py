"""The append-only truth of a run: what was meant before each change, and what came of it.

One JSON object a line, each on disk (fsync) before `append` returns. The manifest is this file's fold.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

from runner.clock import Clock, stamp
from runner.durable import sync_folder
from runner.errors import RunHeld, UsageError
from runner.redact import as_json

# What a record may hold: plain JSON. Each writer knows its own shape; the fold reads it back.
Json = Any

FILE_NAME = "journal.jsonl"


class Event(StrEnum):
    """What a record tells."""

    RUN_OPENED = "run_opened"
    RUN_RESUMED = "run_resumed"
    STEP_STARTED = "step_started"
    INTENT = "intent"
    ACKNOWLEDGED = "acknowledged"
    OBSERVED = "observed"
    DONE = "done"
    FAILED = "failed"
    WALKED = "walked"
    DELETE_INTENT = "delete_intent"
    DELETE_DONE = "delete_done"
    DELETE_FAILED = "delete_failed"
    RUN_CLOSED = "run_closed"
    REPAIRED = "repaired"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One line of the journal. `step` is empty where the record is about the run."""

    seq: int
    time: str
    event: Event
    step: str = ""
    data: Mapping[str, Json] = field(default_factory=dict)


class Journal:
    """A run's journal, held by one process at a time (the kernel frees it, however the process ends)."""

    def __init__(self, path: Path, clock: Clock, *, new: bool) -> None:
        """Make the file or open it, and hold it.

        Raises RunHeld if another process does, UsageError if there is none to open or it cannot be read. A
        torn last line is cut off: what was not wholly written was not acted on.
        """
        self._clock = clock
        self._lock = Lock()
        self._file = _opened(path, new=new)
        try:
            _hold(self._file, path)
            content = path.read_bytes()
            self._records = list(_parsed(content, path))
            self._size = content.rfind(b"\n") + 1
            os.ftruncate(self._file, self._size)
            os.fsync(self._file)
            sync_folder(path.parent)
        except BaseException:
            os.close(self._file)
            raise

    @property
    def records(self) -> Sequence[Record]:
        """Everything written so far, oldest first."""
        with self._lock:
            return tuple(self._records)

    def append(self, event: Event, *, step: str = "", data: Mapping[str, Json] | None = None) -> Record:
        """Write a record and bring it to the disk before returning."""
        with self._lock:
            record = Record(
                seq=len(self._records) + 1,
                time=stamp(self._clock.now()),
                event=event,
                step=step,
                data=data or {},
            )
            self._write(as_json(_fields(record)).encode() + b"\n")
            self._records.append(record)
            return record

    def _write(self, line: bytes) -> None:
        """Bring a line to the disk, whole or not at all: a half one would spoil the next."""
        try:
            _write_all(self._file, line)
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(line)

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
    """Read a journal without holding it; a torn last line is dropped, since it was never acted on."""
    return tuple(_parsed(path.read_bytes(), path))


def _opened(path: Path, *, new: bool) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if new else 0)
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be opened: {error.strerror}",
            hint="a run's journal stays on the machine that ran it; it is not in git",
        ) from error


def _hold(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RunHeld(f"another process holds run {path.parent.name}", hint="wait until it ends") from error


def _parsed(content: bytes, path: Path) -> Iterator[Record]:
    try:
        for line in content.split(b"\n")[:-1]:
            yield _record(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not a journal that this version can read") from error


def _record(read: Mapping[str, Json]) -> Record:
    return Record(
        seq=read["seq"],
        time=read["time"],
        event=Event(read["event"]),
        step=read.get("step", ""),
        data=read.get("data", {}),
    )


def _fields(record: Record) -> Mapping[str, Json]:
    fields: dict[str, Json] = {"seq": record.seq, "time": record.time, "event": record.event.value}
    if record.step:
        fields["step"] = record.step
    return fields | {"data": record.data}


def _write_all(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]
