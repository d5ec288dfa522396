"""An Azure ML in memory, as the steps see it: made once and known by a uid, on time that passes by waiting.

It answers at the place of `runner.azure.cloud.Cloud`, above HTTP: what is a 429, a 503 or a lost connection
there arrives here as CloudUnavailable, which is what the azure room makes of each once it has tried enough.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from threading import Event as StopEvent
from types import SimpleNamespace
from typing import Any, TypeVar

from runner import errors
from runner.errors import CloudUnavailable, StepFailed
from runner.facts import (
    TRAINED_MODEL,
    AssetState,
    ChildRun,
    ComputeState,
    DeploymentState,
    EndpointState,
    JobSpec,
    JobState,
    Provisioning,
    StoredFile,
    Target,
    TargetKind,
)
from runner.metric_table import Point
from runner.naming import TAG_INTENT, TAG_RUN
from runner.recipe import Compute, Deployment, Endpoint
from tests.faults.boundaries import Gate

Answer = TypeVar("Answer")

TARGET = Target(kind=TargetKind.AZURE, subscription_id="sub", resource_group="rg", workspace_name="ws")
SECRET_KEY = "canary-key-0123456789abcdefghijklmnop"  # noqa: S105 - no file of a run may hold it
BEGAN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
# What every training has logged, as it comes to the step.
POINTS = tuple(
    Point(
        job="chat_completion_finetune", metric="loss", step=step, value=value, time="2026-11-21T08:00:00.000Z"
    )
    for step, value in ((1, 2.0), (2, float("nan")), (3, 0.5))
)


class Trouble(StrEnum):
    """What can go wrong with one call of the cloud, and is gone the next time."""

    REFUSED = "429 or 503, not applied"
    LOST = "applied, and the answer lost"
    STALE = "a look answered 404"
    SIGNED_OUT = "401"


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """One resource. It is under way until `ready`; asked to go, it is there until `gone`."""

    kind: str
    name: str
    uid: int
    tags: Mapping[str, str]
    body: Mapping[str, Any]
    ready: float
    gone: float | None = None
    hidden: int = 0
    ends: str = "Succeeded"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A line of the ledger: something was made, changed, asked to go, run or called."""

    op: str
    kind: str
    name: str
    uid: int
    run: str
    intent: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Manners:
    """How this cloud behaves: how long things take, how late they show, and how a job ends.

    `down` is from when to when it answers nothing; `wall_jumps` by how many seconds the wall's time, which
    nobody should wait by, goes to and fro.
    """

    seconds: float = 0.06
    hidden_reads: int = 1
    deletion_seconds: float = 0.06
    job_ends: str = "Completed"
    deployment_ends: str = "Succeeded"
    job_seconds: float | None = None
    down: tuple[float, float] = (0.0, 0.0)
    wall_jumps: float = 0.0
    loses_traffic: bool = False
    has_output: bool = True
    tells_history: bool = True


BILLS = {"compute", "endpoint", "deployment", "job"}


