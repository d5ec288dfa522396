"""Long-running operations: a record that a status route reads while a task does the work behind it."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from runner.emulator.clock import Clock
from runner.emulator.errors import ArmError
from runner.emulator.store import Document, Kind, Store

INTERRUPTED = ArmError(500, "OperationInterrupted", "The emulator ended while this operation was running.")
_log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]


class Family(StrEnum):
    """Who owns an operation; the value is the first part of its name, as Azure writes it."""

    COMPUTE = "compute"
    ENDPOINT = "oe"
    DEPLOYMENT = "od"
    JOB = "job"


@dataclass(frozen=True)
class Operation:
    """The address of an operation: enough to build its URL."""

    name: str
    family: Family
    subscription: str


class Operations:
    """Starts operations and answers for them; a stopped emulator leaves none running."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        for record in store.below(Kind.OPERATION):
            if record["status"] not in _TERMINAL:
                self._end(record, "Failed", INTERRUPTED)

    def begin(self, family: Family, subscription: str, workspace_guid: str, work: Work) -> Operation:
        """Start `work`; the operation ends Succeeded, or Failed with the ArmError that it raised."""
        guid = str(uuid.uuid4())
        name = guid if family is Family.COMPUTE else f"{family}:{workspace_guid}:{guid}"
        record: Document = {
            "name": name,
            "status": "Updating",
            "startTime": self._clock.stamp(),
            "error": None,
        }
        self._store.put(Kind.OPERATION, name, record)
        task = asyncio.create_task(self._run(record, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return Operation(name, family, subscription)

    def get(self, name: str) -> Document:
        """Return the record of an operation, or raise the 404 that Azure answers."""
        record = self._store.get(Kind.OPERATION, name)
        if record is None:
            raise ArmError(404, "NotFound", f"Operation {name} not found.")
        return record

    @property
    def running(self) -> int:
        """How many operations have not ended."""
        return len(self._tasks)

    async def stop(self) -> None:
        """Cancel what still runs."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, record: Document, work: Work) -> None:
        try:
            await work()
        except ArmError as error:
            self._end(record, "Failed", error)
        except asyncio.CancelledError:
            self._end(record, "Failed", INTERRUPTED)
            raise
        except Exception:  # noqa: BLE001 - logged; a fault of ours must not leave an operation that never ends
            _log.exception("operation %s broke", record["name"])
            self._end(
                record,
                "Failed",
                ArmError(500, "InternalServerError", "The emulator has a fault; see its log."),
            )
        else:
            self._end(record, "Succeeded", None)

    def _end(self, record: Document, status: str, error: ArmError | None) -> None:
        record |= {"status": status, "endTime": self._clock.stamp(), "error": error.body() if error else None}
        self._store.put(Kind.OPERATION, record["name"], record)


_TERMINAL = {"Succeeded", "Failed", "Canceled"}
