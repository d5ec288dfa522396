"""The append-only truth of a run: what was meant before each change, and what came of it.

One JSON object a line, each on disk (fsync) before `append` returns. The manifest is this file's fold.
"""

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

from runner.clock import Clock, stamp
from runner.errors import RunHeld, UsageError
from runner.redact import redact

# What a record may hold: plain JSON. Each writer knows its own shape; the fold reads it back.
Json = Any

FILE_NAME = "journal.jsonl"


class Event(StrEnum):
    """What a record tells."""

    RUN_OPENED = "run_opened"
    STEP_STARTED = "step_started"
    INTENT = "intent"
    DONE = "done"
    FAILED = "failed"
    DELETE_INTENT = "delete_intent"
    DELETE_DONE = "delete_done"
    DELETE_FAILED = "delete_failed"
    RUN_CLOSED = "run_closed"


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

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open or create the file and hold it; raises RunHeld if another process does."""
        self._clock = clock
        self._lock = Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._file)
            raise RunHeld(
                f"another process holds run {path.parent.name}", hint="wait until it ends"
            ) from error
        _sync_folder(path.parent)
        self._records = list(read(path))

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
            _write_all(self._file, (redact(_line(record)) + "\n").encode())
            os.fsync(self._file)
            self._records.append(record)
            return record

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
    text = path.read_text(encoding="utf-8")
    complete = text[: text.rfind("\n") + 1]
    try:
        return tuple(_record(json.loads(line)) for line in complete.splitlines())
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


def _line(record: Record) -> str:
    fields: dict[str, Json] = {"seq": record.seq, "time": record.time, "event": record.event.value}
    if record.step:
        fields["step"] = record.step
    return json.dumps(fields | {"data": record.data}, ensure_ascii=False)


def _write_all(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
