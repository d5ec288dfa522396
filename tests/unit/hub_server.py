"""A Hugging Face Hub on this machine: as much of its API as it takes to read a dataset from it.

It answers range requests, sends files by way of another port as the Hub does by its CDN, fails as it is told
to, and remembers what it was asked for and what it has sent.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"

_API = re.compile(r"/api/datasets/(?P<repo>[^/]+/[^/]+)/(?P<what>revision|tree|paths-info)/(?P<rest>.+)")
_FILE = re.compile(r"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
_RANGE = re.compile(r"bytes=(?P<first>\d+)-(?P<last>\d*)")

Files = Mapping[str, bytes]


@dataclass
class Fault:
    """What happens to requests for paths that hold `of`, so often: an answer, or a transfer cut short."""

    of: str = "/resolve/"
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    break_after: int | None = None
    times: int = 1


class HubServer:
    """Serves `repositories` (name to files by path) while entered; `gated` names answer 403.

    With a `token`, only who sends it may read `private` names. `commits` gives further commits of a name, and
    `revisions` what its branches and tags are. Files that end in `.parquet` lie in LFS, and come from another
    port if `redirecting`. `swapped` are bytes sent in a file's place as if they were its own. `breaks` are
    the places of a file at which a transfer is cut short, each once; `on_break` is called then.
    """

    def __init__(
        self,
        repositories: Mapping[str, Files],
        *,
        gated: frozenset[str] = frozenset(),
        private: frozenset[str] = frozenset(),
        token: str = "",
    ) -> None:
        self.repositories = repositories
        self.gated = gated
        self.private = private
        self.token = token
        self.commits: dict[tuple[str, str], Files] = {}
        self.revisions = {"main": COMMIT, "v1": COMMIT}
        self.faults: list[Fault] = []
        self.swapped: dict[str, bytes] = {}
        self.breaks: dict[str, list[int]] = {}
        self.on_break: Callable[[], object] = lambda: None
        self.redirecting = False
        self.without_ranges = False
        self.requests: list[str] = []
        self.tokens_elsewhere: list[str] = []
        self.sent: Counter[str] = Counter()
        self.broken = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._servers[0].server_address[1]}"

    @property
    def storage_url(self) -> str:
        return f"http://127.0.0.1:{self._servers[1].server_address[1]}"

    @property
    def sent_bytes(self) -> int:
        return self.sent.total()

    def __enter__(self) -> Self:
        self._servers = [_Server(("127.0.0.1", 0), handler) for handler in (_Handler, _StorageHandler)]
        self._threads = [
            Thread(target=server.serve_forever, args=(0.01,), daemon=True) for server in self._servers
        ]
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.hub = self
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()

    def fault_of(self, path: str) -> Fault | None:
        """Give what is to happen to this request, and count it as happened."""
        for fault in self.faults:
            if fault.times and fault.of in path:
                fault.times -= 1
                return fault
        return None


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
        fault = None if self.command == "HEAD" else self.server.hub.fault_of(path)
        if self.server.hub.broken:
            self._send(503, b"")
        elif fault and fault.status:
            self._send(fault.status, b"", fault.headers)
        elif match := _FILE.fullmatch(path):
            self._file(match["repo"], match["revision"], match["path"], fault)
        elif match := _API.fullmatch(path):
            self._api(match["repo"], match["what"], match["rest"], body)
        else:
            self._error(404, "RepoNotFound")

    def _files(self, repo: str, revision: str) -> Files | None:
        hub = self.server.hub
        commit = hub.revisions.get(revision, revision)
        if repo in hub.private and self.headers.get("Authorization") != f"Bearer {hub.token}":
            self._error(401, "RepoNotFound")
        elif repo in hub.gated:
            self._error(403, "GatedRepo")
        elif repo not in hub.repositories:
            self._error(404, "RepoNotFound")
        elif (repo, commit) in hub.commits:
            return hub.commits[repo, commit]
        elif commit != COMMIT:
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
            self._json(
                {
                    "id": repo,
                    "sha": self.server.hub.revisions.get(revision, revision),
                    "siblings": siblings,
                    "private": False,
                    "tags": [],
                }
            )
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

    def _file(self, repo: str, revision: str, path: str, fault: Fault | None) -> None:
        files = self._files(repo, revision)
        if files is None:
            return
        if path not in files:
            self._error(404, "EntryNotFound")
            return
        hub, data = self.server.hub, files[path]
        commit = hub.revisions.get(revision, revision)
        headers = {"ETag": f'"{_mark(path, data)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if _in_lfs(path):
            headers |= {"X-Linked-Etag": headers["ETag"], "X-Linked-Size": str(len(data))}
        if hub.redirecting and _in_lfs(path):
            location = f"{hub.storage_url}/datasets/{repo}/resolve/{commit}/{path}?signature=secret"
            self._send(302, b"", {**headers, "ETag": '"of-the-redirect"', "Location": location})
        else:
            self._content(path, hub.swapped.get(path, data), headers, fault)

    def _content(self, path: str, data: bytes, headers: Mapping[str, str], fault: Fault | None) -> None:
        status, sent, first = 200, data, 0
        match = _RANGE.fullmatch(self.headers.get("Range", ""))
        if match and not self.server.hub.without_ranges:
            first, last = int(match["first"]), int(match["last"] or len(data) - 1)
            if first >= len(data):
                self._send(416, b"", {"Content-Range": f"bytes */{len(data)}"})
                return
            headers = {**headers, "Content-Range": f"bytes {first}-{min(last, len(data) - 1)}/{len(data)}"}
            status, sent = 206, data[first : last + 1]
        break_after = self._break_in(path, first, first + len(sent))
        self._send(status, sent, headers, path, fault.break_after if fault else break_after)

    def _break_in(self, path: str, first: int, past: int) -> int | None:
        places = self.server.hub.breaks.get(path, [])
        for place in sorted(places):
            if self.command != "HEAD" and first < place < past:
                places.remove(place)
                return place - first
        return None

    def _error(self, status: int, code: str) -> None:
        self._send(status, b'{"error": "no"}', {"X-Error-Code": code, "X-Error-Message": code})

    def _json(self, content: object) -> None:
        self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _send(
        self,
        status: int,
        data: bytes,
        headers: Mapping[str, str] | None = None,
        path: str = "",
        break_after: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            with suppress(ConnectionError):
                self.wfile.write(data[:break_after])
            self.server.hub.sent[path] += len(data[:break_after])
            if break_after is not None:
                self.server.hub.on_break()
        self.close_connection = self.close_connection or break_after is not None


class _StorageHandler(_Handler):
    """Where large files lie: it knows nobody, and marks files in a way of its own."""

    def _answer(self) -> None:
        hub, path = self.server.hub, unquote(urlsplit(self.path).path)
        hub.requests.append(f"STORAGE {self.command} {path}")
        hub.tokens_elsewhere.append(self.headers.get("Authorization", ""))
        match, fault = _FILE.fullmatch(path), hub.fault_of(path)
        if match is None:
            self._send(404, b"")
        elif fault and fault.status:
            self._send(fault.status, b"", fault.headers)
        else:
            files = hub.commits.get((match["repo"], match["revision"]), hub.repositories[match["repo"]])
            data = hub.swapped.get(match["path"], files[match["path"]])
            self._content(match["path"], data, {"ETag": '"of-the-storage"'}, fault)


def _in_lfs(path: str) -> bool:
    return path.endswith(".parquet")


def _mark(path: str, data: bytes) -> str:
    """Give what the Hub marks a file with: the digest of LFS, or git's."""
    if _in_lfs(path):
        return sha256(data).hexdigest()
    return sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _paths(headers: Message, body: bytes) -> list[str]:
    if "json" in headers.get("Content-Type", ""):
        asked: list[str] = json.loads(body)["paths"]
        return asked
    return parse_qs(body.decode())["paths"]


def _entry(path: str, data: bytes) -> dict[str, object]:
    entry = {"type": "file", "path": path, "oid": _mark("", data), "size": len(data)}
    if _in_lfs(path):
        entry["lfs"] = {"oid": _mark(path, data), "size": len(data), "pointerSize": 130}
    return entry
