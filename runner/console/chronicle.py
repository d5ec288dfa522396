"""A run's journal in words: one line a record, with its time."""

from collections.abc import Callable, Mapping

from runner.console.lines import safe
from runner.journal import Event, Json, Record

Data = Mapping[str, Json]


def line(record: Record) -> str:
    """Give a record's time, its step, and what it tells."""
    told = _WORDS[record.event](record.data)
    if record.step == "finetune" and record.event in _OF_A_JOB:
        told = _OF_A_JOB[record.event](record.data)
    return safe(f"{record.time}  {record.step or 'run':<10}  {told}").replace("\n", " ")


def as_json(record: Record) -> Mapping[str, Json]:
    """Give a record as it was told to the journal; how its line is guarded is no news."""
    return {
        "seq": record.seq,
        "time": record.time,
        "event": record.event.value,
        "step": record.step,
        "data": record.data,
    }


def _opened(data: Data) -> str:
    recipe, target = data["recipe"], data["target"]
    return f"opened: {recipe['path']} on {target['kind']} workspace {target['workspace_name']}{_by(data)}"


def _by(data: Data) -> str:
    process = data.get("process")
    return f", by process {process['pid']} on {process['host']}" if process else ""


def _started(data: Data) -> str:
    attempt = data.get("attempt", 1)
    return f"begun: to {data['action']}" + (f", attempt {attempt}" if attempt > 1 else "")


def _intent(data: Data) -> str:
    return f"asked for: {data['action']} {data['kind']} {data['intent']['name']}"


def _observed(data: Data) -> str:
    fraction = data.get("fraction")
    share = "" if fraction is None else f" {fraction:.0%}"
    return f"seen: {data.get('detail') or 'a change'}{share}"


def _done(data: Data) -> str:
    detail = f": {data['detail']}" if data.get("detail") else ""
    return f"done: {data['action']} {data['kind']} {data['intent']['name']}{detail}"


def _walked(data: Data) -> str:
    error = f": {data['error']}" if data.get("error") else ""
    return f"all steps are over, {data['status']}{error}; what is left is to clean up and close"


def _closed(data: Data) -> str:
    retried = data.get("retried", 0)
    return f"closed: {data['status']}" + (f", {retried} requests were sent once more" if retried else "")


def _repaired(data: Data) -> str:
    dropped = data.get("dropped") or ()
    return f"repaired: {len(dropped)} damaged lines were dropped"


_WORDS: Mapping[Event, Callable[[Data], str]] = {
    Event.RUN_OPENED: _opened,
    Event.RUN_HELD: lambda data: f"held{_by(data)}, which looks how to go on",
    Event.RUN_RESUMED: lambda data: f"resumed{_by(data)}",
    Event.STEP_STARTED: _started,
    Event.INTENT: _intent,
    Event.ACKNOWLEDGED: lambda _data: "accepted",
    Event.OBSERVED: _observed,
    Event.DONE: _done,
    Event.FAILED: lambda data: f"failed: {data['error']}",
    Event.WALKED: _walked,
    Event.DELETE_INTENT: lambda data: f"asked for: delete {data['intent']['name']}",
    Event.DELETE_DONE: lambda data: f"left alone: {data['left']}" if data.get("left") else "gone (proved)",
    Event.DELETE_FAILED: lambda data: f"is not proven gone: {data['reason']}",
    Event.RUN_CLOSED: _closed,
    Event.JUDGED: lambda data: f"judged: {'reproduced' if data['reproduced'] else 'not reproduced'}",
    Event.REPAIRED: _repaired,
}
# A job is not deleted: it is asked to end.
_OF_A_JOB: Mapping[Event, Callable[[Data], str]] = {
    Event.DELETE_INTENT: lambda data: f"asked for: cancel {data['intent']['name']}",
    Event.DELETE_DONE: lambda _data: "has stopped (proved)",
}
