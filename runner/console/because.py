"""Why each step of a run did what it did, in words."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from runner.console.lines import safe, table
from runner.console.texts import where
from runner.facts import TargetKind
from runner.journal import Json
from runner.manifest import Manifest
from runner.reasons import Cause, Reason


def text(said: Manifest, found: Sequence[Reason], parameters: Sequence[Cause]) -> Iterator[str]:
    """Give each step with its reasons, a line each, and the values that decided."""
    yield safe(f"{said.run_id}: {said.status.value}, on {where(TargetKind(said.target['kind']))}")
    for each in found:
        yield ""
        yield safe(f"{each.step} {each.name}: {_became(each)}")
        yield from (safe(f"  {told}") for told in _told(each))
        yield from _causes(each.causes)
    if parameters:
        yield ""
        yield "parameters"
        yield from _causes(parameters)


def as_json(said: Manifest, found: Sequence[Reason], parameters: Sequence[Cause]) -> dict[str, Json]:
    """Give the same as values."""
    return {
        "run_id": said.run_id,
        "status": said.status.value,
        "target": said.target["kind"],
        "steps": [asdict(each) | {"became": each.became.value} for each in found],
        "parameters": [asdict(each) for each in parameters],
    }


def _became(each: Reason) -> str:
    again = f", at attempt {each.attempt}" if each.attempt > 1 else ""
    return f"{each.became.value}{again}" + (f", {each.taken_back}" if each.taken_back else "")


def _told(each: Reason) -> Iterator[str]:
    if each.found:
        yield each.found
    if each.planned:
        yield f"the plan said: {each.planned}"


def _causes(causes: Sequence[Cause]) -> Iterator[str]:
    rows = [(each.key, json.dumps(each.value, ensure_ascii=False), each.place) for each in causes]
    yield from (f"  {line}" for line in table(rows))
