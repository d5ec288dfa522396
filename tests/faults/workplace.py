"""An emulator to be cruel to, and room for many runs beside each other, each in a workspace of its own."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.emulator.emulated import FAKE_TRAINER, Emulated, running
from tests.end_to_end.shell import RECIPE, ROWS, jsonl
from tests.faults.forked import Doomed, Life, forked

SUBSCRIPTION = "00000000-0000-0000-0000-00000000cafe"
_WORKSPACE = "workspace: {{subscription_id: {subscription}, resource_group: rg, workspace_name: {name}}}\n"
_QUICK = dict.fromkeys(
    ("compute", "dataset", "job", "register", "endpoint", "deployment", "traffic", "delete"), 0.0
)
_KEPT = ("PATH", "PYTHONPATH", "LANG", "TMPDIR", "SYSTEMROOT")

Rule = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A folder with a recipe whose workspace is this place's alone."""

    workspace: str
    folder: Path

    @property
    def runs(self) -> list[Path]:
        # By when they were last written to: two that began in the same second are named in any order.
        return sorted((self.folder / "runs").glob("*"), key=lambda run: run.stat().st_mtime_ns)

    def said(self) -> str:
        return (self.folder / "said.txt").read_text(encoding="utf-8", errors="replace")


@dataclass
class Workplace:
    """The emulator, and the folder below which the places lie."""

    emulated: Emulated
    folder: Path
    environment: Mapping[str, str]
    admin: httpx.Client

    def place(self, name: str, recipe: str = RECIPE) -> Place:
        """Make a place. Without a name of its own an endpoint is named after the workspace."""
        folder = self.folder / name
        (folder / "rows").mkdir(parents=True)
        text = recipe.replace("endpoint: {name: tiny-endpoint}", "endpoint: {auth_mode: key}")
        text += _WORKSPACE.format(subscription=SUBSCRIPTION, name=name)
        (folder / "recipe.yaml").write_text(text, encoding="utf-8")
        (folder / "rows" / "train.jsonl").write_text(jsonl(ROWS[:8]), encoding="utf-8")
        (folder / "rows" / "test.jsonl").write_text(jsonl(ROWS[8:]), encoding="utf-8")
        return Place(workspace=name, folder=folder)

    def run(self, place: Place, *, rules: Sequence[Rule] = (), doomed: Doomed | None = None) -> Life:
        """Carry the recipe out, under these faults."""
        return self._forked(["run", "recipe.yaml", "--target", "emulator"], place, rules, doomed)

    def resume(self, place: Place, *, rules: Sequence[Rule] = (), doomed: Doomed | None = None) -> Life:
        """Take the newest run up again."""
        return self._forked(["resume", place.runs[-1].name], place, rules, doomed)

    def command(self, words: Sequence[str], place: Place, *, doomed: Doomed | None = None) -> Life:
        """Run any command in a place."""
        return self._forked(words, place, (), doomed)

    def _forked(
        self, words: Sequence[str], place: Place, rules: Sequence[Rule], doomed: Doomed | None
    ) -> Life:
        def prepare(pid: int) -> None:
            if rules:
                self.tell("POST", "faults", rules=[_aimed(rule, pid) for rule in rules])

        self.tell("DELETE", "faults")
        self.tell("DELETE", "requests")
        return forked(words, place.folder, environment=self.environment, doomed=doomed, prepare=prepare)

    def tell(self, method: str, path: str, **body: object) -> Any:  # noqa: ANN401 - JSON may be anything
        """Call one of the emulator's own routes and give its answer."""
        answer = self.admin.request(method, f"/_emu/{path}", json=body or None)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def ledger(self, place: Place) -> list[Mapping[str, Any]]:
        """Give what happened in a place's workspace."""
        events: list[Mapping[str, Any]] = self.tell("GET", f"ledger?workspace={place.workspace}")["events"]
        return events

    def costs(self, place: Place) -> list[Mapping[str, Any]]:
        """Give what costs in a place's workspace now."""
        costs: list[Mapping[str, Any]] = self.tell("GET", f"ledger?workspace={place.workspace}")["costs"]
        return [cost for cost in costs if cost["until"] is None]

    def requests(self) -> list[Mapping[str, Any]]:
        """Give the requests since the last command began."""
        seen: list[Mapping[str, Any]] = self.tell("GET", "requests")["requests"]
        return seen


@contextmanager
def workplace(folder: Path, *flags: str, trainer: str = FAKE_TRAINER) -> Iterator[Workplace]:
    """Start an emulator on which nothing takes time, and import what its commands need."""
    state = folder / "state"
    with running(state, "--test-mode", *(["--trainer", trainer] if trainer else []), *flags) as emulated:
        kept = {name: value for name, value in os.environ.items() if name in _KEPT}
        environment = kept | {"HOME": str(folder), "RUNNER_STATE": str(state)}
        _import_on(emulated)
        with _admin(emulated) as admin:
            place = Workplace(emulated, folder, environment, admin)
            place.tell("POST", "latencies", **_QUICK)
            if trainer:
                place.tell("POST", "jobs/script", end="Completed", seconds=0, always=True)
            yield place


def _admin(emulated: Emulated) -> httpx.Client:
    return emulated.client(Path(emulated.info["token_file"]).read_text(encoding="utf-8"))


def _import_on(emulated: Emulated) -> None:
    """Import the SDK once for all forks, with the cloud set that it reads while it is imported."""
    os.environ.update(emulated.info["env"], MLFLOW_DISABLE_TELEMETRY="true")
    import runner.azure.cloud  # noqa: PLC0415 - after the environment is set
    import runner.azure.signin  # noqa: PLC0415
    import runner.azure.tracking  # noqa: PLC0415
    import runner.cli  # noqa: PLC0415
    import runner.console.console  # noqa: PLC0415
    import runner.verbs.resume  # noqa: PLC0415
    import runner.verbs.run  # noqa: F401, PLC0415


def _aimed(rule: Rule, pid: int) -> Rule:
    """Aim a rule that kills at the process."""
    if rule["action"] != "kill_pid":
        return rule
    return {**rule, "args": {**rule.get("args", {}), "pid": pid}}
