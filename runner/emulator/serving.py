"""Deployments as processes: started when made or first scored, asked over loopback, ended with us."""

import asyncio
import contextlib
import http.client
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from runner.emulator import processes
from runner.emulator.errors import ArmError

LOAD_SECONDS = 180.0
CRASHED = ArmError(
    400,
    "ResourceNotReady",
    "User container has crashed or terminated. Please see troubleshooting guide, available here: "
    "https://aka.ms/oe-tsg#error-resourcenotready",
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """What a model server answered."""

    status: int
    reason: str
    content_type: str
    body: bytes


@dataclass
class _Server:
    process: asyncio.subprocess.Process
    port: int
    in_flight: int = 0
    reader: asyncio.Task[None] | None = None


@dataclass
class Serving:
    """The processes by deployment; a deployment's key is its resource id."""

    logs: Path
    trainer: str
    _servers: dict[str, _Server] = field(default_factory=dict)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(64, "score"))

    async def ensure(self, key: str, model: Path) -> None:
        """Have a live process for the deployment; raise CRASHED if it dies while it loads."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            server = self._servers.get(key)
            if server is None or server.process.returncode is not None:
                self._servers[key] = await self._start(key, model)

    async def replace(self, key: str, model: Path) -> None:
        """Start a new process, then end the old one: an update that fails leaves the old one serving."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            server = await self._start(key, model)
            old, self._servers[key] = self._servers.get(key), server
            if old:
                await _end(old)

    async def score(self, key: str, body: bytes, *, limit: int, seconds: float) -> Answer:
        """Ask the process; 429 above `limit` requests in flight, 408 after `seconds`, 424 if it is gone."""
        server = self._servers[key]
        if server.in_flight >= limit:
            raise ArmError(429, "TooManyRequests", "Too many requests are in flight for this deployment.")
        server.in_flight += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, _post, server.port, body, seconds)
        except TimeoutError as error:
            raise ArmError(
                408, "RequestTimeout", f"The model took longer than {seconds:g} seconds."
            ) from error
        except OSError as error:
            raise ArmError(424, "model_error", "The model container closed the connection.") from error
        finally:
            server.in_flight -= 1

    def log_file(self, key: str) -> Path:
        """Return the file that the process writes."""
        return self.logs / f"{key.strip('/').replace('/', '.').lower()}.log"

    @property
    def running(self) -> int:
        """How many processes are alive."""
        return sum(server.process.returncode is None for server in self._servers.values())

    async def stop(self, key: str) -> None:
        """End the deployment's process, if it has one."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            if server := self._servers.pop(key, None):
                await _end(server)

    async def stop_all(self) -> None:
        """End every process."""
        await asyncio.gather(*(self.stop(key) for key in list(self._servers)))
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _start(self, key: str, model: Path) -> _Server:
        log = self.log_file(key)
        process = await processes.start(
            self.trainer, ["serve", "--model", str(model)], log=log, pipe_output=True
        )
        try:
            port = await asyncio.wait_for(_ready(process, log), LOAD_SECONDS)
        except BaseException as error:
            await processes.stop(process)
            raise CRASHED if isinstance(error, TimeoutError) else error from error
        server = _Server(process, port)
        server.reader = asyncio.create_task(_copy(process, log))
        return server


async def _end(server: _Server) -> None:
    await processes.stop(server.process)
    if server.reader:
        server.reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await server.reader


async def _ready(process: asyncio.subprocess.Process, log: Path) -> int:
    """Return the port that the process prints when it can score; what else it prints goes to its log."""
    while line := await process.stdout.readline() if process.stdout else b"":
        _append(log, line)
        if line.startswith(b"ready "):
            return int(json.loads(line.removeprefix(b"ready "))["port"])
    raise CRASHED


async def _copy(process: asyncio.subprocess.Process, log: Path) -> None:
    while line := await process.stdout.readline() if process.stdout else b"":
        _append(log, line)


def _append(log: Path, line: bytes) -> None:
    with log.open("ab") as file:
        file.write(line)


def _post(port: int, body: bytes, timeout: float) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("POST", "/score", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return Answer(
            response.status,
            response.reason,
            response.headers.get("Content-Type", "application/json"),
            response.read(),
        )
    finally:
        connection.close()
