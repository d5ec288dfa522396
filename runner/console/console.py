"""What plans and runs look like: as text for people, or as one JSON value and nothing else on stdout."""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from runner import origins
from runner.background import LOG_NAME
from runner.billing import Hourly
from runner.clock import Clock
from runner.compare import Difference, Side
from runner.console import (
    because,
    chronicle,
    data,
    differing,
    findings,
    going_on,
    lines,
    locks,
    mending,
    outlook,
    past,
    proving,
    sweeps,
    texts,
    verdicts,
)
from runner.console.data import Looked
from runner.console.plain import PlainProgress
from runner.console.reading import Reading
from runner.console.silent import SilentProgress
from runner.console.voice import Output, Voice, diagnostics_of, told_diagnostics, told_error
from runner.cost import Prices
from runner.dataset import Progress, silent
from runner.errors import Diagnostic, NotWritten, RunnerError, StillBilling
from runner.execute import Observer
from runner.facts import Target, TargetKind
from runner.journal import Json, Record
from runner.launcher import Emulator
from runner.load import Loaded
from runner.manifest import Manifest, RunStatus
from runner.origins import InForce
from runner.orphans import Finding, Key
from runner.parameters import Parameter
from runner.pins import Lock
from runner.plan import Plan
from runner.questions import Question
from runner.reasons import Cause, Reason
from runner.redact import as_json
from runner.repair import Repaired
from runner.steps.sample import FILE_NAME as SAMPLES
from runner.steps.sample import kept
from runner.steps.step import Change
from runner.sweep.standing import Standing
from runner.under_way import Carried, carried
from runner.verifying.findings import Finding as Checked


