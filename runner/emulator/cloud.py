"""The parts of the emulator, put together once, and handed to every handler."""

import asyncio
import time
from dataclasses import dataclass, field

from starlette.requests import Request

from runner.emulator.bench import Bench
from runner.emulator.blobs import Blobs
from runner.emulator.catalog import Catalog
from runner.emulator.clock import Clock
from runner.emulator.errors import ArmError
from runner.emulator.jobs import Jobs
from runner.emulator.latencies import Latencies
from runner.emulator.operations import Operations
from runner.emulator.parts import Parts
from runner.emulator.references import References
from runner.emulator.runs import Runs
from runner.emulator.serving import Serving
from runner.emulator.settings import TENANT, Settings
from runner.emulator.store import Store
from runner.emulator.tokens import Tokens


@dataclass
class Activity:
    """When a request last came, and how many are being answered."""

    last: float = field(default_factory=time.monotonic)
    open: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def idle_for(self) -> float:
        """Seconds since the last request; 0 while one is being answered."""
        return 0.0 if self.open else time.monotonic() - self.last


class Cloud:
    """All state of a start; made inside the event loop, since jobs and operations are tasks of it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.activity = Activity()
        self.bench = Bench(settings.state) if settings.test_mode else None
        self.clock = self.bench.clock if self.bench else Clock()
        self.latencies = Latencies()
        self.store = self.bench.store if self.bench else Store(settings.state / "store.sqlite")
        self.tokens = Tokens(TENANT, self.clock)
        self.catalog = Catalog()
        self.blobs = Blobs(settings.state / "blobs", self.store)
        self.operations = self.bench.operations if self.bench else Operations(self.store, self.clock)
        self.references = References(self.store, self.blobs, self.catalog)
        self.runs = Runs(self.store, self.blobs, self.clock)
        self.jobs = Jobs(self._parts())
        self.serving = Serving(settings.state / "serving", settings.trainer)

    def _parts(self) -> Parts:
        return Parts(
            self.settings,
            self.store,
            self.blobs,
            self.catalog,
            self.references,
            self.runs,
            self.clock,
            self.latencies,
        )

    @property
    def busy(self) -> bool:
        """Whether something runs that must not be cut off: a job or an operation."""
        return self.jobs.running > 0 or self.operations.running > 0

    async def close(self) -> None:
        """End all children and close the store."""
        await self.jobs.stop()
        await self.operations.stop()
        await self.serving.stop_all()
        self.store.close()


def cloud_of(request: Request) -> Cloud:
    """Return the cloud that answers this request."""
    cloud: Cloud = request.app.state.cloud
    return cloud


def bench_of(cloud: Cloud) -> Bench:
    """Return what test mode has, or refuse: outside of it there is nothing to test with."""
    if cloud.bench is None:
        raise ArmError(403, "Forbidden", "This is for test mode only: start the emulator with --test-mode.")
    return cloud.bench
