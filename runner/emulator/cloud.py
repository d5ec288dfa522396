"""The parts of the emulator, put together once, and handed to every handler."""

import asyncio
import time
from dataclasses import dataclass, field

from starlette.requests import Request

from runner.emulator.blobs import Blobs
from runner.emulator.catalog import Catalog
from runner.emulator.jobs import Jobs
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
        self.store = Store(settings.state / "store.sqlite")
        self.tokens = Tokens(TENANT)
        self.catalog = Catalog()
        self.blobs = Blobs(settings.state / "blobs", self.store)
        self.operations = Operations(self.store)
        self.references = References(self.store, self.blobs, self.catalog)
        self.runs = Runs(self.store, self.blobs)
        self.jobs = Jobs(Parts(settings, self.store, self.blobs, self.catalog, self.references, self.runs))
        self.serving = Serving(settings.state / "serving", settings.trainer)

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
