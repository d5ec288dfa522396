"""An emulator as a process of its own, started by a test and ended with it."""

import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

FAKE_TRAINER = "tests.contract.fake_trainer"
ROOT = Path(__file__).resolve().parents[2]
ARM = "https://management.azure.com/"


@dataclass
class Emulated:
    """A running emulator: its process, and what its announcement says."""

    process: subprocess.Popen[str]
    state: Path
    info: dict[str, Any]

    @property
    def url(self) -> str:
        """The address."""
        return str(self.info["base_url"])

    def client(self, token: str = "", *, ca_file: str = "") -> httpx.Client:
        """Return a client that trusts the emulator's authority and shows a token."""
        context = ssl.create_default_context(cafile=ca_file or self.info["ca_file"])
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, verify=context, headers=headers, timeout=30, trust_env=False)

    def admin(self, method: str, path: str, **body: object) -> httpx.Response:
        """Call one of the emulator's own routes."""
        token = Path(self.info["token_file"]).read_text(encoding="utf-8")
        with self.client(token) as client:
            return client.request(method, path, json=body or None)

    def token(self, resource: str = ARM) -> str:
        """Sign in as a managed identity does."""
        headers = {"X-IDENTITY-HEADER": self.info["env"]["IDENTITY_HEADER"]}
        with self.client() as client:
            answer = client.get("/_identity/token", params={"resource": resource}, headers=headers)
        return str(answer.json()["access_token"])

    def script(self, end: str, seconds: float = 0.1) -> None:
        """Let the next job end so."""
        assert self.admin("POST", "/_emu/jobs/script", end=end, seconds=seconds).status_code == 200

    def end(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def command(state: Path, *flags: str) -> list[str]:
    """Return the command line of an emulator."""
    return [sys.executable, "-m", "runner.emulator", "--state", str(state), *flags]


def launch(state: Path, *flags: str) -> Emulated:
    """Start an emulator and wait until it listens; the caller ends it."""
    process = subprocess.Popen(
        command(state, *flags), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("listening https://localhost:"), line + process.stdout.read()
    info = json.loads((state / "emulator.json").read_text(encoding="utf-8"))
    return Emulated(process, state, info)


@contextmanager
def running(state: Path, *flags: str) -> Iterator[Emulated]:
    """Run an emulator for the length of a block."""
    emulated = launch(state, *flags)
    try:
        yield emulated
    finally:
        if emulated.process.poll() is None:
            emulated.end()
        if emulated.process.stdout:
            emulated.process.stdout.close()