@dataclass
class World:
    """Everything of the cloud that outlives the runner's processes, and what time it is."""

    manners: Manners = field(default_factory=Manners)
    now: float = 0.0
    things: dict[tuple[str, str], Thing] = field(default_factory=dict)
    ledger: list[Entry] = field(default_factory=list)
    uids: int = 0
    acknowledged: frozenset[tuple[str, str, str]] = frozenset()

    def copy(self) -> "World":
        """Give a world that goes its own way from here."""
        things, ledger = dict(self.things), list(self.ledger)
        return World(self.manners, self.now, things, ledger, self.uids, self.acknowledged)

    def there(self, kind: str, name: str) -> Thing | None:
        """Give what is truly there, hidden or not."""
        thing = self.things.get((kind, name))
        return None if thing is None or self._is_gone(thing) else thing

    def alive(self) -> list[Thing]:
        """Give what costs money."""
        found = [thing for thing in self.things.values() if thing.kind in BILLS and not self._is_gone(thing)]
        return [thing for thing in found if thing.kind != "job" or self.now < thing.ready]

    def look(self, kind: str, name: str) -> Thing | None:
        """Give what a GET shows: not yet what was only just made, no longer what was asked to go."""
        thing = self.there(kind, name)
        if thing is None or thing.gone is not None:
            return None
        if thing.hidden:
            self.things[kind, name] = replace(thing, hidden=thing.hidden - 1)
            return None
        return thing

    def put(self, kind: str, name: str, tags: Mapping[str, str], **body: Any) -> None:  # noqa: ANN401 - as the wire
        """Make a resource, or change the one of that name."""
        before = self.there(kind, name)
        if before is None:
            self.uids += 1
        uid = before.uid if before else self.uids
        op = "again" if subject(kind, name, tags) in self.acknowledged else "update" if before else "create"
        self.ledger.append(_entry(op, kind, name, uid, tags))
        self.things[kind, name] = Thing(
            kind=kind,
            name=name,
            uid=uid,
            tags=dict(tags),
            body=body,
            ready=self.now + self._seconds(kind),
            hidden=0 if before else self.manners.hidden_reads,
            ends=self._end(kind),
        )

    def route(self, endpoint: Thing, traffic: Mapping[str, int]) -> None:
        """Split an endpoint's traffic anew; that takes as long as to make it."""
        self.ledger.append(_entry("route", endpoint.kind, endpoint.name, endpoint.uid, endpoint.tags))
        body = endpoint.body if self.manners.loses_traffic else {"traffic": dict(traffic)}
        ready = self.now + self.manners.seconds
        self.things["endpoint", endpoint.name] = replace(endpoint, body=body, ready=ready)

    def remove(self, kind: str, name: str) -> None:
        """Begin to delete a resource; one that is not there, or on its way already, is fine."""
        thing = self.there(kind, name)
        if thing and thing.gone is None:
            self.ledger.append(_entry("delete", kind, name, thing.uid, thing.tags))
            self.things[kind, name] = replace(thing, gone=self.now + self.manners.deletion_seconds)

    def _seconds(self, kind: str) -> float:
        given = self.manners.job_seconds if kind == "job" else None
        return self.manners.seconds if given is None else given

    def _end(self, kind: str) -> str:
        ends = {"job": self.manners.job_ends, "deployment": self.manners.deployment_ends}
        return ends.get(kind, "Succeeded")

    def _is_gone(self, thing: Thing) -> bool:
        return thing.gone is not None and self.now >= thing.gone


def subject(kind: str, name: str, tags: Mapping[str, str]) -> tuple[str, str, str]:
    """Tell what a request is about, and which intent is behind it."""
    return kind, name, tags.get(TAG_INTENT, "")


def _entry(op: str, kind: str, name: str, uid: int, tags: Mapping[str, str]) -> Entry:  # noqa: PLR0913, RUF100 - one line
    return Entry(
        op=op, kind=kind, name=name, uid=uid, run=tags.get(TAG_RUN, ""), intent=tags.get(TAG_INTENT, "")
    )


@dataclass
class WorldClock:
    """The world's time: waiting makes it pass at once."""

    world: World
    asked: int = 0

    def now(self) -> datetime:
        self.asked += 1
        jump = self.world.manners.wall_jumps * (-1) ** self.asked
        return BEGAN + timedelta(seconds=self.world.now + jump)

    def monotonic(self) -> float:
        return self.world.now

    def wait(self, seconds: float, stop: StopEvent) -> bool:
        self.world.now += seconds
        return stop.is_set()


@dataclass
class Wire:
    """The way to the cloud in one life: each call is two boundaries, and may meet with trouble.

    Who makes another call after a request was answered has had the time to write the answer down; `answered`
    holds what was answered last.
    """

    world: World
    gate: Gate
    troubles: Mapping[int, Trouble] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    answered: set[tuple[str, str, str]] = field(default_factory=set)

    def call(self, name: str, apply: Callable[[], Answer], *, stale: Callable[[], Answer] | None) -> Answer:
        """Send a request and give its answer. `stale` makes the answer of a look that is not up to date."""
        self.calls.append(name)
        self.world.acknowledged |= self.answered
        trouble = self.troubles.get(len(self.calls))
        self.gate.reach(f"before {name}")
        if trouble is Trouble.STALE and stale is None:
            trouble = Trouble.LOST
        if trouble is Trouble.STALE and stale:
            return stale()
        since, until = self.world.manners.down
        _refuse(Trouble.REFUSED if since <= self.world.now < until else trouble, name)
        answer = apply()
        self.gate.reach(f"after {name}")
        if trouble is Trouble.LOST:
            raise CloudUnavailable(f"{name}: no answer: the connection was reset")
        return answer


