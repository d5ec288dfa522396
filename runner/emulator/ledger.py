"""The books of test mode: what was made, changed, run and taken away, and what it would have cost.

Both lie in the store, so they survive a kill. A node costs from the moment it is there: a deployment's as
long as the deployment exists, whatever its state; a job's from Running to its end; of a cluster those nodes
that it keeps while idle. What has no nodes has no entry.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runner.emulator.clock import Clock
from runner.emulator.incoming import Asked
from runner.emulator.runs import Status
from runner.emulator.store import Document, Kind, Store

_SUBJECTS = {
    "/computes/{compute}": Kind.COMPUTE,
    "/onlineEndpoints/{endpoint}": Kind.ENDPOINT,
    "/deployments/{deployment}": Kind.DEPLOYMENT,
    "/data/{name}/versions/{version}": Kind.DATA,
    "/models/{name}/versions/{version}": Kind.MODEL,
    "/jobs/{job}": Kind.JOB,
}
_BILLED_STATES = {Status.RUNNING, Status.FINALIZING, Status.CANCEL_REQUESTED}
_OK = range(200, 300)
_HISTORY, _EXPERIMENTS = "/history/v1.0", "/experiments/"


@dataclass(frozen=True)
class Body:
    """What a request carried: the SHA-256 of its bytes, and the tags in it."""

    sha: str
    tags: dict[str, Any]


@dataclass(frozen=True)
class Change:
    """What a request sets out to do to which resource; `before` is the resource as it was."""

    op: str
    kind: str
    id: str
    before: Document | None = None
    store_kind: Kind | None = None


@dataclass(frozen=True)
class _Cost:
    """An entry that is still running."""

    key: str
    nodes: int


class Ledger:
    """Keeps the events and the costs; one for each start."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        events = store.below(Kind.EVENT)
        self._count = len(events)
        self._uids = {event["id"].lower(): event["uid"] for event in events}
        costs = [cost for cost in store.below(Kind.COST) if cost["until"] is None]
        self._open = {cost["id"].lower(): _Cost(cost["key"], cost["nodes"]) for cost in costs}

    def intended(self, asked: Asked) -> Change | None:
        """Say what a request would change; None if nothing."""
        kind = next((kind for end, kind in _SUBJECTS.items() if asked.route.endswith(end)), None)
        if kind is None:
            return self._of_action(asked)
        if asked.method not in {"PUT", "DELETE"} or not asked.workspace:
            return None
        before = self._store.get(kind, asked.key)
        op = "delete" if asked.method == "DELETE" else "update" if before else "create"
        return Change(op, kind.value, asked.path, before, kind)

    def _of_action(self, asked: Asked) -> Change | None:
        home, _, last = asked.path.rpartition("/")
        if asked.route.endswith("/jobs/{job}/cancel"):
            return Change("cancel", "job", home)
        if asked.route.endswith("/regenerateKeys"):
            return Change("update", "endpoint", home)
        if asked.route.endswith("/runs/{run}") and asked.method == "PATCH":
            return Change(
                "update", "job", f"{home.partition(_HISTORY)[2].partition(_EXPERIMENTS)[0]}/jobs/{last}"
            )
        if last == "score":
            return Change("invoke", "endpoint", self._endpoint(asked.name))
        if "{blob:path}" in asked.route and asked.method in {"PUT", "DELETE"} and _is_whole_blob(asked):
            return Change("upload" if asked.method == "PUT" else "delete", "blob", asked.path)
        return None

    def _endpoint(self, name: str) -> str:
        found = (each for each in self._store.below(Kind.ENDPOINT) if each["name"].lower() == name.lower())
        return next((str(each["id"]) for each in found), name)

    def note(self, asked: Asked, change: Change, status: int, body: Body) -> None:
        """Write the event of a request that was answered; nothing if it was refused or changed nothing."""
        if status not in _OK or not self._happened(change, status):
            return
        if change.op == "create":
            self._uids[change.id.lower()] = str(uuid.uuid4())
        tags = body.tags or _tags(change.before)
        self._write(asked, change.op, change, body.sha, tags)
        if change.op == "create" and change.store_kind is Kind.JOB:
            self._write(asked, "run", change, body.sha, tags)

    def _happened(self, change: Change, status: int) -> bool:
        """Tell a change from an answer that there was nothing to do."""
        if change.op == "delete":
            return change.store_kind is None or change.before is not None
        if change.op == "cancel":
            return status == 202  # noqa: PLR2004 - one that has ended is 200
        return change.store_kind is None or self._store.get(change.store_kind, change.id) is not None

    def _write(self, asked: Asked, op: str, change: Change, sha: str, tags: dict[str, Any]) -> None:
        self._count += 1
        event: Document = {
            "seq": self._count,
            "at": self._clock.stamp(),
            "op": op,
            "kind": change.kind,
            "id": change.id,
            "name": asked.name,
            "workspace": asked.workspace,
            "uid": self._uids.setdefault(change.id.lower(), str(uuid.uuid4())),
            "body_sha": sha,
            "tags": tags,
        }
        self._store.put(Kind.EVENT, f"{asked.workspace}/{self._count:012d}", event)

    def events(self, workspace: str | None) -> list[Document]:
        """Return the events of a workspace, or all."""
        return self._store.below(Kind.EVENT, "" if workspace is None else f"{workspace}/")

    def saw(self, kind: Kind, key: str, body: Document | None) -> None:
        """Start and end what costs, as a document changes."""
        if kind not in {Kind.COMPUTE, Kind.DEPLOYMENT, Kind.JOB}:
            return
        nodes, held = _nodes(kind, body), self._open.get(key.lower())
        if nodes == (held.nodes if held else 0):
            return
        if held:
            self._close(key, held)
        if nodes and body:
            self._begin(kind, body, nodes)

    def _begin(self, kind: Kind, body: Document, nodes: int) -> None:
        resource_id = str(body["id"])
        key = f"{resource_id.split('/')[8]}/{resource_id}#{uuid.uuid4()}"
        cost = {"key": key, "id": resource_id, "kind": kind, "nodes": nodes}
        self._store.put(Kind.COST, key, {**cost, "since": self._clock.time(), "until": None})
        self._open[resource_id.lower()] = _Cost(key, nodes)

    def _close(self, key: str, held: _Cost) -> None:
        entry = self._store.get(Kind.COST, held.key) or {}
        self._store.put(Kind.COST, held.key, {**entry, "until": self._clock.time()})
        del self._open[key.lower()]

    def costs(self, workspace: str | None) -> list[Document]:
        """Return what cost nodes in a workspace, or anywhere; `until` is null while it goes on."""
        entries = self._store.below(Kind.COST, "" if workspace is None else f"{workspace}/")
        return [_shown(entry, self._clock.time()) for entry in entries]


