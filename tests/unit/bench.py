"""A run to carry out without a cloud: time that passes at once, and steps that show what a test says."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from runner.console.silent import SilentProgress
from runner.errors import RunnerError
from runner.execute import Run, backward, forward
from runner.facts import Facts, Target, TargetKind
from runner.journal import Event, Journal, Json, Record, read
from runner.lifecycle.carry_out import Outcome, carry_out
from runner.load import load_bytes
from runner.plan import Plan, plan
from runner.recipe import Cleanup, Model, Recipe
from runner.steps import STEPS
from runner.steps.step import Action, Change, Context, Observation, Status, Step, Traits

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

NO_CLOUD = cast("Cloud", None)  # these steps have no use for one
ABSENT, IN_PROGRESS, SUCCEEDED, DIFFERS = (
    Observation(status=status)
    for status in (Status.ABSENT, Status.IN_PROGRESS, Status.SUCCEEDED, Status.DIFFERS)
)
FAILED = Observation(status=Status.FAILED, detail="no quota", log_tail=("out of memory",), ended=True)
FOREIGN = Observation(status=Status.FOREIGN, detail="it is somebody else's")

EARLIER_RUN: Mapping[str, str] = {"runner.recipe": "small", "runner.run": "20261120T082300Z-small-0000"}
AZURE = Target(kind=TargetKind.AZURE, subscription_id="sub", resource_group="rg", workspace_name="ws")
FACTS = Facts(
    target=TargetKind.AZURE,
    today=date(2026, 11, 21),
    offline=False,
    model=None,
    component=None,
    sizes={},
)


class Killed(BaseException):
    """The process is no more; nothing catches this."""


def killed() -> None:
    raise Killed


class QuickClock:
    """Time that passes only by waiting, and then at once."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        self.passed += seconds
        return stop.is_set()


@dataclass
class FakeStep:
    """A resource in memory. What looks show is given in order, the last one for good.

    What is done to it is written into `calls`, which steps of one test may share. Until this run makes it,
    an earlier run of the recipe has.
    """

    name: str
    looks: list[Observation | RunnerError]
    traits: Traits = field(default_factory=lambda: Traits(kind="thing", bills=True, cleaned=True))
    calls: list[str] = field(default_factory=list)
    on_intend: Callable[[], object] = lambda: None
    on_create: Callable[[], object] = lambda: None
    on_look: Callable[[], object] = lambda: None
    on_delete: Callable[[], object] = lambda: None
    on_standing: Callable[[], object] = lambda: None
    tags: Mapping[str, str] = field(default_factory=lambda: EARLIER_RUN)
    there: bool = True
    sticks: bool = False
    shown: bool = False

    def plan(self, recipe: Recipe, facts: Facts) -> Change:
        raise NotImplementedError

    def intend(self, context: Context) -> Mapping[str, Json]:
        self.on_intend()
        return {"name": f"my-{self.name}", "of": sorted(context.outputs)}

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        del context, intent
        self.on_look()
        seen = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(seen, RunnerError):
            raise seen
        return seen

    def create(self, context: Context, intent: Mapping[str, Json]) -> None:
        del intent
        self.calls.append(f"create {self.name}")
        self.tags = context.tags(self.name)
        self.on_create()

    def delete(self, cloud: "Cloud", intent: Mapping[str, Json]) -> None:
        del cloud
        self.calls.append(f"delete {intent['name']}")
        self.on_delete()
        self.there = self.sticks

    def standing(self, cloud: "Cloud", intent: Mapping[str, Json]) -> Mapping[str, str] | None:
        del cloud, intent
        self.on_standing()
        return self.tags if self.there else None

    def listed(self, cloud: "Cloud", intent: Mapping[str, Json]) -> bool:
        del cloud, intent
        return self.shown


@dataclass
class Bench:
    """One run of a recipe called small, over fake steps that stand in for the true ones of those names."""

    folder: Path
    run: Run
    context: Context
    monkeypatch: pytest.MonkeyPatch
    changes: list[Change] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def step(self, name: str, *looks: Observation | RunnerError, **others: Any) -> FakeStep:  # noqa: ANN401 - a step's other fields
        fake = FakeStep(name=name, looks=list(looks), calls=self.calls, **others)
        self.monkeypatch.setitem(cast("dict[str, Step]", STEPS), name, fake)
        action = Action.READ if fake.traits.kind == "reading" else Action.CREATE
        self.changes.append(
            Change(
                step=name,
                action=action,
                kind=fake.traits.kind,
                name=name,
                reason="it is wanted",
                needs=fake.traits.needs,
            )
        )
        return fake

    def on(self, cloud: object, sections: str = "") -> None:
        """Have the true steps of these sections, on a cloud of the test's own."""
        text = f"version: 1\nname: small\nmodel: {{name: Phi-4}}\n{sections}"
        recipe = load_bytes(text.encode(), self.folder / "small.yaml").recipe
        self.run = replace(self.run, cloud=cast("Cloud", cloud))
        self.context = replace(self.context, cloud=cast("Cloud", cloud), recipe=recipe)
        self.changes = list(plan(recipe, FACTS, None).changes)

    @property
    def plan(self) -> Plan:
        return Plan(changes=tuple(self.changes), effective=None, diagnostics=())

    def forward(self) -> None:
        forward(self.run, self.plan, self.context)

    def carry_out(self, cleanup: Cleanup = Cleanup.NEVER) -> Outcome:
        return carry_out(self.run, self.plan, self.context, cleanup)

    def another_life(self) -> None:
        """Take the run up again as another process would: all it knows of the first is in the journal."""
        self.run = replace(self.run, stop=threading.Event())
        self.run.record(Event.RUN_RESUMED, data={})
        self.calls.clear()

    def with_recipe(self, **sections: Any) -> None:  # noqa: ANN401 - a section's own value
        self.context = replace(self.context, recipe=replace(self.context.recipe, **sections))

    def backward(self, *, down: bool = False) -> tuple[str, ...]:
        return backward(self.run, down=down)

    def events(self, step: str) -> list[Event]:
        """Give what is on disk of a step."""
        return [record.event for record in self.records(step)]

    def told(self, step: str) -> Mapping[str, Json]:
        """Give what the last record of a step holds."""
        return self.records(step)[-1].data

    def records(self, step: str) -> list[Record]:
        return [record for record in read(self.folder / "journal.jsonl") if record.step == step]


def new_bench(
    folder: Path, journal: Journal, opening: Mapping[str, Json], monkeypatch: pytest.MonkeyPatch
) -> Bench:
    """Open a run in a folder whose journal is new."""
    journal.append(Event.RUN_OPENED, data=opening)
    context = Context(
        recipe=Recipe(version=1, name="small", experiment="small", model=Model(name="Phi-4")),
        recipe_folder=folder,
        run_id=opening["run_id"],
        run_folder=folder,
        cloud=NO_CLOUD,
        facts=FACTS,
        effective=None,
        outputs={},
    )
    run = Run(
        cloud=NO_CLOUD,
        journal=journal,
        folder=folder,
        observer=SilentProgress(),
        clock=QuickClock(),
        stop=threading.Event(),
    )
    return Bench(folder, run, context, monkeypatch)


def needing(*needs: str, down_reused: bool = False, takes_along: tuple[str, ...] = ()) -> Traits:
    return Traits(
        kind="thing",
        needs=needs,
        bills=True,
        cleaned=True,
        down_reused=down_reused,
        takes_along=takes_along,
    )