def _refuse(trouble: Trouble | None, name: str) -> None:
    if trouble is Trouble.REFUSED:
        raise CloudUnavailable(f"{name}: HTTP 503: ServiceUnavailable")
    if trouble is Trouble.SIGNED_OUT:
        refused = getattr(errors, "SignInRefused", CloudUnavailable)
        raise refused(f"{name}: sign-in was refused", hint="az login")


def model_cloud(world: World, gate: Gate, troubles: Mapping[int, Trouble] | None = None) -> SimpleNamespace:
    """Give a cloud for one life: the rooms that steps call, all on one world."""
    wire = Wire(world, gate, troubles or {})
    return SimpleNamespace(
        target=TARGET,
        location="westeurope",
        computes=Computes(wire),
        assets=Assets(wire),
        storage=Storage(wire),
        jobs=Jobs(wire),
        history=History(wire),
        metrics=Metrics(wire),
        endpoints=Endpoints(wire),
        scoring=Scoring(wire),
        registry=SimpleNamespace(
            name="azureml",
            pipeline_component=lambda *named: wire.call("registry.component", lambda: named, stale=None),
            # No tokenizer: what the training will see is then estimated.
            model_files=lambda *_: {},
        ),
        retried=0,
        wire=wire,
    )


@dataclass
class _Room:
    wire: Wire

    @property
    def world(self) -> World:
        return self.wire.world

    def _look(self, kind: str, name: str) -> Thing | None:
        return self.wire.call(f"{kind}.get", lambda: self.world.look(kind, name), stale=lambda: None)

    def _put(self, kind: str, name: str, tags: Mapping[str, str], **body: Any) -> None:  # noqa: ANN401 - as the wire
        self._ask(kind, name, tags, lambda: self.world.put(kind, name, tags, **body))

    def _ask(self, kind: str, name: str, tags: Mapping[str, str], apply: Callable[[], None]) -> None:
        self.wire.call(f"{kind}.put", apply, stale=None)
        self.wire.answered.add(subject(kind, name, tags))

    def _remove(self, kind: str, name: str) -> None:
        self.wire.call(f"{kind}.delete", lambda: self.world.remove(kind, name), stale=None)

    def _listed(self, kind: str, name: str) -> bool:
        return self.wire.call(f"{kind}.list", lambda: self.world.there(kind, name) is not None, stale=None)

    def _state(self, thing: Thing) -> Provisioning:
        if self.world.now < thing.ready:
            return Provisioning.IN_PROGRESS
        return Provisioning.SUCCEEDED if thing.ends in {"Succeeded", "Completed"} else Provisioning.FAILED


class Computes(_Room):
    def get(self, name: str) -> ComputeState | None:
        found = self._look("compute", name)
        return (
            found
            if found is None
            else ComputeState(
                id=f"/computes/{name}",
                name=name,
                kind="amlcompute",
                size=str(found.body["size"]),
                tier=str(found.body["tier"]),
                max_instances=1,
                provisioning=self._state(found),
                tags=found.tags,
            )
        )

    def create(self, section: Compute, *, description: str | None, tags: Mapping[str, str]) -> None:
        del description
        self._put("compute", section.name, tags, size=section.size, tier=section.tier.value)

    def delete(self, name: str) -> None:
        self._remove("compute", name)

    def listed(self, name: str) -> bool:
        return self._listed("compute", name)


