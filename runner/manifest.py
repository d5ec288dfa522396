"""What a run was, as one file that can be committed: the fold of its journal.

`fold` is pure; `write` replaces the file atomically; `load` reads it back and ignores keys of later versions.
Its shape is `schemas/manifest.schema.json`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from runner import manifest_file
from runner.errors import UsageError
from runner.journal import Event, Json, Record
from runner.manifest_file import FILE_NAME, FORMAT
from runner.schema_files import read_schema

__all__ = ["FILE_NAME", "FORMAT", "Manifest", "Resource", "RunStatus", "StepRecord", "StepStatus"]


class RunStatus(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELED = "canceled"


class StepStatus(StrEnum):
    """How a step stands. `deleted` means: it succeeded or failed, and what it made is gone again."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DELETED = "deleted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """Something that a step made, changed or reused, and that can cost money while it is there.

    `since` is the time of the record that listed it. `deletion` is None until its deletion was asked for,
    then `asked`, or why it is not proven gone.
    """

    step: str
    kind: str
    name: str
    since: str = ""
    deletion: str | None = None


@dataclass(kw_only=True, slots=True)
class StepRecord:
    """What became of one step. `action` is `create`, `update`, `reuse` or `read`.

    `attempt` counts from 1; `detail` is what the latest look showed; `acknowledged` tells that its changing
    request was answered well.
    """

    status: StepStatus
    action: str
    started: str
    ended: str | None = None
    intent: Mapping[str, Json] = field(default_factory=dict)
    outputs: Mapping[str, Json] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None
    changed: bool = False
    attempt: int = 1
    detail: str = ""
    acknowledged: bool = False


@dataclass(kw_only=True, slots=True)
class Manifest:
    """A run: what was asked, what it resolved to, what each step did, and what is left alive.

    `walked` is how the forward walk ended, once it has: only cleaning up and closing then remain. `resumed`
    counts how often the run was taken up again, `retried` the requests that were sent once more.
    """

    format: int
    run_id: str
    status: RunStatus
    started: str
    ended: str | None
    recipe: Mapping[str, Json]
    target: Mapping[str, Json]
    versions: Mapping[str, Json]
    pins: Mapping[str, Json]
    parameters: Sequence[Mapping[str, Json]]
    steps: dict[str, StepRecord] = field(default_factory=dict)
    alive: list[Resource] = field(default_factory=list)
    walked: str | None = None
    resumed: int = 0
    retried: int = 0
    journal: Mapping[str, Json] = field(default_factory=lambda: {"records": 0, "head": ""})


def fold(records: Sequence[Record]) -> Manifest:
    """Make the manifest of a journal. Raises UsageError if the journal does not begin with a run."""
    first, *rest = records or (None,)
    if first is None or first.event is not Event.RUN_OPENED:
        raise UsageError("the journal does not begin with the opening of a run")
    manifest = _opened(first)
    for record in rest:
        _APPLIED[record.event](manifest, record)
    manifest.journal = {"records": len(records), "head": records[-1].checksum}
    return manifest


def write(manifest: Manifest, path: Path) -> None:
    """Replace the file atomically: whoever reads it sees the old manifest or the new one, whole."""
    manifest_file.write(asdict(manifest), path)


def load(path: Path) -> Manifest:
    """Read a manifest. Unknown keys are ignored: an older runner may meet a newer file of the same format."""
    found = manifest_file.read(path)
    _check(found, path)
    return _manifest({**found, "format": FORMAT})


# What a later version adds is not this version's business.
_TOLERATED = {"additionalProperties", "propertyNames"}


def _check(read: Json, path: Path) -> None:
    # Only who reads a manifest pays for the validator.
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    for error in Draft202012Validator(read_schema("manifest.schema.json")).iter_errors(read):
        if error.validator not in _TOLERATED:
            where = ".".join(str(part) for part in error.absolute_path) or "the top"
            raise UsageError(f"{path} is not a manifest that this version can read: see {where}")


def _manifest(read: Mapping[str, Json]) -> Manifest:
    apart = {"steps", "alive", "status"}
    known = {name: read[name] for name in Manifest.__slots__ if name in read and name not in apart}
    return Manifest(
        **known,
        status=RunStatus(read["status"]),
        steps={name: _step_record(step) for name, step in read["steps"].items()},
        alive=[
            Resource(**{key: each[key] for key in Resource.__slots__ if key in each})
            for each in read["alive"]
        ],
    )


def _step_record(read: Mapping[str, Json]) -> StepRecord:
    known = {name: read[name] for name in StepRecord.__slots__ if name in read}
    return StepRecord(**known | {"status": StepStatus(read["status"])})


