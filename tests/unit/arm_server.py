"""An Azure on this machine that says what a test has it say, over HTTPS and to the genuine SDK."""

import json
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.credentials import AccessToken

from runner.emulator import tls
from runner.facts import Target, TargetKind

CLOUD = "ScriptedCloud"
SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
WORKSPACE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
    "/providers/Microsoft.MachineLearningServices/workspaces/ws"
)
FAR_AWAY = 4_000_000_000


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer, after `delay` seconds.

    `status` 0 hangs up without one; `cut` hangs up after so many bytes of the body.
    """

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    delay: float = 0.0

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request that arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


class ArmServer(ThreadingHTTPServer):
    """Answers by method and end of the path: what was scripted, in its order, the last of it for good."""

    daemon_threads = True

    def __init__(self, certificates: tls.Certificates) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.chain_file, certificates.key_file)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.lock = Lock()
        self.forget()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server_port}"

    @property
    def target(self) -> Target:
        return Target(
            kind=TargetKind.EMULATOR,
            subscription_id=SUBSCRIPTION,
            resource_group="rg",
            workspace_name="ws",
            resource_manager=self.url,
        )

    def forget(self) -> None:
        """Have only what connecting takes, and no request yet."""
        self.seen: list[Seen] = []
        self.scripted: dict[tuple[str, str], list[Reply]] = {}
        self.on("GET", "/metadata/endpoints", Reply(body=self._metadata()))
        self.on("GET", "/discovery", Reply(body=self._registry()))
        self.on("GET", "/workspaces/ws", Reply(body=self._workspace()))

    def on(self, method: str, path_end: str, *replies: Reply) -> None:
        self.scripted[method, path_end.lower()] = list(replies)

    def count(self, method: str, path_end: str) -> int:
        return sum(each.method == method and each.path.endswith(path_end) for each in self.seen)

    def reply(self, seen: Seen) -> Reply:
        with self.lock:
            self.seen.append(seen)
            for (method, path_end), replies in self.scripted.items():
                if method == seen.method and seen.path.lower().endswith(path_end):
                    return replies.pop(0) if len(replies) > 1 else replies[0]
        return Reply(status=404, body={"error": {"code": "ResourceNotFound", "message": "not here"}})

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up."""

    def _metadata(self) -> dict[str, Any]:
        return {
            "name": CLOUD,
            "portal": "https://portal.scripted.localhost",
            "resourceManager": self.url,
            "authentication": {"loginEndpoint": f"{self.url}/login", "audiences": [self.url]},
            "suffixes": {"storage": "local"},
        }

    def _registry(self) -> dict[str, Any]:
        return {
            "registryName": "azureml",
            "subscriptionId": SUBSCRIPTION,
            "resourceGroup": "registry",
            "primaryRegion": "here",
            "primaryRegionResourceProviderUri": f"{self.url}/",
        }

    def _workspace(self) -> dict[str, Any]:
        return {
            "id": WORKSPACE,
            "name": "ws",
            "type": "Microsoft.MachineLearningServices/workspaces",
            "location": "here",
            "properties": {
                "friendlyName": "ws",
                "mlFlowTrackingUri": f"azureml://localhost:{self.server_port}/mlflow/v1.0{WORKSPACE}",
                "discoveryUrl": f"{self.url}/discovery",
            },
        }


class _Handler(BaseHTTPRequestHandler):
    server: ArmServer
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = urlsplit(self.path).path
        reply = self.server.reply(Seen(method=self.command, path=path, headers=headers, body=body))
        time.sleep(reply.delay)
        if reply.status == 0:
            self.close_connection = True
            return
        self.send_response(reply.status)
        usual = {"Content-Type": "application/json", "Content-Length": str(len(reply.content))}
        for name, value in (usual | dict(reply.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.content[: reply.cut])
        self.close_connection = self.close_connection or reply.cut is not None

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass


class CountingCredential:
    """Gives token-number-1, then token-number-2, and so on: another each time it is asked."""

    def __init__(self) -> None:
        self.made = 0

    def get_token(self, *_: str, **__: object) -> AccessToken:
        self.made += 1
        return AccessToken(f"token-number-{self.made}", FAR_AWAY)


@contextmanager
def serving(folder: Path) -> Iterator[ArmServer]:
    """Serve for the length of a block, as the cloud that the environment names."""
    certificates = tls.issue(folder)
    with ArmServer(certificates) as server, pytest.MonkeyPatch.context() as patch:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        patch.setenv("ARM_CLOUD_METADATA_URL", f"{server.url}/metadata/endpoints?api-version=2022-09-01")
        patch.setenv("REGISTRY_DISCOVERY_ENDPOINT_URL", f"{server.url}/")
        patch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca_file))
        patch.setenv("AZUREML_CURRENT_CLOUD", CLOUD)
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