class Assets(_Room):
    """Versioned; a version that is there is never made anew."""

    def data(self, name: str, version: str) -> AssetState | None:
        return self._asset("data asset", name, version)

    def model(self, name: str, version: str) -> AssetState | None:
        return self._asset("model", name, version)

    def register_data(
        self, name: str, version: str, *, path: str, description: str | None, tags: Mapping[str, str]
    ) -> None:
        del description
        self._register("data asset", f"{name}:{version}", tags, path)

    def register_model(
        self, name: str, version: str, *, path: str, description: str | None, tags: Mapping[str, str]
    ) -> None:
        del description
        self._register("model", f"{name}:{version}", tags, path)

    def next_model_version(self, name: str) -> str:
        def newest() -> str:
            kept = [
                int(thing.name.rsplit(":", 1)[1])
                for thing in self.world.things.values()
                if thing.kind == "model" and thing.name.startswith(f"{name}:")
            ]
            return str(max(kept, default=0) + 1)

        return self.wire.call("model.list", newest, stale=None)

    def _asset(self, kind: str, name: str, version: str) -> AssetState | None:
        found = self._look(kind, f"{name}:{version}")
        return (
            found
            if found is None
            else AssetState(
                id=f"/{kind}/{name}/{version}",
                name=name,
                version=version,
                path=str(found.body["path"]),
                tags=found.tags,
            )
        )

    def _register(self, kind: str, name: str, tags: Mapping[str, str], path: str) -> None:
        def apply() -> None:
            before = self.world.there(kind, name)
            if before is not None and before.body["path"] != path:
                raise StepFailed(f"{kind} {name} is there already and cannot be changed")
            self.world.put(kind, name, tags, path=path)

        self._ask(kind, name, tags, apply)


class Storage(_Room):
    def upload(self, local: Path, blob_path: str) -> str:
        content = local.read_bytes()

        def apply() -> str:
            if self.world.there("blob", blob_path) is None:
                self.world.put("blob", blob_path, {}, size=len(content))
            return f"azureml://datastores/blob/paths/{blob_path}"

        return self.wire.call("blob.put", apply, stale=None)

    def contents(self, uri: str, stop: StopEvent) -> Mapping[str, StoredFile]:
        del uri, stop
        held = {"data/model/model.safetensors": StoredFile(bytes=1, sha256="0" * 64)}
        return self.wire.call("blob.list", lambda: held, stale=dict)


class Jobs(_Room):
    def get(self, name: str) -> JobState | None:
        found = self._look("job", name)
        if found is None:
            return None
        ended = self.world.now >= found.ready
        state = self._state(found)
        return JobState(
            id=f"/jobs/{name}",
            name=name,
            status=found.ends if ended else "Running",
            provisioning=state,
            outputs=(TRAINED_MODEL,) if state is Provisioning.SUCCEEDED else (),
            tags=found.tags,
        )

    def submit(self, spec: JobSpec, component: object) -> None:
        del component

        def apply() -> None:
            before = self.world.there("job", spec.name)
            self.world.put("job", spec.name, spec.tags, experiment=spec.experiment)
            if before:  # the same name is the same job, however it stands
                self.world.things["job", spec.name] = before

        self._ask("job", spec.name, spec.tags, apply)

    def cancel(self, name: str) -> None:
        def apply() -> None:
            found = self.world.there("job", name)
            if found and self.world.now < found.ready and found.ends != "Canceled":
                self.world.ledger.append(_entry("cancel", "job", name, found.uid, found.tags))
                soon = self.world.now + self.world.manners.deletion_seconds
                self.world.things["job", name] = replace(
                    found, ready=min(found.ready, soon), ends="Canceled", hidden=0
                )

        self.wire.call("job.cancel", apply, stale=None)

    def listed(self, name: str) -> bool:
        return self.wire.call(
            "job.list", lambda: any(thing.name == name for thing in self.world.alive()), stale=None
        )


class History(_Room):
    def descendants(self, run_id: str) -> tuple[ChildRun, ...]:
        if not self.world.manners.tells_history:
            raise CloudUnavailable("history: HTTP 500")

        def found() -> tuple[ChildRun, ...]:
            job = self.world.there("job", run_id)
            if job is None:
                return ()
            status = "Running" if self.world.now < job.ready else job.ends
            return (ChildRun(run_id=f"{run_id}-ft", name="chat_completion_finetune", status=status),)

        return self.wire.call("history.children", found, stale=lambda: ())

    def metrics(self, run_id: str) -> Mapping[str, float]:
        del run_id
        answer: Mapping[str, float] = {"loss": 0.5}
        return self.wire.call("history.metrics", lambda: answer, stale=dict)

    def log(self, run_id: str) -> str:
        return self.wire.call("history.log", lambda: f"log of {run_id}", stale=str)

    def output_asset(self, run_id: str, output: str) -> str | None:
        asset = f"azureml:{run_id}-{output}:1" if self.world.manners.has_output else None
        return self.wire.call("history.output", lambda: asset, stale=lambda: None)

    def output_uri(self, asset: str) -> str | None:
        return f"azureml://datastores/blob/paths/{asset}/"


