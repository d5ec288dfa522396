"""What a run's journal tells: its events, and what a record of one holds."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# What a record may hold: plain JSON. Each writer knows its own shape; the fold reads it back.
Json = Any


class Event(StrEnum):
    """What a record tells."""

    RUN_OPENED = "run_opened"
    RUN_HELD = "run_held"
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
    JUDGED = "judged"
    REPAIRED = "repaired"


# The events whose records tell which `process` has the run from then on.
TELL_THE_HOLDER = frozenset({Event.RUN_OPENED, Event.RUN_HELD, Event.RUN_RESUMED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One line of the journal. `step` is empty where the record is about the run.

    `checksum` is the line's own, eight hex digits; empty for a record that was never in a file.
    """

    seq: int
    time: str
    event: Event
    step: str = ""
    data: Mapping[str, Json] = field(default_factory=dict)
    checksum: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Covered:
    """How far a manifest vouches for its journal: so many records, the last with this checksum."""

    records: int = 0
    head: str = ""


def this_process() -> Mapping[str, Json]:
    """Give what those records say of their `process`; it names who holds the run."""
    return {"pid": os.getpid(), "host": os.uname().nodename}
