"""What every verb may have to say: that a recipe is valid, or what went wrong.

`validate` needs no more; what plans and runs look like is `Console`'s to know, and takes long to import.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from runner.clock import Clock
from runner.console import lines
from runner.errors import Diagnostic, DiagnosticError, ExitCode, RunnerError
from runner.redact import as_json

if TYPE_CHECKING:
    from runner.index import Listed
    from runner.manifest import Manifest


class Output(StrEnum):
    """What `--output` takes."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    CSV = "csv"


# Where what went wrong is said to people: what stdout then holds has no place for it.
_IN_WORDS = frozenset({Output.TEXT, Output.CSV})
# As many as can be read at once.
MOST_AT_A_TERMINAL = 20


@dataclass
class Voice:
    """Holds the process's real stdout; nothing else in the process writes there.

    Progress and results go to stdout, errors to stderr. As JSON or SARIF, only the first value is written: a
    verb that has told its result has told its error with it.
    """

    stdout: TextIO
    stderr: TextIO
    output: Output
    clock: Clock
    told: bool = False

    def valid(self, path: Path, notices: tuple[Diagnostic, ...]) -> None:
        """Tell that a recipe is well formed."""
        value = {"valid": True, "recipe": str(path), "diagnostics": told_diagnostics(notices)}
        self._tell(value, [*lines.diagnostics(notices), f"{path} is valid"], notices)

    def over(self, said: "Manifest", folder: Path) -> None:
        """Tell that nothing is left to do of a run, nor left alive."""
        value = {"run": asdict(said), "folder": str(folder), "hourly": []}
        told = f"{said.status.value}; nothing is left to do, and nothing that bills is left alive"
        self._tell(value, [f"{said.run_id}: {told}"])

    def runs(self, found: "Listed", columns: tuple[str, ...], left: frozenset[str]) -> None:
        """Show runs as a table, a row each; `left` are those that nobody carries on, though they run."""
        from runner.console import listing  # noqa: PLC0415 - no other verb has a use for it

        if self.output is Output.CSV:
            for line in listing.as_csv(found, columns).splitlines():
                self._write(line)
        self._tell(listing.as_json(found), listing.text(found, columns, left, self.clock.now()))
        for notice in found.notices if self.output in _IN_WORDS else ():
            self._write(lines.safe(f"notice: {notice}"), to=self.stderr)

    def error(self, raised: RunnerError) -> None:
        """Tell an error: with its diagnostics, where it has them."""
        if self.output in _IN_WORDS:
            self._explain(raised)
        found = diagnostics_of(raised)
        self._tell({"error": told_error(raised), "diagnostics": told_diagnostics(found)}, (), found, raised)

    def interrupted(self, code: ExitCode) -> None:
        """Tell that a verb was stopped before it had anything to tell."""
        self._tell({"error": {"message": lines.exit_name(code), "exit_code": int(code)}}, ())

    def bug(self, error: Exception) -> None:
        """Tell of our own mistake in one line."""
        from runner.execute import our_mistake  # noqa: PLC0415 - only who has made one pays for it

        problem = RunnerError(
            our_mistake(error).message,
            hint="this is a bug in runner; RUNNER_DEBUG=1 shows where",
        )
        self.error(problem)

    def _explain(self, raised: RunnerError) -> None:
        most = MOST_AT_A_TERMINAL if self.stderr.isatty() else None
        self._lines(lines.diagnostics(diagnostics_of(raised), most=most), to=self.stderr)
        self._lines(lines.error(raised), to=self.stderr)

    def _tell(
        self,
        value: Mapping[str, Any],
        text: Iterable[str],
        found: tuple[Diagnostic, ...] = (),
        error: RunnerError | None = None,
    ) -> None:
        if self.output is Output.TEXT:
            self._lines(text)
        elif not self.told and self.output is not Output.CSV:
            self.told = True
            self._write(as_json(_as_sarif(found, error) if self.output is Output.SARIF else value, indent=2))

    def _lines(self, text: Iterable[str], *, to: TextIO | None = None) -> None:
        for line in text:
            self._write(lines.safe(line), to=to)

    def _write(self, line: str, *, to: TextIO | None = None) -> None:
        stream = to or self.stdout
        stream.write(line + "\n")
        stream.flush()


def _as_sarif(found: tuple[Diagnostic, ...], error: RunnerError | None) -> Mapping[str, Any]:
    from runner.console import sarif  # noqa: PLC0415 - looks up versions, which only SARIF tells

    return sarif.log(found, error)


def diagnostics_of(raised: RunnerError | None) -> tuple[Diagnostic, ...]:
    """Give what an error carries."""
    return raised.diagnostics if isinstance(raised, DiagnosticError) else ()


def told_diagnostics(found: Iterable[Diagnostic]) -> list[Mapping[str, Any]]:
    """Give diagnostics as JSON."""
    return [asdict(each) | {"severity": each.severity.value} for each in found]


def told_error(raised: RunnerError | None) -> Mapping[str, Any] | None:
    """Give an error as JSON."""
    if raised is None:
        return None
    tail = list(getattr(raised, "log_tail", ()))
    return {
        "message": raised.message,
        "hint": raised.hint,
        "log_tail": tail,
        "exit_code": int(raised.exit_code),
    }