def _opened(record: Record) -> Manifest:
    given = record.data
    return Manifest(
        format=FORMAT,
        run_id=given["run_id"],
        status=RunStatus.RUNNING,
        started=record.time,
        ended=None,
        recipe=given["recipe"],
        target=given["target"],
        versions=given["versions"],
        pins=given["pins"],
        parameters=given["parameters"],
    )


def _unchanged(_manifest: Manifest, _record: Record) -> None:
    """Leave the manifest as it is: the record is for whoever reads the journal."""


def _resumed(manifest: Manifest, _record: Record) -> None:
    """Take a run up again; one whose forward walk had ended well, or was cut off in cleaning up, stays so."""
    if manifest.status is not RunStatus.RUNNING:
        manifest.walked = None
    manifest.status = RunStatus.RUNNING
    manifest.ended = None
    manifest.resumed += 1


def _started(manifest: Manifest, record: Record) -> None:
    """Begin a step; taken up again at the same attempt, it keeps what was meant and asked for."""
    attempt = record.data.get("attempt", 1)
    before = manifest.steps.get(record.step)
    if before and before.attempt == attempt and before.status is not StepStatus.DELETED:
        before.status, before.ended, before.error = StepStatus.RUNNING, None, None
        return
    manifest.steps[record.step] = StepRecord(
        status=StepStatus.RUNNING, action=record.data["action"], started=record.time, attempt=attempt
    )


def _observed(manifest: Manifest, record: Record) -> None:
    step = manifest.steps[record.step]
    step.detail = record.data.get("detail", "")
    step.outputs = {**step.outputs, **record.data.get("outputs", {})}


def _acknowledged(manifest: Manifest, record: Record) -> None:
    manifest.steps[record.step].acknowledged = True


def _walked(manifest: Manifest, record: Record) -> None:
    manifest.walked = record.data["status"]


def _closed(manifest: Manifest, record: Record) -> None:
    manifest.status = RunStatus(record.data["status"])
    manifest.ended = record.time
    manifest.retried += record.data.get("retried", 0)


def _deletion_asked(manifest: Manifest, record: Record) -> None:
    _deletion(manifest, record.step, "asked")


def _deletion_failed(manifest: Manifest, record: Record) -> None:
    _deletion(manifest, record.step, record.data["reason"])


def _deletion(manifest: Manifest, step: str, told: str) -> None:
    manifest.alive = [
        replace(resource, deletion=told) if resource.step == step else resource for resource in manifest.alive
    ]


def _intended(manifest: Manifest, record: Record) -> None:
    step = manifest.steps[record.step]
    step.intent = record.data["intent"]
    step.action = record.data["action"]
    step.changed = True
    _note_alive(manifest, record)


def _done(manifest: Manifest, record: Record) -> None:
    step = manifest.steps[record.step]
    step.status = StepStatus.SUCCEEDED
    step.ended = record.time
    step.intent = record.data["intent"]
    step.outputs = record.data["outputs"]
    step.metrics = record.data.get("metrics", {})
    if not step.changed:
        step.action = record.data["action"]
    _note_alive(manifest, record)


def _note_alive(manifest: Manifest, record: Record) -> None:
    """List what the record tells of, since it was first listed, unless it has ended or cannot cost money."""
    since = next((each.since for each in manifest.alive if each.step == record.step), record.time)
    _forget(manifest, record.step)
    if record.data["bills"] and not record.data.get("ended"):
        kind, name = record.data["kind"], record.data["intent"]["name"]
        manifest.alive.append(Resource(step=record.step, kind=kind, name=name, since=since))


def _failed(manifest: Manifest, record: Record) -> None:
    step = manifest.steps[record.step]
    step.status = StepStatus.FAILED
    step.ended = record.time
    step.error = record.data["error"]
    if record.data.get("ended"):
        _forget(manifest, record.step)


def _deleted(manifest: Manifest, record: Record) -> None:
    for name in (record.step, *record.data.get("with", ())):
        if name in manifest.steps:
            manifest.steps[name].status = StepStatus.DELETED
        _forget(manifest, name)


def _forget(manifest: Manifest, step: str) -> None:
    manifest.alive = [resource for resource in manifest.alive if resource.step != step]


_APPLIED: Mapping[Event, Callable[[Manifest, Record], None]] = {
    Event.RUN_OPENED: _unchanged,
    Event.RUN_RESUMED: _resumed,
    Event.STEP_STARTED: _started,
    Event.INTENT: _intended,
    Event.ACKNOWLEDGED: _acknowledged,
    Event.OBSERVED: _observed,
    Event.DONE: _done,
    Event.FAILED: _failed,
    Event.WALKED: _walked,
    Event.DELETE_INTENT: _deletion_asked,
    Event.DELETE_FAILED: _deletion_failed,
    Event.DELETE_DONE: _deleted,
    Event.RUN_CLOSED: _closed,
    Event.REPAIRED: _unchanged,
}
