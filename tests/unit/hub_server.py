"""A Hugging Face Hub on this machine: as much of its API as it takes to read a dataset from it.

It keeps one commit of each repository, answers range requests and remembers what it was asked for.
"""

import json
import re
from collections.abc import Mapping
from email.message import Message
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"

_API = re.compile(r"/api/datasets/(?P<repo>[^/]+/[^/]+)/(?P<what>revision|tree|paths-info)/(?P<rest>.+)")
_FILE = re.compile(r"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
_RANGE = re.compile(r"bytes=(?P<first>\d+)-(?P<last>\d*)")

Files = Mapping[str, bytes]


class HubServer:
    """Serves `repositories` (name to files by path) while entered; `gated` names answer 403."""

    def __init__(self, repositories: Mapping[str, Files], *, gated: frozenset[str] = frozenset()) -> None:
        self.repositories = repositories
        self.gated = gated
        self.requests: list[str] = []
        self.sent_bytes = 0
        self.broken = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.hub = self
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    hub: HubServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests read `requests`."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.hub.requests.append(f"{self.command} {path}")
        if self.server.hub.broken:
            self._send(503, b"")
        elif match := _FILE.fullmatch(path):
            self._file(match["repo"], match["revision"], match["path"])
        elif match := _API.fullmatch(path):
            self._api(match["repo"], match["what"], match["rest"], body)
        else:
            self._error(404, "RepoNotFound")

    def _files(self, repo: str, revision: str) -> Files | None:
        hub = self.server.hub
        if repo in hub.gated:
            self._error(403, "GatedRepo")
        elif repo not in hub.repositories:
            self._error(404, "RepoNotFound")
        elif revision not in {"main", "v1", COMMIT}:
            self._error(404, "RevisionNotFound")
        else:
            return hub.repositories[repo]
        return None

    def _api(self, repo: str, what: str, rest: str, body: bytes) -> None:
        revision, _, folder = rest.partition("/")
        files = self._files(repo, revision)
        if files is None:
            return
        if what == "revision":
            siblings = [{"rfilename": path} for path in sorted(files)]
            self._json({"id": repo, "sha": COMMIT, "siblings": siblings, "private": False, "tags": []})
        elif what == "tree":
            self._tree(files, folder)
        else:
            asked = _paths(self.headers, body)
            self._json([_entry(path, files[path]) for path in asked if path in files])

    def _tree(self, files: Files, folder: str) -> None:
        prefix = f"{folder}/" if folder else ""
        below = {path: data for path, data in files.items() if path.startswith(prefix)}
        if not below and folder:
            self._error(404, "EntryNotFound")
            return
        parts = {path.removeprefix(prefix).partition("/") for path in below}
        folders = sorted({prefix + first for first, slash, _ in parts if slash})
        entries = [{"type": "directory", "path": name, "oid": "0" * 40, "size": 0} for name in folders]
        recursive = "recursive=true" in self.path.lower()
        shown = below if recursive else {p: d for p, d in below.items() if "/" not in p.removeprefix(prefix)}
        self._json(entries + [_entry(path, data) for path, data in sorted(shown.items())])

    def _file(self, repo: str, revision: str, path: str) -> None:
        files = self._files(repo, revision)
        if files is None:
            return
        if path not in files:
            self._error(404, "EntryNotFound")
            return
        data, status = files[path], 200
        headers = {"ETag": f'"{sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if match := _RANGE.fullmatch(self.headers.get("Range", "")):
            first, last = int(match["first"]), int(match["last"] or len(data) - 1)
            headers["Content-Range"] = f"bytes {first}-{min(last, len(data) - 1)}/{len(data)}"
            data, status = data[first : last + 1], 206
        self._send(status, data, headers)

    def _error(self, status: int, code: str) -> None:
        self._send(status, b'{"error": "no"}', {"X-Error-Code": code, "X-Error-Message": code})

    def _json(self, content: object) -> None:
        self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
            self.server.hub.sent_bytes += len(data)


def _paths(headers: Message, body: bytes) -> list[str]:
    if "json" in headers.get("Content-Type", ""):
        asked: list[str] = json.loads(body)["paths"]
        return asked
    return parse_qs(body.decode())["paths"]


def _entry(path: str, data: bytes) -> dict[str, object]:
    return {"type": "file", "path": path, "oid": sha256(data).hexdigest()[:40], "size": len(data)}
