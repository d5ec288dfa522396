"""One life of a run's process: begun, or taken up again, by the true executor and steps on a model cloud."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from threading import Event as StopEvent
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast
from unittest.mock import patch

from runner import opening, runs
from runner.console.silent import SilentProgress
from runner.errors import UsageError
from runner.execute import Run
from runner.facts import Facts, TargetKind
from runner.journal import FILE_NAME, Event, Journal, Json
from runner.lifecycle.carry_out import carry_out
from runner.load import Loaded, load
from runner.parameters import Effective
from runner.plan import Plan, plan
from runner.recipe import Cleanup
from runner.steps import sample
from runner.steps.step import Context
from tests.faults.boundaries import Disk, Gate, guarded
from tests.faults.model_cloud import TARGET, Manners, Trouble, World, WorldClock, model_cloud

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

RUN_ID = "20261121T080000Z-small-1a2b"

VERSIONS: Mapping[str, Json] = {"runner": "0.1.0", "azure-ai-ml": "1.35.2", "python": "3.11.7", "git": None}

RECIPE = """\
version: 1
name: small
model: {name: Phi-4}
compute: {name: gpu, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}
dataset: {path: rows, train: train, test: test}
finetune:
  task: chat_completion
  parameters: {apply_lora: true, max_steps: 1}
register: {name: small-chat}
endpoint: {name: small-chat}
deployment: {name: demo, instance_type: Standard_NC24ads_A100_v4}
traffic: {demo: 100}
sample: {rows: 2, parameters: {do_sample: false, max_new_tokens: 8}}
"""
_ROW = '{"messages": [{"role": "user", "content": "%s"}, {"role": "assistant", "content": "yes"}]}\n'
ROW_TEXT = "a-canary-row-of-the-dataset"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A recipe on a cloud of some manners."""

    name: str
    cleanup: Cleanup = Cleanup.NEVER
    manners: Manners = field(default_factory=Manners)
    text: str = RECIPE


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A recipe that was read, with the plan of what it comes to."""

    loaded: Loaded
    facts: Facts
    plan: Plan
    effective: Effective | None


@cache
def ready(text: str, folder: Path) -> Ready:
    """Read a recipe and plan it; its rows are laid beside it."""
    (folder / "rows").mkdir(exist_ok=True)
    for split in ("train", "test"):
        rows = "".join(_ROW % f"{ROW_TEXT} {split} {number}" for number in range(3))
        (folder / "rows" / f"{split}.jsonl").write_text(rows, encoding="utf-8")
    (folder / "small.yaml").write_text(text, encoding="utf-8")
    loaded = load(folder / "small.yaml")
    facts, effective = opening.from_catalog(loaded, TargetKind.AZURE, date(2026, 11, 21))
    return Ready(loaded=loaded, facts=facts, plan=plan(loaded.recipe, facts, effective), effective=effective)


def was_opened(folder: Path) -> bool:
    """Tell whether a run stands in a folder: else nothing was made, and it begins anew."""
    try:
        runs.find(folder.parent, folder.name)
    except UsageError as error:
        assert "nothing was made" in error.message or "there is no run" in error.message  # noqa: PT017 - no test
        return False
    return True


def live(  # noqa: PLR0913 - what makes up a life
    case: Case,
    *,
    recipe_folder: Path,
    folder: Path,
    world: World,
    gate: Gate,
    disk: Disk,
    troubles: Mapping[int, Trouble] | None = None,
) -> list[str]:
    """Begin the run that a folder holds, or take it up again, and carry it to an end.

    Gives the calls that the cloud saw. Raises Killed where the gate ends the life.
    """
    cloud = model_cloud(world, gate, troubles)
    clock = WorldClock(world)
    with (
        guarded(folder, gate, disk),
        patch.object(sample, "time", SimpleNamespace(monotonic=clock.monotonic)),
    ):
        opened = was_opened(folder)
        if not opened:
            (folder / FILE_NAME).unlink(missing_ok=True)
        with Journal(folder / FILE_NAME, clock, new=not opened) as journal:
            _sign_on(journal, case, recipe_folder, opened=opened)
            run = Run(
                cloud=cast("Cloud", cloud),
                journal=journal,
                folder=folder,
                observer=SilentProgress(),
                clock=clock,
                stop=StopEvent(),
                at_once=1,
            )
            _carried_out(run, case, recipe_folder)
    return list(cloud.wire.calls)


def _sign_on(journal: Journal, case: Case, recipe_folder: Path, *, opened: bool) -> None:
    process: dict[str, Json] = {"pid": 1, "host": "here"}
    if opened:
        journal.append(Event.RUN_RESUMED, data={"process": process, "versions": VERSIONS})
        return
    source = ready(case.text, recipe_folder).loaded.source
    opening_record: dict[str, Json] = {
        "run_id": RUN_ID,
        "recipe": {"name": "small", "path": "small.yaml", "sha256": source.digest, "text": source.text},
        "target": {"kind": TARGET.kind.value, "workspace_name": TARGET.workspace_name, "registry": "azureml"}
        | {"subscription_id": TARGET.subscription_id, "resource_group": TARGET.resource_group},
        "versions": VERSIONS,
        "pins": {"model": None, "component": None},
        "parameters": [],
        "process": process,
    }
    journal.append(Event.RUN_OPENED, data=opening_record)


def _carried_out(run: Run, case: Case, recipe_folder: Path) -> None:
    prepared = ready(case.text, recipe_folder)
    context = Context(
        recipe=prepared.loaded.recipe,
        recipe_folder=recipe_folder,
        run_id=RUN_ID,
        run_folder=run.folder,
        cloud=run.cloud,
        facts=prepared.facts,
        effective=prepared.effective,
        outputs={},
    )
    carry_out(run, prepared.plan, context, case.cleanup)
