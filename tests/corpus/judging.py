"""Gives a file of the corpus to the loader, and compares what it tells with what is expected."""

import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runner.errors import Diagnostic, RecipeInvalid
from runner.load import load_bytes
from tests.corpus.slip import Kind, Told, Wrong


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """How one file fared. `beside` are findings that were not expected; they may be right all the same."""

    wrong: Wrong
    told: tuple[Told, ...]
    missed: tuple[Told, ...]
    missed_places: tuple[tuple[int, int], ...]
    lines_named: bool
    crash: str = ""

    @property
    def is_detected(self) -> bool:
        return bool(self.told)

    @property
    def is_placed(self) -> bool:
        return self.is_detected and not self.missed_places

    @property
    def is_on_its_line(self) -> bool:
        lines = {told.line for told in self.told}
        return all(expected.line in lines for expected in self.wrong.expected)

    @property
    def is_exact(self) -> bool:
        """Place and code, and the lines that the message has to name."""
        return self.is_detected and not self.missed and self.lines_named

    @property
    def is_ordered(self) -> bool:
        places = [(told.line, told.column) for told in self.told]
        return places == sorted(places)

    @property
    def beside(self) -> tuple[Told, ...]:
        return tuple(told for told in self.told if told not in self.wrong.expected)

    def __str__(self) -> str:
        return f"{self.wrong.name}: expected {_all(self.wrong.expected)}, told {_all(self.told)} {self.crash}"


def judge(wrong: Wrong) -> Verdict:
    """Load the file; whatever the loader raises but its refusal is a crash."""
    crash = ""
    found: tuple[Diagnostic, ...] = ()
    try:
        found = _findings(wrong)
    except Exception:  # noqa: BLE001 - this is what is measured
        crash = traceback.format_exc()
    told = tuple(Told(each.line, each.column, each.code) for each in found)
    places = {(each.line, each.column) for each in told}
    return Verdict(
        wrong=wrong,
        told=told,
        missed=tuple(each for each in wrong.expected if each not in told),
        missed_places=tuple(
            (each.line, each.column) for each in wrong.expected if (each.line, each.column) not in places
        ),
        lines_named=_names_lines(wrong, found),
        crash=crash,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """How the files of one kind fared."""

    kind: Kind
    made: int
    detected: int
    placed: int
    exact: int
    alone: int
    crashed: int


def counts(verdicts: Iterable[Verdict]) -> list[Count]:
    """Count the files with one mistake, kind by kind."""
    of_kind: dict[Kind, list[Verdict]] = {}
    for verdict in verdicts:
        of_kind.setdefault(verdict.wrong.kinds[0], []).append(verdict)
    return [_count(kind, found) for kind, found in of_kind.items()]


def _count(kind: Kind, verdicts: list[Verdict]) -> Count:
    return Count(
        kind=kind,
        made=len(verdicts),
        detected=sum(each.is_detected for each in verdicts),
        placed=sum(each.is_placed for each in verdicts),
        exact=sum(each.is_exact for each in verdicts),
        alone=sum(not each.beside for each in verdicts),
        crashed=sum(bool(each.crash) for each in verdicts),
    )


def table(found: Iterable[Count]) -> str:
    """Lay the counts out for people."""
    lines = [f"{'kind':<40}{'made':>6}{'found':>7}{'place':>7}{'code':>7}{'alone':>7}{'crash':>7}"]
    lines += [
        f"{each.kind.value:<40}{each.made:>6}{each.detected:>7}{each.placed:>7}{each.exact:>7}"
        f"{each.alone:>7}{each.crashed:>7}"
        for each in found
    ]
    return "\n".join(lines)


def _findings(wrong: Wrong) -> tuple[Diagnostic, ...]:
    try:
        return load_bytes(wrong.content, Path(wrong.source.path)).notices
    except RecipeInvalid as invalid:
        return invalid.diagnostics


def _names_lines(wrong: Wrong, found: tuple[Diagnostic, ...]) -> bool:
    """Tell whether a duplicate's message names both lines: the one it repeats, and its own."""
    messages = " ".join(each.message for each in found if each.code == "duplicate-key")
    own = [each.line for each in wrong.expected if each.code == "duplicate-key"]
    return all(f"line {line}" in messages for line in [*wrong.lines_said, *own])


def _all(found: Iterable[Told]) -> str:
    return ", ".join(f"{each.line}:{each.column} {each.code}" for each in found) or "nothing"