def _is_whole_blob(asked: Asked) -> bool:
    return not any(f"comp={part}" in asked.query.split("&") for part in ("block", "metadata"))


def _tags(document: Document | None) -> dict[str, Any]:
    if document is None:
        return {}
    return dict(document.get("tags") or document.get("properties", {}).get("tags") or {})


def _nodes(kind: Kind, body: Document | None) -> int:
    """Count the nodes that a document stands for now."""
    if body is None:
        return 0
    if kind is Kind.DEPLOYMENT:
        return int(body["sku"]["capacity"])
    if kind is Kind.COMPUTE:
        return int(body["properties"]["properties"]["scaleSettings"]["minNodeCount"])
    return _job_nodes(body) if body["properties"]["status"] in _BILLED_STATES else 0


def _job_nodes(body: Document) -> int:
    jobs = body["properties"]["jobs"].values()
    given = [(job.get("inputs") or {}).get("num_nodes_finetune") or {} for job in jobs]
    return max([int(each.get("value") or 1) for each in given], default=1)


def _shown(entry: Document, now: float) -> Document:
    until = entry["until"]
    return {
        "id": entry["id"],
        "kind": entry["kind"],
        "nodes": entry["nodes"],
        "since": _stamp(entry["since"]),
        "until": until and _stamp(until),
        "node_seconds": entry["nodes"] * ((until or now) - entry["since"]),
    }


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