class Metrics(_Room):
    """What MLflow keeps: it does not change once the job has ended, and decides nothing where it is not told.

    How long to ask is the azure room's to say, which ends with a StepFailed.
    """

    def points(self, job: str) -> tuple[Point, ...]:
        del job
        if not self.world.manners.tells_history:
            raise StepFailed("reading the metrics: HTTP 500 (for 5 minutes)")
        return self.wire.call("metrics.points", lambda: POINTS, stale=None)


class Endpoints(_Room):
    def get(self, name: str) -> EndpointState | None:
        found = self._look("endpoint", name)
        return (
            found
            if found is None
            else EndpointState(
                id=f"/endpoints/{name}",
                name=name,
                provisioning=self._state(found),
                auth_mode="key",
                scoring_uri=f"https://{name}.example/score",
                traffic=found.body["traffic"],
                tags=found.tags,
            )
        )

    def create(
        self, name: str, section: Endpoint, *, description: str | None, tags: Mapping[str, str]
    ) -> None:
        del section, description
        self._put("endpoint", name, tags, traffic={})

    def route(self, name: str, traffic: Mapping[str, int]) -> None:
        def apply() -> None:
            found = self.world.there("endpoint", name)
            if found is None:
                raise StepFailed(f"endpoint {name} is not there")
            self.world.route(found, traffic)

        self.wire.call("endpoint.put", apply, stale=None)

    def delete(self, name: str) -> None:
        def apply() -> None:
            for thing in list(self.world.things.values()):
                if thing.kind == "deployment" and thing.name.startswith(f"{name}/"):
                    self.world.remove("deployment", thing.name)
            self.world.remove("endpoint", name)

        self.wire.call("endpoint.delete", apply, stale=None)

    def key(self, name: str) -> str:
        del name
        return self.wire.call("endpoint.key", lambda: SECRET_KEY, stale=None)

    def deployment(self, endpoint: str, name: str) -> DeploymentState | None:
        found = self._look("deployment", f"{endpoint}/{name}")
        return (
            found
            if found is None
            else DeploymentState(
                id=f"/endpoints/{endpoint}/deployments/{name}",
                name=name,
                provisioning=self._state(found),
                model=str(found.body["model"]),
                instance_type=str(found.body["instance_type"]),
                instance_count=int(found.body["instance_count"]),
                error="OutOfQuota" if self._state(found) is Provisioning.FAILED else "",
                tags=found.tags,
            )
        )

    def deploy(
        self,
        endpoint: str,
        section: Deployment,
        *,
        model: str,
        description: str | None,
        tags: Mapping[str, str],
    ) -> None:
        del description
        self._put(
            "deployment",
            f"{endpoint}/{section.name.lower()}",
            tags,
            model=model,
            instance_type=section.instance_type,
            instance_count=section.instance_count,
        )

    def undeploy(self, endpoint: str, name: str) -> None:
        self._remove("deployment", f"{endpoint}/{name}")

    def container_log(self, endpoint: str, name: str, lines: int) -> str:
        del endpoint, lines
        return self.wire.call("deployment.log", lambda: f"log of {name}", stale=str)

    def listed(self, name: str) -> bool:
        return self._listed("endpoint", name)

    def deployment_listed(self, endpoint: str, name: str) -> bool:
        return self._listed("deployment", f"{endpoint}/{name}")


class Scoring(_Room):
    def chat(self, uri: str, key: str, **asked: object) -> str:
        del uri, asked
        assert key == SECRET_KEY
        return self.wire.call("scoring.chat", self._answer, stale=None)

    def _answer(self) -> str:
        """Never answer the same twice: what was acknowledged once must be what is kept."""
        self.world.ledger.append(_entry("invoke", "scoring", "", 0, {}))
        return f"answer {sum(entry.op == 'invoke' for entry in self.world.ledger)}"
