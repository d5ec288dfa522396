"""A run as its manifest tells it: the values, and how they are made from JSON again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from runner.journal import Json


class RunStatus(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELED = "canceled"


# Of these something may still go on, here or in the cloud.
NOT_ENDED = frozenset({RunStatus.RUNNING, RunStatus.INTERRUPTED})


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
    request was answered well. `reason` is why the plan meant to do so; `adopted` tells that an earlier
    process of the run asked for it, and a later one found it.
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
    reason: str = ""
    adopted: bool = False


@dataclass(kw_only=True, slots=True)
class Manifest:
    """A run: what was asked, what it resolved to, what each step did, and what is left alive.

    `walked` is how the forward walk ended, once it has: only cleaning up and closing then remain. `resumed`
    counts how often the run was taken up again, `retried` the requests that were sent once more. `parent` is
    the run that this one reproduces, `verdict` how near it came to it; `sweep` is what it is a point of. None
    stands for none.
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
    parent: Mapping[str, Json] | None = None
    verdict: Mapping[str, Json] | None = None
    sweep: Mapping[str, Json] | None = None
    journal: Mapping[str, Json] = field(default_factory=lambda: {"records": 0, "head": ""})


def run_from(read: Mapping[str, Json]) -> Manifest:
    """Make a manifest of its JSON; keys that are not known are left out."""
    apart = {"steps", "alive", "status"}
    known = {name: read[name] for name in Manifest.__slots__ if name in read and name not in apart}
    return Manifest(
        **known,
        status=RunStatus(read["status"]),
        steps=steps_from(read["steps"]),
        alive=alive_from(read["alive"]),
    )


def steps_from(read: Mapping[str, Json]) -> dict[str, StepRecord]:
    """Make the steps of their JSON."""
    return {name: _step_from(step) for name, step in read.items()}


def alive_from(read: Sequence[Mapping[str, Json]]) -> list[Resource]:
    """Make what is left of its JSON."""
    return [Resource(**{key: each[key] for key in Resource.__slots__ if key in each}) for each in read]


def _step_from(read: Mapping[str, Json]) -> StepRecord:
    known = {name: read[name] for name in StepRecord.__slots__ if name in read}
    return StepRecord(**known | {"status": StepStatus(read["status"])})
