"""Where a recipe came from, and how a mistake in it gets its line and column."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.errors import Diagnostic, RecipeInvalid, Severity
from runner.recipe import Recipe, Scalar
from runner.redact import redact
from runner.yaml12 import START, Key, Position, Problem, Value

# What a setting of the command line has in the place of a file's path.
SETTING = "--set"
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
class Given:
    """A value that a file or a setting gave, and another overrode."""

    path: str
    position: Position
    value: Value


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One of the files or settings a recipe is made of; `kind` is extends, recipe, profile or --set.

    `path` is what a person is shown; `sha256` is the digest of its bytes in hex.
    """

    kind: str
    path: str
    text: str
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The file a recipe came from: `path` as it was given, `folder` where relative paths start.

    `digest` is the SHA-256 of its bytes in hex. `positions` says where each value stands, `key_positions`
    where each key does, and `paths` in which file, for a recipe that is made of several `parts` (lowest
    first, itself included). `overridden` holds what lost against another part, lowest first. `tree` is what
    all of them say together, before any default. `recorded` tells where a value is from that no line
    has been typed for as it stands: a point of a sweep, and what a run has kept of its recipe.
    """

    path: str
    folder: Path
    text: str
    digest: str
    positions: Mapping[Key, Position]
    key_positions: Mapping[Key, Position]
    paths: Mapping[Key, str] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    overridden: Mapping[Key, tuple[Given, ...]] = field(default_factory=dict)
    tree: Mapping[str, Value] = field(default_factory=dict)
    recorded: Mapping[Key, str] = field(default_factory=dict)

    def says(self, key: Key) -> bool:
        """Tell whether the recipe itself gives this value, and not a default."""
        return not key or (isinstance(holder := self.written(key[:-1]), dict) and key[-1] in holder)

    def written(self, key: Key) -> Value:
        """Give a value as it is written, its variables not filled in; None where it is not."""
        value: Value = dict(self.tree)
        for part in key:
            value = value.get(str(part)) if isinstance(value, dict) else None
        return value

    def locate(self, key: Key) -> Position:
        """Give the position of a value; of what should hold it, if it is absent."""
        return self.positions.get(self._nearest(key), START)

    def path_of(self, key: Key) -> str:
        """Give the file in which a value stands, or what should hold it."""
        return self.paths.get(self._nearest(key), self.path)

    def place_of(self, key: Key) -> str:
        """Give file and line of a value, as people write it."""
        return self.recorded.get(key) or f"{self.path_of(key)}:{self.locate(key).line}"

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
        return diagnostic_at(mistake, self.path_of(mistake.key), position)

    def in_order(self, found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Order diagnostics as the files have them: the recipe itself first, then each part, lowest first."""
        ranks = {self.path: -1} | {
            part.path: rank for rank, part in enumerate(self.parts) if part.path != self.path
        }
        return tuple(
            sorted(found, key=lambda each: (ranks.get(each.path, len(ranks)), each.line, each.column))
        )

    def _nearest(self, key: Key) -> Key:
        lengths = range(len(key), -1, -1)
        return next((key[:length] for length in lengths if key[:length] in self.positions), ())


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A recipe that can be meant as written; `notices` (warnings, too) do not refuse it.

    `points` are those of its sweep, none where it has no such section.
    """

    recipe: Recipe
    source: Source
    notices: tuple[Diagnostic, ...] = ()
    points: tuple["Point", ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A point of a sweep, `index` counting from 1: the recipe with its values set, and without the sweep.

    `places` are those of its values in the sweep section, by the line of the setting that each has become.
    """

    index: int
    values: Mapping[str, Scalar]
    loaded: Loaded
    places: Mapping[int, tuple[str, Position]]

    def in_sweep(self, found: Diagnostic) -> Diagnostic:
        """Give a diagnostic about a value of this point the place of that value in the sweep section."""
        if found.path != SETTING or found.line not in self.places:
            return found
        path, position = self.places[found.line]
        return replace(found, path=path, line=position.line, column=position.column)


def diagnostic_at(mistake: Mistake, path: str, position: Position) -> Diagnostic:
    """Turn a mistake into a diagnostic at a place."""
    return Diagnostic(
        path=path,
        line=position.line,
        column=position.column,
        code=mistake.code,
        key=_dotted(mistake.key),
        message=mistake.message,
        expected=mistake.expected,
        mend=mistake.mend,
        severity=mistake.severity,
    )


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
