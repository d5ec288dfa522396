"""What plans and runs look like: as text for people, or as one JSON value and nothing else on stdout."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from runner import origins
from runner.console import lines, mending, outlook, texts
from runner.console.plain import PlainProgress
from runner.console.silent import SilentProgress
from runner.console.voice import Output, Voice, diagnostics_of, told_diagnostics, told_error
from runner.errors import RunnerError, StillBilling
from runner.execute import Observer
from runner.facts import TargetKind
from runner.journal import Json
from runner.launcher import Emulator
from runner.manifest import Manifest
from runner.origins import InForce
from runner.parameters import Parameter
from runner.plan import Plan
from runner.redact import as_json
from runner.repair import Repaired
from runner.steps.sample import FILE_NAME as SAMPLES
from runner.steps.step import Change


class Console(Voice):
    """Says what every verb may have to say, and all about plans, runs and the emulator."""

    @property
    def at_a_terminal(self) -> bool:
        """Whether a person can be asked and shown things."""
        return self.output is Output.TEXT and self.stdout.isatty()

    def begun(self, recipe: Path, gitignore: Path | None, missing: tuple[str, ...]) -> None:
        """Tell which files a recipe begins with, and what an older .gitignore lacks."""
        written = [str(path) for path in (recipe, gitignore) if path]
        value = {"recipe": str(recipe), "written": written, "add_to_gitignore": list(missing)}
        self._tell(value, texts.begun(recipe, gitignore, missing))

    def recipe(self, text: str) -> None:
        """Print a recipe to begin with."""
        self._tell({"recipe": text}, text.splitlines())

    def document(self, value: Mapping[str, Json]) -> None:
        """Print a JSON document of ours: to people and to programs alike."""
        self.told = True
        self._write(as_json(value, indent=2))

    def plan(self, name: str, kind: TargetKind, planned: Plan) -> None:
        """Show a plan."""
        parameters = planned.effective.parameters.values() if planned.effective else ()
        value = {
            "target": kind.value,
            "changes": [_change(change) for change in planned.changes],
            "parameters": [_parameter(parameter) for parameter in parameters],
            **outlook.as_json(planned),
            "diagnostics": told_diagnostics(planned.diagnostics),
        }
        self._tell(value, texts.plan(name, kind, planned), planned.diagnostics)

    def values(self, found: Sequence[InForce], *, with_origin: bool) -> None:
        """Show every value in force as a recipe; a reader may take it for one."""
        if self.output is Output.TEXT:
            # It has been checked for secrets and control characters, and is read again as it stands.
            for line in origins.as_yaml(found, comments=with_origin):
                self._write(line)
        self._tell({"values": [_in_force(each) for each in found]}, ())

    @contextmanager
    def following(self, run_id: str, kind: TargetKind, planned: Plan) -> Iterator[Observer]:
        """Open a run: say what it is, then show its progress while the block runs."""
        if self.output is Output.TEXT:
            self._write(f"{run_id} on {texts.where(kind)}")
            self._lines(lines.diagnostics(planned.diagnostics))
            self._lines(outlook.money(planned))
        # The emulator has no studio to look into.
        with self._progress(planned.changes, links=kind is TargetKind.AZURE) as observer:
            yield observer

    @contextmanager
    def deleting(self) -> Iterator[Observer]:
        """Show deletions while the block runs."""
        with self._progress((), links=False) as observer:
            yield observer

    def finished(
        self,
        said: Manifest,
        folder: Path,
        error: BaseException | None,
        billing: StillBilling | None = None,
    ) -> None:
        """Tell how a run ended: samples, losses, what is left alive; the errors last, where eyes are.

        `billing` comes on top of what failed: it must not hide the reason, nor the end of a log.
        """
        problem = error if isinstance(error, RunnerError) else None
        value = {
            "run": asdict(said),
            "folder": str(folder),
            "samples": _samples(folder),
            "error": told_error(problem or billing),
            "still_billing": told_error(billing),
            "diagnostics": told_diagnostics(diagnostics_of(problem)),
        }
        self._tell(value, self._ending(said, folder, error))
        for each in (problem, billing) if self.output is Output.TEXT else ():
            if each:
                self._explain(each)

    def run(self, said: Manifest, folder: Path) -> None:
        """Show a run that has been."""
        self._tell({"run": asdict(said), "folder": str(folder)}, texts.manifest(said, str(folder)))

    def repaired(self, done: Repaired, folder: Path) -> None:
        """Tell what a repair has kept and what not."""
        self._tell(mending.value(done, folder), mending.text(done, folder))

    def taken_down(self, said: Manifest, left: tuple[str, ...]) -> None:
        """Tell what `down` has left."""
        self._tell({"run_id": said.run_id, "left": list(left)}, texts.alive(said))

    def emulator(self, found: Emulator | None) -> None:
        """Tell whether an emulator runs, and where."""
        if found is None:
            self._tell({"running": False}, ["no emulator is running"])
            return
        value = {"running": True, "address": found.address, "pid": found.pid, "state": str(found.state)}
        text = f"the emulator listens on {found.address} (process {found.pid}, state in {found.state})"
        self._tell(value, [text])

    def stopped(self, found: Emulator | None) -> None:
        """Tell that an emulator was stopped, or that there was none."""
        text = f"the emulator (process {found.pid}) is stopped" if found else "no emulator is running"
        self._tell({"running": False, "stopped": found is not None}, [text])

    def environment(self, variables: Mapping[str, str]) -> None:
        """Print an environment for a shell to evaluate."""
        if self.output is Output.TEXT:
            # The values go to a shell: nothing may be taken out of them.
            for line in texts.exports(variables):
                self._write(line)
        self._tell(dict(variables), ())

    @contextmanager
    def _progress(self, changes: tuple[Change, ...], *, links: bool) -> Iterator[Observer]:
        if self.output is not Output.TEXT:
            yield SilentProgress()
        elif self.at_a_terminal and self.stdout.encoding.lower().startswith("utf"):
            from runner.console.live import LiveProgress  # noqa: PLC0415 - a third of `validate`'s time

            with LiveProgress(self.stdout, self.clock, changes, links=links) as live:
                yield live
        else:
            yield PlainProgress(self._write, self.clock, links=links)

    def _ending(self, said: Manifest, folder: Path, error: BaseException | None) -> Iterator[str]:
        scored = _samples(folder)
        if scored:
            yield from texts.samples(scored)
        yield from texts.run_facts(said)
        yield from texts.alive(said)
        yield f"{said.status.value}: {folder}"
        if isinstance(error, KeyboardInterrupt):
            yield from texts.interrupted(said)


def _change(change: Change) -> Mapping[str, Json]:
    return asdict(change) | {"action": change.action.value}


def _in_force(each: InForce) -> Mapping[str, Json]:
    key = ".".join(str(part) for part in each.key)
    return asdict(each) | {"key": key, "origin": each.origin.value}


def _parameter(parameter: Parameter) -> Mapping[str, Json]:
    return asdict(parameter) | {"origin": parameter.origin.value}


def _samples(folder: Path) -> list[Mapping[str, Json]]:
    try:
        with (folder / SAMPLES).open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]
    except FileNotFoundError:
        return []
