"""What each verb says: as text for people, or as one JSON value and nothing else on stdout."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from runner import origins
from runner.clock import Clock
from runner.console import texts
from runner.console.plain import PlainProgress
from runner.console.silent import SilentProgress
from runner.errors import Diagnostic, DiagnosticError, ExitCode, RunnerError, StillBilling
from runner.execute import Observer, our_mistake
from runner.facts import TargetKind
from runner.journal import Json
from runner.launcher import Emulator
from runner.manifest import Manifest
from runner.origins import InForce
from runner.parameters import Parameter
from runner.plan import Plan
from runner.redact import as_json
from runner.steps.sample import FILE_NAME as SAMPLES
from runner.steps.step import Change


class Output(StrEnum):
    """What `--output` takes."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


# As many as can be read at once.
MOST_AT_A_TERMINAL = 20


@dataclass
class Console:
    """Holds the process's real stdout; nothing else in the process writes there.

    Progress and results go to stdout, errors to stderr. As JSON or SARIF, only the first value is written: a
    verb that has told its result has told its error with it.
    """

    stdout: TextIO
    stderr: TextIO
    output: Output
    clock: Clock
    told: bool = False

    @property
    def at_a_terminal(self) -> bool:
        """Whether a person can be asked and shown things."""
        return self.output is Output.TEXT and self.stdout.isatty()

    def valid(self, path: Path, notices: tuple[Diagnostic, ...]) -> None:
        """Tell that a recipe is well formed."""
        value = {"valid": True, "recipe": str(path), "diagnostics": _all(notices)}
        self._tell(value, [*texts.diagnostics(notices), f"{path} is valid"], notices)

    def plan(self, name: str, kind: TargetKind, planned: Plan) -> None:
        """Show a plan."""
        parameters = planned.effective.parameters.values() if planned.effective else ()
        value = {
            "target": kind.value,
            "changes": [_change(change) for change in planned.changes],
            "parameters": [_parameter(parameter) for parameter in parameters],
            "diagnostics": _all(planned.diagnostics),
        }
        self._tell(value, texts.plan(name, kind, planned), planned.diagnostics)

    def values(self, found: Sequence[InForce], *, with_origin: bool) -> None:
        """Show every value in force as a recipe; a reader may take it for one."""
        lines = origins.as_yaml(found, comments=with_origin)
        self._tell({"values": [_in_force(each) for each in found]}, lines)

    @contextmanager
    def following(self, run_id: str, kind: TargetKind, planned: Plan) -> Iterator[Observer]:
        """Open a run: say what it is, then show its progress while the block runs."""
        if self.output is Output.TEXT:
            self._write(f"{run_id} on {texts.where(kind)}")
            self._lines(texts.diagnostics(planned.diagnostics))
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
            "error": _error(problem or billing),
            "still_billing": _error(billing),
            "diagnostics": _all(_found(problem)),
        }
        self._tell(value, self._ending(said, folder, error))
        for each in (problem, billing) if self.output is Output.TEXT else ():
            if each:
                self._explain(each)

    def run(self, said: Manifest, folder: Path) -> None:
        """Show a run that has been."""
        self._tell({"run": asdict(said), "folder": str(folder)}, texts.manifest(said, str(folder)))

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

    def environment(self, variables: Mapping[str, str]) -> None:
        """Print an environment for a shell to evaluate."""
        if self.output is Output.TEXT:
            # The values go to a shell: nothing may be taken out of them.
            for line in texts.exports(variables):
                self._write(line)
        self._tell(dict(variables), ())

    def error(self, raised: RunnerError) -> None:
        """Tell an error: with its diagnostics, where it has them."""
        if self.output is Output.TEXT:
            self._explain(raised)
        found = _found(raised)
        self._tell({"error": _error(raised), "diagnostics": _all(found)}, (), found, raised)

    def _explain(self, raised: RunnerError) -> None:
        most = MOST_AT_A_TERMINAL if self.stderr.isatty() else None
        self._lines(texts.diagnostics(_found(raised), most=most), to=self.stderr)
        self._lines(texts.error(raised), to=self.stderr)

    def interrupted(self, code: ExitCode) -> None:
        """Tell that a verb was stopped before it had anything to tell."""
        self._tell({"error": {"message": texts.exit_name(code), "exit_code": int(code)}}, ())

    def bug(self, error: Exception) -> None:
        """Tell of our own mistake in one line."""
        problem = RunnerError(
            our_mistake(error).message,
            hint="this is a bug in runner; RUNNER_DEBUG=1 shows where",
        )
        self.error(problem)

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

    def _tell(
        self,
        value: Mapping[str, Json],
        lines: Iterable[str],
        found: tuple[Diagnostic, ...] = (),
        error: RunnerError | None = None,
    ) -> None:
        if self.output is Output.TEXT:
            self._lines(lines)
        elif not self.told:
            self.told = True
            self._write(as_json(_as_sarif(found, error) if self.output is Output.SARIF else value, indent=2))

    def _lines(self, lines: Iterable[str], *, to: TextIO | None = None) -> None:
        for line in lines:
            self._write(texts.safe(line), to=to)

    def _write(self, line: str, *, to: TextIO | None = None) -> None:
        stream = to or self.stdout
        stream.write(line + "\n")
        stream.flush()


def _as_sarif(found: tuple[Diagnostic, ...], error: RunnerError | None) -> Mapping[str, Json]:
    from runner.console import sarif  # noqa: PLC0415 - looks up versions, which only SARIF tells

    return sarif.log(found, error)


def _found(raised: RunnerError | None) -> tuple[Diagnostic, ...]:
    return raised.diagnostics if isinstance(raised, DiagnosticError) else ()


def _all(found: Iterable[Diagnostic]) -> list[Mapping[str, Json]]:
    return [asdict(each) | {"severity": each.severity.value} for each in found]


def _change(change: Change) -> Mapping[str, Json]:
    return asdict(change) | {"action": change.action.value}


def _in_force(each: InForce) -> Mapping[str, Json]:
    key = ".".join(str(part) for part in each.key)
    return asdict(each) | {"key": key, "origin": each.origin.value}


def _parameter(parameter: Parameter) -> Mapping[str, Json]:
    return asdict(parameter) | {"origin": parameter.origin.value}


def _error(raised: RunnerError | None) -> Mapping[str, Json] | None:
    if raised is None:
        return None
    tail = list(getattr(raised, "log_tail", ()))
    return {
        "message": raised.message,
        "hint": raised.hint,
        "log_tail": tail,
        "exit_code": int(raised.exit_code),
    }


def _samples(folder: Path) -> list[Mapping[str, Json]]:
    try:
        with (folder / SAMPLES).open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]
    except FileNotFoundError:
        return []
