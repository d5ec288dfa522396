"""What a step is: it plans, says what it means to do, looks, acts, and takes back.

The executor treats all steps alike; a step only knows its own resource.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from threading import Event as StopEvent
from typing import TYPE_CHECKING, Protocol

from runner import naming
from runner.dataset import PreparedSplit, Progress, silent
from runner.facts import Facts, Provisioning
from runner.journal import Json
from runner.parameters import Effective
from runner.recipe import Recipe

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud


class Action(StrEnum):
    """What a step does to its resource."""

    CREATE = "create"
    UPDATE = "update"
    REUSE = "reuse"
    READ = "read"


class Status(StrEnum):
    """What a look at the resource shows. `differs`: it is ours and there, but not as the recipe wants it."""

    ABSENT = "absent"
    IN_PROGRESS = "in progress"
    SUCCEEDED = "succeeded"
    DIFFERS = "differs"
    FAILED = "failed"
    FOREIGN = "foreign"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One line of the plan: what a step will do to which resource, and why."""

    step: str
    action: Action
    kind: str
    name: str
    reason: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What a fresh look shows. `fraction` (0 to 1) and `detail` are for people; `outputs` for later steps.

    `ended` tells that the resource, if it costs money while it is there, no longer does (a finished job);
    `queued` that it waits for nodes, `preempted` that it failed because they were taken away. What stands in
    for a look that was not answered is not `answered`.
    """

    status: Status
    detail: str = ""
    fraction: float | None = None
    outputs: Mapping[str, Json] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    log_tail: tuple[str, ...] = ()
    hint: str = ""
    ended: bool = False
    queued: bool = False
    preempted: bool = False
    answered: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What a step may know while it runs. `outputs` holds what its needs have put out, by step.

    `attempt` counts, from 1, how often the step has been tried under a new name; `first` is what was meant
    the first time, unless that has been taken back. `prepared` are the rows, where they were prepared before
    the run began. A step that takes long over one look ends it early once
    `stop` is set; one that takes long to say what it means to do tells `progress`, which raises then.
    """

    recipe: Recipe
    recipe_folder: Path
    run_id: str
    run_folder: Path
    cloud: "Cloud"
    facts: Facts
    effective: Effective | None
    outputs: Mapping[str, Mapping[str, Json]]
    attempt: int = 1
    first: Mapping[str, Json] = field(default_factory=dict)
    prepared: Mapping[str, PreparedSplit] | None = None
    stop: StopEvent = field(default_factory=StopEvent)
    progress: Progress = silent

    def tags(self, step: str) -> Mapping[str, str]:
        """Give the tags of what this step makes."""
        return naming.tags(self.recipe, self.run_id, step, self.attempt)


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """What the executor has to know of a step's resource.

    `needs`: the steps whose outputs it uses. `bills`: it can cost money while it is there. `cleaned`: cleanup
    and `down` take it back. `down_reused`: `down` does so even if an earlier run of the recipe made it.
    `restored`: taking it back means to undo an update. `takes_along`: the steps whose resources go with it.
    `deadline`: seconds that it may take to come (0: as long as it likes). `stopped`: once it has taken too
    long, or the run is cancelled, it is taken back at once, whatever the recipe's cleanup says.
    `retried`: the recipe's `retries` are about it. `renamed`: how many more names are tried where somebody
    else was quicker. `serves_others`: tells why one that the run only reused is left to another run, "" if
    none has a use for it. `doing`: what is done first when it is the step's turn, for people.
    """

    kind: str
    doing: str = ""
    needs: tuple[str, ...] = ()
    bills: bool = False
    cleaned: bool = False
    down_reused: bool = False
    restored: bool = False
    takes_along: tuple[str, ...] = ()
    deadline: float = 0
    stopped: bool = False
    retried: bool = False
    renamed: int = 0
    serves_others: Callable[["Cloud", Mapping[str, Json], str], str] | None = None


class Step(Protocol):
    """One resource of a run: how it is planned, named, looked at, made and taken back."""

    traits: Traits

    def plan(self, recipe: Recipe, facts: Facts) -> Change:
        """Say what will be done; pure."""

    def intend(self, context: Context) -> Mapping[str, Json]:
        """Fix every name and version this step will use, without changing the cloud; JSON, has a `name`."""

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        """Look, by fresh GETs."""

    def create(self, context: Context, intent: Mapping[str, Json]) -> None:
        """Ask for the resource as intended, whether it is absent or differs; `observe` tells what came."""

    def delete(self, cloud: "Cloud", intent: Mapping[str, Json]) -> None:
        """Ask for the resource to be taken back."""

    def standing(self, cloud: "Cloud", intent: Mapping[str, Json]) -> Mapping[str, str] | None:
        """Give, by a fresh GET, the tags of what is there to take back; None where nothing is."""

    def listed(self, cloud: "Cloud", intent: Mapping[str, Json]) -> bool:
        """Tell whether the list of its kind still shows what was to be taken back."""


def nothing_to_delete(_step: object, _cloud: "Cloud", _intent: Mapping[str, Json]) -> None:
    """Serve as `delete` of a step that leaves nothing to take back."""


def nothing_stands(_step: object, _cloud: "Cloud", _intent: Mapping[str, Json]) -> None:
    """Serve as `standing` of a step that leaves nothing to take back."""


def nothing_listed(_step: object, _cloud: "Cloud", _intent: Mapping[str, Json]) -> bool:
    """Serve as `listed` of a step whose resource stays in its list, or is in none."""
    return False


STATUS_OF = {
    Provisioning.IN_PROGRESS: Status.IN_PROGRESS,
    Provisioning.SUCCEEDED: Status.SUCCEEDED,
    Provisioning.FAILED: Status.FAILED,
}
