"""What the tests of sweeps begin with: a recipe that a sweep is added to, and a cloud to carry it out on."""

import io
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as StopEvent
from threading import RLock
from typing import TYPE_CHECKING, cast

import pytest

from runner import opening, reporting, sweep, sweeping
from runner.console import Output
from runner.console.console import Console
from runner.errors import ExitCode
from runner.facts import Facts, TargetKind
from runner.lifecycle import reopening, resuming
from runner.load import load
from runner.manifest import Manifest
from runner.opening import Lease
from runner.recipe import Recipe
from runner.session import Session
from runner.survey import survey_offline
from runner.sweep.standing import Standing, standings
from runner.sweeping import opening as checking
from runner.verbs import cancel, down
from tests.faults.boundaries import Gate, Killed
from tests.faults.model_cloud import BEGAN, Manners, World, WorldClock, model_cloud

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

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
SIX = """\
sweep:
  grid:
    finetune.parameters.learning_rate: [1e-6, 2e-6]
    finetune.parameters.lora_r: [4, 8, 16]
  max_concurrent: 3
"""
TWO = "sweep: {grid: {finetune.parameters.lora_r: [4, 8]}}\n"
THREE = "sweep: {grid: {finetune.parameters.lora_r: [4, 8, 16]}, max_concurrent: 2}\n"
_ROW = '{"messages": [{"role": "user", "content": "%s"}, {"role": "assistant", "content": "yes"}]}\n'


class SharedClock(WorldClock):
    """The world's time, for several threads: who waits lets the others have a turn."""

    def wait(self, seconds: float, stop: StopEvent) -> bool:
        time.sleep(0.001)
        return super().wait(seconds, stop)


@dataclass
class Bench:
    """A recipe with a sweep, and a world in which it is carried out, more than once if need be.

    Its page is `drawn` only on request: that takes longer than all else.
    """

    folder: Path
    world: World = field(default_factory=World)
    drawn: bool = False
    said: str = ""

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def sweep_folder(self) -> Path:
        (found,) = self.runs.glob("*-sweep-*")
        return found

    @property
    def standings(self) -> Sequence[Standing]:
        return standings(self.sweep_folder, sweep.read(self.sweep_folder))

    @property
    def manifests(self) -> list[Manifest]:
        return [each.said for each in self.standings if each.said]

    def made(self) -> Counter[str]:
        """Count what was made."""
        return Counter(entry.kind for entry in self.world.ledger if entry.op == "create")

    def write(self, text: str) -> None:
        (self.folder / "rows").mkdir(exist_ok=True)
        for split in ("train", "test", "other"):
            rows = "".join(_ROW % f"{split} {number}" for number in range(12))
            (self.folder / "rows" / f"{split}.jsonl").write_text(rows, encoding="utf-8")
        (self.folder / "small.yaml").write_text(text, encoding="utf-8")

    def begin(self, gate: Gate | None = None, *, on_interrupt_cancel: bool = False) -> ExitCode:
        """Carry the recipe out."""
        with self._session(gate) as (session, cloud), suppress(Killed):
            return sweeping.begin(
                session,
                load(self.folder / "small.yaml"),
                cloud,
                Lease(),
                runs_dir=self.runs,
                prices=None,
                yes=True,
                cancel=on_interrupt_cancel,
            )
        return ExitCode.TERMINATED

    def resume(self, gate: Gate | None = None, *, as_recorded: bool = False) -> ExitCode:
        """Take the sweep up again."""
        how = sweeping.How(state=None, as_recorded=as_recorded, cancel=False)
        with self._session(gate) as (session, _cloud):
            return sweeping.go_on(session, self.sweep_folder, how)

    def resume_alone(self, run: str) -> ExitCode:
        """Take one point up again, as `runner resume RUN` does."""
        with self._session(None) as (session, _cloud):
            return resuming.go_on(session, self.runs / run, state=None, as_recorded=False, cancel=False)

    def cancel(self) -> ExitCode:
        with self._session(None) as (session, _cloud):
            return sweeping.cancel(session, self.sweep_folder, None, cancel._written_down)  # noqa: SLF001 - the verb's own

    def down(self) -> ExitCode:
        with self._session(None) as (session, _cloud):
            return sweeping.down(session, self.sweep_folder, None, down._refuse_not_ended)  # noqa: SLF001 - the verb's own

    @contextmanager
    def _session(self, gate: Gate | None) -> Iterator[tuple[Session, "Cloud"]]:
        clock, out = SharedClock(self.world), io.StringIO()
        cloud = _for_threads(model_cloud(self.world, gate or Gate()))
        console = Console(out, out, Output.TEXT, clock)

        def known(recipe: Recipe, *_given: object, **_named: object) -> Facts:
            return survey_offline(recipe, TargetKind.AZURE, None, BEGAN.date(), folder=self.folder)

        @contextmanager
        def reached(*_given: object) -> Iterator[Lease]:
            yield Lease()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(checking, "survey", known)
            patch.setattr(reopening, "pinned", known)
            patch.setattr(opening, "reached", reached)
            patch.setattr(opening, "connected", lambda *_given: cloud)
            if not self.drawn:
                patch.setattr(reporting, "report_page", lambda _subjects: "")
            yield Session(voice=console, clock=clock, environment={}), cloud
        self.said = out.getvalue()


def _for_threads(cloud: object) -> "Cloud":
    """Let one thread at a time into the world."""
    lock, wire = RLock(), cast("Mapping[str, object]", vars(cloud))["wire"]
    call = wire.call  # type: ignore[attr-defined]

    def locked(*given: object, **named: object) -> object:
        with lock:
            return call(*given, **named)

    wire.call = locked  # type: ignore[attr-defined]
    assets = cast("Mapping[str, object]", vars(cloud))["assets"]
    newest, given = assets.next_model_version, [0]  # type: ignore[attr-defined]

    def next_model_version(name: str) -> str:
        """Give none twice, as the true room does."""
        with lock:
            given[0] = max(int(newest(name)), given[0] + 1)
            return str(given[0])

    assets.next_model_version = next_model_version  # type: ignore[attr-defined]
    return cast("Cloud", cloud)


def bench_with(folder: Path, text: str = RECIPE + TWO, manners: Manners | None = None) -> Bench:
    """Give a bench whose recipe says this."""
    bench = Bench(folder, World(manners or Manners(job_seconds=5.0)))
    bench.write(text)
    return bench
