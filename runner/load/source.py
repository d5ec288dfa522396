"""Where a recipe came from, and how a mistake in it gets its line and column."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.errors import Diagnostic, RecipeInvalid, Severity
from runner.recipe import Recipe
from runner.redact import redact
from runner.yaml12 import START, Key, Position, Problem

_LONGEST_SHOWN = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """A finding before it has a place. `at_key`: it is shown at the key, not at its value."""

    key: Key
    code: str
    message: str
    expected: str = ""
    mend: str = ""
    severity: Severity = Severity.ERROR
    at_key: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The file a recipe came from: `path` as it was given, `folder` where relative paths start.

    `digest` is the SHA-256 of its bytes in hex. `positions` says where each value stands, `key_positions`
    where each key does.
    """

    path: str
    folder: Path
    text: str
    digest: str
    positions: Mapping[Key, Position]
    key_positions: Mapping[Key, Position]

    def locate(self, key: Key) -> Position:
        """Give the position of a value; of what should hold it, if it is absent."""
        nearest = (key[:length] for length in range(len(key), -1, -1))
        return next((self.positions[path] for path in nearest if path in self.positions), START)

    def diagnostic(  # noqa: PLR0913 - these are a Diagnostic's own fields
        self,
        key: Key,
        *,
        code: str,
        message: str,
        expected: str = "",
        mend: str = "",
        severity: Severity = Severity.ERROR,
    ) -> Diagnostic:
        """Make a diagnostic about the value at `key`."""
        mistake = Mistake(
            key=key, code=code, message=message, expected=expected, mend=mend, severity=severity
        )
        return self.place(mistake)

    def place(self, mistake: Mistake) -> Diagnostic:
        """Give a mistake its line and column: its key's or its value's, else those of what should hold it."""
        position = self.locate(mistake.key)
        if mistake.at_key:
            position = self.key_positions.get(mistake.key, position)
        return Diagnostic(
            path=self.path,
            line=position.line,
            column=position.column,
            code=mistake.code,
            key=_dotted(mistake.key),
            message=mistake.message,
            expected=mistake.expected,
            mend=mistake.mend,
            severity=mistake.severity,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A recipe that can be meant as written; `notices` (warnings, too) do not refuse it."""

    recipe: Recipe
    source: Source
    notices: tuple[Diagnostic, ...] = ()


def from_problem(problem: Problem, path: str) -> Diagnostic:
    """Turn what the YAML reader refuses into a diagnostic; it brings its place along."""
    return Diagnostic(
        path=path,
        line=problem.position.line,
        column=problem.position.column,
        code=problem.code,
        key=_dotted(problem.key),
        message=problem.message,
        expected=problem.expected,
        mend=problem.mend,
    )


def invalid(path: str, diagnostics: Iterable[Diagnostic]) -> RecipeInvalid:
    """Make the error that carries these diagnostics."""
    return RecipeInvalid(f"{path} is not a recipe that can be run", tuple(diagnostics))


def short(text: str) -> str:
    """Show a name that a person wrote: cut to a length that fits a line, secrets masked."""
    shown = redact(text[:_LONGEST_SHOWN])
    return shown if len(text) <= _LONGEST_SHOWN else f"{shown}…"


def _dotted(key: Key) -> str:
    return ".".join(short(str(part)) for part in key)
