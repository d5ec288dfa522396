"""Batches in, lines out: each row to the role it is for, and what is to be told of the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from runner.dataset.checking.conversation import Conversation
from runner.dataset.checking.judging import Refused, judged
from runner.dataset.checking.sightings import Digests, Sightings, digests
from runner.dataset.checking.special import broken_up, may_have_token
from runner.dataset.reading.batch import Batch
from runner.dataset.reading.lines import MAX_ROW_BYTES, too_long
from runner.dataset.reading.rows import Problem
from runner.dataset.sifting.carving import Carving
from runner.dataset.sifting.dropped import BadRows
from runner.errors import Diagnostic, Severity
from runner.recipe import Columns

_Told = Literal["duplicate-rows", "shared-prompt", "special-tokens"]


@dataclass(slots=True)
class Noticed:
    """Rows of one role of which something is to be told, but which can be trained on."""

    rows: int = 0
    first: tuple[str, int] = ("", 0)
    beside: str = ""

    def add(self, label: str, number: int, beside: str = "") -> None:
        """Note a row; the first is the one that is shown."""
        if not self.rows:
            self.first, self.beside = (label, number), beside
        self.rows += 1


@dataclass(slots=True)
class Tally:
    """The figures of one role's rows."""

    rows: int = 0
    turns: int = 0
    characters: int = 0
    seen: Sightings = field(default_factory=Sightings)
    noticed: dict[_Told, Noticed] = field(default_factory=dict)

    def count(self, contents: Sequence[str]) -> None:
        """Count a sound row."""
        self.rows += 1
        self.turns += len(contents)
        self.characters += sum(map(len, contents))

    def notice(self, code: _Told, label: str, number: int, beside: str = "") -> None:
        """Note what is to be told of a row."""
        self.noticed.setdefault(code, Noticed()).add(label, number, beside)

    def warnings(self, role: str) -> tuple[Diagnostic, ...]:
        """Tell it, in one line for each kind."""
        return tuple(self._warning(role, code, found) for code, found in sorted(self.noticed.items()))

    def _warning(self, role: str, code: _Told, found: Noticed) -> Diagnostic:
        rows = f"{found.rows} of {self.rows} rows"
        message = {
            "duplicate-rows": f"{rows} are in it before",
            "shared-prompt": f"{rows} open with a prompt that is in {found.beside} too",
            "special-tokens": f"{rows} hold a token of a chat template, in which a space is put",
        }[code]
        return Diagnostic(
            path=found.first[0],
            line=found.first[1],
            column=1,
            code=code,
            key=f"dataset.{role}",
            message=message,
            severity=Severity.WARNING,
        )


@dataclass(slots=True)
class Sieve:
    """One split's way: `role` is whose rows are read, `earlier` what was read before of others."""

    role: str
    columns: Columns
    bad_rows: BadRows
    carving: Carving
    earlier: Mapping[str, Tally]
    tallies: Mapping[str, Tally]
    read: int = 0

    def sift(self, batch: Batch) -> Mapping[str, bytes]:
        """Give the lines of a batch for each role; note the rows that are bad."""
        lines: dict[str, list[bytes]] = {role: [] for role in self.tallies}
        for number, found in judged(batch, self.columns):
            self.read += 1
            if isinstance(found, Refused):
                self.bad_rows.add(self.role, batch.label, number, found)
            else:
                self._place(found, batch.label, number, lines)
        return {role: b"".join(parts) for role, parts in lines.items() if parts}

    def _place(self, row: Conversation, label: str, number: int, lines: Mapping[str, list[bytes]]) -> None:
        """Put a sound row where it belongs, unless it was trained on, or chosen by, already."""
        digest = digests(row)
        if before := self._seen_in(digest):
            problem = Problem(f"row-in-{before}", f"is in {before} too")
            self.bad_rows.add(self.role, label, number, Refused((problem,), row.line()))
            return
        role = self.carving.role(digest.prompt)
        tally = self.tallies[role]
        line = row.line()
        if len(line) > MAX_ROW_BYTES:
            self.bad_rows.add(self.role, label, number, Refused((too_long(),), line))
            return
        if may_have_token(line):
            contents = list(map(broken_up, row.contents))
            if contents != row.contents:
                tally.notice("special-tokens", label, number)
                row = Conversation(row.roles, contents)
                line = row.line()
        self._sight(tally, digest, label, number)
        tally.count(row.contents)
        lines[role].append(line)

    def _seen_in(self, digest: Digests) -> str | None:
        for role, tally in self.earlier.items():
            if digest.row in tally.seen.rows:
                return role
        return None

    def _sight(self, tally: Tally, digest: Digests, label: str, number: int) -> None:
        if tally.seen.add(digest):
            tally.notice("duplicate-rows", label, number)
        for role, other in self.earlier.items():
            if digest.prompt in other.seen.prompts:
                tally.notice("shared-prompt", label, number, role)
                break
