"""The process: one a state folder, on loopback, with TLS, ending by itself when nobody needs it."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from runner.emulator.app import create_app
from runner.emulator.cloud import Cloud
from runner.emulator.routes.discovery import CLOUD_NAME
from runner.emulator.settings import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE, Settings
from runner.emulator.tls import Certificates, issue, write_private

EXIT_LOCKED = 3
FORMAT = 1
_KEEP_ALIVE_SECONDS = 75
_SHUTDOWN_SECONDS = 0.3


_LOCK_TRIES = 10
_LOCK_PAUSE = 0.05  # seconds


class LockedError(Exception):
    """Another emulator holds the folder."""


def serve(settings: Settings) -> None:
    """Serve until told to end or idle; raise LockedError if another emulator holds the folder."""
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.state.chmod(0o700)
    with _lock(settings.state), _listen(settings.port) as listener:
        settings = replace(settings, port=listener.getsockname()[1])
        certificates = issue(settings.state)
        asyncio.run(_Process(settings, certificates).run(listener))


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then set `ready`; a start that failed sets nothing."""
        await super().startup(sockets)
        if self.started:
            self.ready.set()


class _Process:
    """One start, from the first accepted connection to the last child gone."""

    def __init__(self, settings: Settings, certificates: Certificates) -> None:
        self._settings = settings
        self._certificates = certificates
        self._app = create_app(settings)
        config = uvicorn.Config(
            self._app,
            ssl_certfile=certificates.chain_file,
            ssl_keyfile=certificates.key_file,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=2,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="on",
            ws="none",
        )
        self._server = _Server(config)
        self._app.state.connections = self._server.server_state.connections

    async def run(self, listener: socket.socket) -> None:
        """Serve, announce, and clean up."""
        loop = asyncio.get_running_loop()
        announcement = self._settings.state / "emulator.json"
        serving = asyncio.create_task(self._server.serve([listener]))
        ready = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait([ready, serving], return_when=asyncio.FIRST_COMPLETED)
        try:
            if not serving.done():
                cloud: Cloud = self._app.state.cloud
                for number in (signal.SIGTERM, signal.SIGINT):
                    loop.add_signal_handler(number, cloud.activity.stop.set)
                self._announce(cloud, announcement)
                await _until_unneeded(cloud, self._settings.idle_timeout)
                await _end_children(cloud)
        finally:
            announcement.unlink(missing_ok=True)
            self._server.should_exit = True
            await asyncio.wait([serving], timeout=_SHUTDOWN_SECONDS)
            self._drop_connections()
            await serving

    def _drop_connections(self) -> None:
        """Cut idle connections: their clients do not read, so a TLS farewell would wait out its limit."""
        for connection in list(self._server.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()

    def _announce(self, cloud: Cloud, announcement: Path) -> None:
        """Say where we are: in a file for programs, in one line for people."""
        settings, files = self._settings, self._certificates
        token_file = settings.state / "admin-token"
        write_private(token_file, cloud.tokens.admin.encode())
        content = {
            "format": FORMAT,
            "pid": os.getpid(),
            "port": settings.port,
            "base_url": settings.base_url,
            "ca_file": str(files.ca_file),
            "ca_bundle": str(files.ca_bundle),
            "token_file": str(token_file),
            "test_mode": settings.test_mode,
            "started_at": datetime.now(UTC).isoformat(),
            "env": environment(cloud, files),
        }
        write_private(announcement, json.dumps(content, indent=1).encode())
        sys.stdout.write(f"listening {settings.base_url}\n")
        sys.stdout.flush()


def environment(cloud: Cloud, files: Certificates) -> dict[str, str]:
    """Return the variables with which an unmodified script of the SDK talks to this start."""
    base_url = cloud.settings.base_url
    return {
        "ARM_CLOUD_METADATA_URL": f"{base_url}/metadata/endpoints?api-version=2022-09-01",
        "REGISTRY_DISCOVERY_ENDPOINT_URL": f"{base_url}/",
        "REQUESTS_CA_BUNDLE": str(files.ca_bundle),
        "IDENTITY_ENDPOINT": f"{base_url}/_identity/token",
        "IDENTITY_HEADER": cloud.tokens.identity_header,
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "NO_PROXY": "localhost,127.0.0.1",
        "no_proxy": "localhost,127.0.0.1",  # where both are set, this one counts
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
        "AZURE_RESOURCE_GROUP": RESOURCE_GROUP,
        "AZURE_WORKSPACE_NAME": WORKSPACE,
    }


async def _until_unneeded(cloud: Cloud, idle_timeout: float) -> None:
    """Return when asked to end, or when for `idle_timeout` seconds nobody asked and nothing ran."""
    while not cloud.activity.stop.is_set():
        if cloud.busy:
            cloud.activity.last = time.monotonic()
        left = idle_timeout - cloud.activity.idle_for()
        if left <= 0:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(cloud.activity.stop.wait(), min(left, 1.0))


async def _end_children(cloud: Cloud) -> None:
    """End jobs and model servers before the sockets close, so that none outlives us."""
    await cloud.jobs.stop()
    await cloud.operations.stop()
    await cloud.serving.stop_all()


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel frees it even after a kill."""
    descriptor = os.open(folder / "emulator.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not any(_locked(descriptor) for _ in range(_LOCK_TRIES)):
            raise LockedError(f"another emulator holds {folder}")
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Try for the lock; who only looks whether it is held, holds it for a moment too."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(_LOCK_PAUSE)
        return False
    return True


@contextlib.contextmanager
def _listen(port: int) -> Iterator[socket.socket]:
    """Listen on 127.0.0.1 and nowhere else; port 0 takes a free one."""
    # With its protocol named, asyncio sets TCP_NODELAY on what is accepted; without, an answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.set_inheritable(False)
        yield listener


__all__ = ["CLOUD_NAME", "EXIT_LOCKED", "LockedError", "serve"]