class Console(Voice):
    """Says what every verb may have to say, and all about plans, runs and the emulator."""

    @property
    def at_a_terminal(self) -> bool:
        """Whether a person can be asked and shown things."""
        return self.output is Output.TEXT and self.stdout.isatty()

    @property
    def can_ask(self) -> bool:
        """Whether a person is there to answer a question."""
        return self.at_a_terminal and sys.stdin is not None and sys.stdin.isatty()

    def confirmed(self, question: str) -> bool:
        """Ask a person; whatever is no clear yes is a no."""
        if not self.can_ask:
            return False
        self._write(lines.safe(f"{question} [y/N]"))
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

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

    def sweep_plan(self, loaded: Loaded, kind: TargetKind, plans: Sequence[Plan]) -> None:
        """Show what a sweep would do."""
        found = sweeps.told_of(loaded, plans)
        value = {
            "target": kind.value,
            "sweep": sweeps.plan_as_json(loaded, plans),
            "changes": [_change(change) for change in plans[0].changes],
            "diagnostics": told_diagnostics(found),
        }
        self._tell(value, sweeps.plan(loaded, kind, plans), found)

    def sweep_opening(self, loaded: Loaded, kind: TargetKind, plans: Sequence[Plan]) -> None:
        """Show people what a sweep is going to do; programs are told once, at its end."""
        if self.output is Output.TEXT:
            self._lines(sweeps.plan(loaded, kind, plans))

    def sweep_begun(self, folder: Path) -> None:
        """Tell people the sweep's id before its first run begins."""
        if self.output is Output.TEXT:
            self._lines([sweeps.began(folder)])

    @contextmanager
    def sweeping(self, total: int, kind: TargetKind) -> Iterator[Callable[[int], Observer]]:
        """Show the progress of several runs at once, each line with the number of its point."""
        writing, width = threading.Lock(), len(str(total))

        def observer(index: int) -> Observer:
            def write(line: str) -> None:
                with writing:
                    self._write(f"{index:>{width}}/{total} {line}")

            return PlainProgress(write, self.clock, links=kind is TargetKind.AZURE)

        yield observer if self.output is Output.TEXT else lambda _index: SilentProgress()

    def swept(
        self,
        folder: Path,
        points: Sequence[Standing],
        *,
        errors: Mapping[int, RunnerError] | None = None,
        billing: StillBilling | None = None,
        interrupted: bool = False,
    ) -> None:
        """Tell how a sweep ended or stands, what it left, and what can be done."""
        failed = errors or {}
        first = next(iter(failed.values()), None)
        told = {"error": told_error(first or billing), "still_billing": told_error(billing)}
        value = sweeps.swept_as_json(folder, points, failed) | told
        self._tell(value, sweeps.swept(folder, points, failed, interrupted=interrupted))
        if billing and self.output is Output.TEXT:
            self._explain(billing)

    def values(self, found: Sequence[InForce], *, with_origin: bool) -> None:
        """Show every value in force as a recipe; a reader may take it for one."""
        if self.output is Output.TEXT:
            # It has been checked for secrets and control characters, and is read again as it stands.
            for line in origins.as_yaml(found, comments=with_origin):
                self._write(line)
        self._tell({"values": [_in_force(each) for each in found]}, ())

    def data(self, looked: Looked) -> None:
        """Show what a training would see of its rows."""
        found = looked.warnings
        value = {**data.value(looked), "diagnostics": told_diagnostics(found)}
        self._tell(value, data.text(looked), found)

    def reading(self) -> Progress:
        """Give what says to people how far rows are on their way."""
        if self.output is not Output.TEXT:
            return silent
        return Reading(lambda line: self._write(lines.safe(line), to=self.stderr), self.clock)

    def locked(self, path: Path, lock: Lock) -> None:
        """Tell what a recipe was locked to."""
        self._tell(locks.value(path, lock), locks.text(path, lock))

    def unmoved(self, path: str, notices: tuple[Diagnostic, ...]) -> None:
        """Tell that all is as it was locked."""
        value = {"lock": path, "moved": False, "diagnostics": told_diagnostics(notices)}
        self._tell(value, [*lines.diagnostics(notices), f"{path}: nothing has moved"], notices)

    @contextmanager
    def following(self, run_id: str, kind: TargetKind, planned: Plan) -> Iterator[Observer]:
        """Open a run: say what it is, then show its progress while the block runs."""
        if self.output is Output.TEXT:
            self._lines(self._opening(run_id, kind, planned))
        # The emulator has no studio to look into.
        with self._progress(planned.changes, links=kind is TargetKind.AZURE) as observer:
            yield observer

    @contextmanager
    def attached(self, said: Manifest, clock: Clock) -> Iterator[Observer]:
        """Show the progress of a run that another process carries out, in that run's time."""
        kind = TargetKind(said.target["kind"])
        if self.output is Output.TEXT:
            self._write(lines.safe(f"{said.run_id} on {texts.where(kind)}"))
        with self._progress((), links=kind is TargetKind.AZURE, clock=clock) as observer:
            yield observer

    def unfollowed(self, run_id: str) -> None:
        """Tell that only the following has ended."""
        value = {"run_id": run_id, "followed": False, "attach": f"runner attach {run_id}"}
        self._tell(value, texts.unfollowed(run_id))

    def detached(self, folder: Path, kind: TargetKind, planned: Plan, pid: int) -> None:
        """Tell that a run goes on in a process of its own, and what was found before it began."""
        value = {"run_id": folder.name, "folder": str(folder), "pid": pid, "log": str(folder / LOG_NAME)}
        found = told_diagnostics(planned.diagnostics)
        opening = self._opening(folder.name, kind, planned)
        self._tell(value | {"diagnostics": found}, (*opening, *texts.detached(folder, pid)))

    def journal(self, run_id: str, records: Iterable[Record]) -> None:
        """Show records in words, a line each, as they come."""
        if self.output is Output.TEXT:
            self._lines(chronicle.line(each) for each in records)
        else:
            self._tell({"run_id": run_id, "records": [chronicle.as_json(each) for each in records]}, ())

    def service_logs(self, run_id: str, step: str, logs: Mapping[str, str]) -> None:
        """Show what a step's own processes wrote, by their names."""
        value = {"run_id": run_id, "step": step, "logs": [{"name": n, "text": t} for n, t in logs.items()]}
        self._tell(value, texts.service_logs(step, logs))

    def nothing_to_cancel(self, said: Manifest) -> None:
        """Tell that a run that was to be cancelled had ended before."""
        left = [f"{each.kind} {each.name}" for each in said.alive]
        value = {"run_id": said.run_id, "status": said.status.value, "canceled": False, "left": left}
        self._tell(value, texts.nothing_to_cancel(said))

    def collected(
        self,
        workspace: Target,
        seen: Sequence[Finding],
        costs: Mapping[Key, Hourly | None],
        outcome: Mapping[Key, str] | None,
    ) -> None:
        """Tell what is alive under our tags; `outcome` says what has become of what was to be deleted."""
        found = [findings.as_json(each, costs[each.key], outcome) for each in seen]
        value = {"workspace": workspace.workspace_name, "target": workspace.kind.value, "found": found}
        self._tell(value, findings.told(workspace, seen, costs, deleted=outcome))

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
        *,
        prices: Prices | None = None,
    ) -> None:
        """Tell how a run ended: samples, losses, what is left alive; the errors last, where eyes are.

        `billing` comes on top of what failed: it must not hide the reason, nor the end of a log.
        `prices` stand over those of the list.
        """
        problem = error if isinstance(error, RunnerError) else None
        value = {
            "run": asdict(said),
            "folder": str(folder),
            "samples": self._samples(folder),
            "error": told_error(problem or billing),
            "still_billing": told_error(billing),
            "hourly": going_on.as_json(said, prices),
            "diagnostics": told_diagnostics(diagnostics_of(problem)),
        }
        self._tell(value, self._ending(said, folder, error, prices))
        for each in (problem, billing) if self.output is Output.TEXT else ():
            if each:
                self._explain(each)

    def run(self, said: Manifest, folder: Path | None) -> None:
        """Show a run that has been; without a folder, by a manifest that lies alone."""
        where = str(folder) if folder else None
        value = {"run": asdict(said), "folder": where, "hourly": going_on.as_json(said)}
        by = carried(folder) if folder else Carried.ELSEWHERE
        self._tell(value, texts.manifest(said, where or "a manifest alone", by, past.text(said, folder)))

    def compared(self, sides: Sequence[Side], found: Sequence[Difference], page: Path | None = None) -> None:
        """Show what differs, and which sections could not be compared; `page` tells the same."""
        value = differing.as_json(sides, found) | {"page": str(page) if page else None}
        self._tell(value, differing.text(sides, found, page))

    def explained(self, said: Manifest, found: Sequence[Reason], parameters: Sequence[Cause]) -> None:
        """Tell why each step of a run did what it did."""
        self._tell(because.as_json(said, found, parameters), because.text(said, found, parameters))

    def scored(self, said: Manifest, answers: Iterator[tuple[Question, str]]) -> None:
        """Show answers as they come; those that came before an error are told, too."""
        told: list[Json] = []
        error: RunnerError | None = None
        if self.output is Output.TEXT:
            self._write(lines.safe(f"{said.run_id} on {texts.where(TargetKind(said.target['kind']))}"))
        try:
            for question, answer in answers:
                told.append({**asdict(question), "answer": answer})
                if self.output is Output.TEXT:
                    self._lines(texts.answered(question, answer))
        except RunnerError as raised:
            error = raised
            raise
        finally:
            value = {"run_id": said.run_id, "target": said.target["kind"], "answers": told}
            self._tell(value | {"error": told_error(error)}, ())

    def reported(self, page: Path, run_ids: Sequence[str]) -> None:
        """Tell where the page of one or more runs lies."""
        self._tell({"page": str(page), "runs": list(run_ids)}, [str(page)])

    def repaired(self, done: Repaired, folder: Path) -> None:
        """Tell what a repair has kept and what not."""
        self._tell(mending.value(done, folder), mending.text(done, folder))

    def verified(self, found: Sequence[Checked], path: Path, target: str) -> None:
        """Tell how a run's files stand to what was recorded of them; `target` is "" where it is not known."""
        self._tell(proving.value(found, path, target), proving.text(found, path, target))

    def exported(self, crate: Path, run_id: str, names: Sequence[str]) -> None:
        """Tell where a run was written to for other programs, and what of it."""
        value = {"run_id": run_id, "crate": str(crate), "files": list(names)}
        self._tell(value, proving.exported(crate, run_id, names))

    def taken_down(self, said: Manifest, left: tuple[str, ...], spared: tuple[str, ...] = ()) -> None:
        """Tell what `down` has left, and what it left to another run."""
        value = {"run_id": said.run_id, "left": list(left), "left_alone": list(spared)}
        self._tell(value, going_on.taken_down(said, spared))

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
    def _progress(
        self, changes: tuple[Change, ...], *, links: bool, clock: Clock | None = None
    ) -> Iterator[Observer]:
        clock = clock or self.clock
        if self.output is not Output.TEXT:
            yield SilentProgress()
        elif self.at_a_terminal and self.stdout.encoding.lower().startswith("utf"):
            from runner.console.live import LiveProgress  # noqa: PLC0415 - a third of `validate`'s time

            with LiveProgress(self.stdout, clock, changes, links=links) as live:
                yield live
        else:
            yield PlainProgress(self._write, clock, links=links)

    def _opening(self, run_id: str, kind: TargetKind, planned: Plan) -> Iterator[str]:
        yield f"{run_id} on {texts.where(kind)}"
        yield from lines.diagnostics(planned.diagnostics)
        yield from outlook.money(planned)

    def _ending(
        self, said: Manifest, folder: Path, error: BaseException | None, prices: Prices | None
    ) -> Iterator[str]:
        yield from texts.samples(self._samples(folder))
        if self._is_log_of(folder):
            yield from texts.samples_elsewhere(folder / SAMPLES)
        yield from texts.run_facts(said)
        if isinstance(error, KeyboardInterrupt) and said.status is not RunStatus.CANCELED:
            yield from going_on.interrupted(said, folder, prices)
            return
        yield from going_on.alive(said, prices=prices)
        yield from verdicts.verdict(said)
        yield f"{said.status.value}: {folder}"

    def _samples(self, folder: Path) -> list[dict[str, Json]]:
        """Give what was scored, unless all that is told goes into the run's own log: no row may be in one."""
        # A file that is damaged has ended the run's scoring, which has said so.
        with suppress(NotWritten):
            return [] if self._is_log_of(folder) else kept(folder / SAMPLES)
        return []

    def _is_log_of(self, folder: Path) -> bool:
        """Tell whether stdout is the log of a run that a process of its own carries on."""
        try:
            return os.path.samestat(os.fstat(self.stdout.fileno()), (folder / LOG_NAME).stat())
        except (OSError, ValueError):  # no such log, or no file at all
            return False


def _change(change: Change) -> Mapping[str, Json]:
    return asdict(change) | {"action": change.action.value}


def _in_force(each: InForce) -> Mapping[str, Json]:
    return asdict(each) | {"key": each.dotted, "origin": each.origin.value}


def _parameter(parameter: Parameter) -> Mapping[str, Json]:
    return asdict(parameter) | {"origin": parameter.origin.value}
