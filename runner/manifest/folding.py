"""Fold a journal into its manifest, record by record; what a repair has left out is not made up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from runner.errors import UsageError
from runner.journal import Event, Record
from runner.manifest.states import (
    Manifest,
    Resource,
    RunStatus,
    StepRecord,
    StepStatus,
    alive_from,
    steps_from,
)
from runner.manifest_file import FORMAT


def fold(records: Sequence[Record]) -> Manifest:
    """Make the manifest of a journal. Raises UsageError if it does not begin with a run, or is not ours."""
    first, *rest = records or (None,)
    if first is None or first.event is not Event.RUN_OPENED:
        raise UsageError(
            "the journal does not begin with the opening of a run",
            hint="runner repair RUN keeps what is whole of it, and says what to do where nothing is",
        )
    try:
        manifest = _opened(first)
        advance(manifest, rest)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(
            "the journal holds a record of another shape than this program writes",
            hint="it was changed, or written by a later version of runner: install that",
        ) from error
    manifest.journal = {"records": len(records), "head": records[-1].checksum}
    return manifest


def advance(manifest: Manifest, records: Sequence[Record]) -> None:
    """Have a manifest tell what these records add."""
    for record in records:
        _APPLIED[record.event](manifest, record)


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
        parent=given.get("parent"),
        sweep=given.get("sweep"),
    )


def _unchanged(_manifest: Manifest, _record: Record) -> None:
    """Leave the manifest as it is: the record is for whoever reads the journal."""


def _resumed(manifest: Manifest, _record: Record) -> None:
    """Take a run up again; a forward walk that ended stays so, unless the run was closed as failed."""
    if manifest.status in {RunStatus.FAILED, RunStatus.CANCELED}:
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
        before.adopted = before.changed
        return
    manifest.steps[record.step] = StepRecord(
        status=StepStatus.RUNNING,
        action=record.data["action"],
        started=record.time,
        attempt=attempt,
        reason=record.data.get("reason", ""),
    )


def _step(manifest: Manifest, record: Record) -> StepRecord:
    """Give a record's step; one whose start a repair has left out began here, for all that is known."""
    begun = StepRecord(
        status=StepStatus.RUNNING,
        action=record.data.get("action", "read"),
        started=record.time,
        attempt=record.data.get("attempt", 1),
    )
    return manifest.steps.setdefault(record.step, begun)


def _observed(manifest: Manifest, record: Record) -> None:
    step = _step(manifest, record)
    step.detail = record.data.get("detail", "")
    step.outputs = {**step.outputs, **record.data.get("outputs", {})}


def _acknowledged(manifest: Manifest, record: Record) -> None:
    step = _step(manifest, record)
    step.acknowledged = True
    step.adopted = False  # it was asked for once more, by the process that goes on


def _walked(manifest: Manifest, record: Record) -> None:
    manifest.walked = record.data["status"]


def _closed(manifest: Manifest, record: Record) -> None:
    manifest.status = RunStatus(record.data["status"])
    manifest.ended = record.time
    manifest.retried += record.data.get("retried", 0)


def _judged(manifest: Manifest, record: Record) -> None:
    manifest.verdict = record.data


def _deletion_asked(manifest: Manifest, record: Record) -> None:
    _deletion(manifest, record.step, "asked")


def _deletion_failed(manifest: Manifest, record: Record) -> None:
    _deletion(manifest, record.step, record.data["reason"])


def _deletion(manifest: Manifest, step: str, told: str) -> None:
    manifest.alive = [
        replace(resource, deletion=told) if resource.step == step else resource for resource in manifest.alive
    ]


def _intended(manifest: Manifest, record: Record) -> None:
    step = _step(manifest, record)
    step.intent = record.data["intent"]
    step.action = record.data["action"]
    step.changed = True
    _pin_rows(manifest)
    _note_alive(manifest, record)


def _done(manifest: Manifest, record: Record) -> None:
    step = _step(manifest, record)
    step.status = StepStatus.SUCCEEDED
    step.ended = record.time
    step.intent = record.data["intent"]
    step.outputs = record.data["outputs"]
    step.metrics = record.data.get("metrics", {})
    if not step.changed or record.data["action"] == "reuse":  # others were quicker: it is only used
        step.action = record.data["action"]
        step.changed = step.action in {"create", "update"}  # its intent has been left out by a repair
    _pin_rows(manifest)
    _note_alive(manifest, record)


def _pin_rows(manifest: Manifest) -> None:
    """Pin the rows, once the dataset's step has said which they are; a data asset's own are not known.

    Until then they stay as the run was opened with: by these a run that was cut off is held to its rows.
    """
    step, pinned = manifest.steps.get("dataset"), manifest.pins.get("dataset")
    if step is None or pinned is None:
        return
    assets = step.intent.get("assets", {})
    files = {
        role: {key: asset[key] for key in ("sha256", "rows", "bytes")}
        for role, asset in assets.items()
        if "sha256" in asset
    }
    if files:
        manifest.pins = {**manifest.pins, "dataset": {**pinned, "files": files}}


def _note_alive(manifest: Manifest, record: Record) -> None:
    """List what the record tells of, since it was first listed, unless it has ended or cannot cost money."""
    since = next((each.since for each in manifest.alive if each.step == record.step), record.time)
    _forget(manifest, record.step)
    if record.data["bills"] and not record.data.get("ended"):
        kind, name = record.data["kind"], record.data["intent"]["name"]
        manifest.alive.append(Resource(step=record.step, kind=kind, name=name, since=since))


def _failed(manifest: Manifest, record: Record) -> None:
    step = _step(manifest, record)
    step.status = StepStatus.FAILED
    step.ended = record.time
    step.error = record.data["error"]
    if record.data.get("ended"):
        _forget(manifest, record.step)


def _deleted(manifest: Manifest, record: Record) -> None:
    if record.data.get("left"):  # to another run: it is there, and no concern of this one's
        _forget(manifest, record.step)
        return
    for name in (record.step, *record.data.get("with", ())):
        if name in manifest.steps:
            manifest.steps[name].status = StepStatus.DELETED
        _forget(manifest, name)


def _forget(manifest: Manifest, step: str) -> None:
    manifest.alive = [resource for resource in manifest.alive if resource.step != step]


def _repaired(manifest: Manifest, record: Record) -> None:
    """Take over what was known when the journal was repaired, where its lines alone no longer tell it."""
    known = record.data.get("known")
    if not known:
        return
    manifest.status = RunStatus(known["status"])
    manifest.ended, manifest.walked = known["ended"], known["walked"]
    manifest.resumed, manifest.retried = known["resumed"], known["retried"]
    manifest.steps = steps_from(known["steps"])
    manifest.alive = alive_from(known["alive"])
    manifest.verdict = known.get("verdict", manifest.verdict)  # repairs of earlier versions do not tell
    _pin_rows(manifest)


_APPLIED: Mapping[Event, Callable[[Manifest, Record], None]] = {
    Event.RUN_OPENED: _unchanged,
    Event.RUN_HELD: _unchanged,
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
    Event.JUDGED: _judged,
    Event.REPAIRED: _repaired,
}
