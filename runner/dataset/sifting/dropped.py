"""The rows that cannot be trained on: told by place and field, listed by digest where they are left out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import chain

import orjson

from runner.dataset.checking.judging import Refused
from runner.dataset.reading.rows import Problem
from runner.errors import Diagnostic, RecipeInvalid

MAX_LISTED = 20
# So many that are all alike are told one by one, to be mended by hand.
MOST_ALIKE = 5
_OF_LINES = (".jsonl", ".ndjson")
# The code and the place of everything that is wrong with a row.
_Kind = tuple[tuple[str, str], ...]


class BadRows:
    """Takes note of bad rows, of every split; up to `allowed` of them are left out, no more."""

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._counts: dict[str, Counter[str]] = {}
        self._listed: dict[str, list[tuple[int, Diagnostic]]] = {}
        self._kinds: dict[str, set[_Kind]] = {}
        self._dropped: list[Mapping[str, object]] = []

    def add(self, role: str, label: str, number: int, refused: Refused) -> None:
        """Note a row; its text stays out of it."""
        codes = list(dict.fromkeys(problem.code for problem in refused.problems))
        self._counts.setdefault(role, Counter())[codes[0]] += 1
        self._list(role, label, number, refused.problems)
        if len(self._dropped) < self._allowed:
            digest = sha256(refused.line.rstrip(b"\n")).hexdigest()
            entry = {"split": role, "file": label, "row": number, "codes": codes, "sha256": digest}
            self._dropped.append(entry)

    def of(self, role: str) -> Mapping[str, int]:
        """Count the bad rows of a split by what was wrong with them first."""
        return dict(sorted(self._counts.get(role, Counter()).items()))

    def refuse(self, seen: Mapping[str, int]) -> None:
        """Raise RecipeInvalid with the first bad rows if there are more than are to be left out."""
        bad = {role: counts.total() for role, counts in self._counts.items()}
        if sum(bad.values()) <= self._allowed:
            return
        counts = ", ".join(f"{rows} of {seen[role]} in {role}" for role, rows in bad.items())
        hint = "mend them"
        if all(rows < seen[role] for role, rows in bad.items()):
            hint += f", or leave them out with dataset.max_bad_rows: {sum(bad.values())}"
        listed = tuple(chain.from_iterable(map(self._told, bad)))[:MAX_LISTED]
        raise RecipeInvalid(f"rows that cannot be trained on: {counts}", listed, hint=hint)

    def _list(self, role: str, label: str, number: int, problems: Sequence[Problem]) -> None:
        row, listed = self._counts[role].total(), self._listed.setdefault(role, [])
        room = MAX_LISTED - len(listed)
        listed += [(row, _diagnostic(label, number, problem)) for problem in problems[:room]]
        kinds = self._kinds.setdefault(role, set())
        if len(kinds) <= 1:
            kinds.add(tuple((problem.code, problem.key) for problem in problems))

    def _told(self, role: str) -> Sequence[Diagnostic]:
        """Give the first bad rows of a split; of many that are all alike the very first."""
        rows, listed = self._counts[role].total(), self._listed[role]
        if rows <= MOST_ALIKE or len(self._kinds[role]) > 1:
            return [each for _, each in listed]
        more = f", and {rows - 1} more like it"
        return [replace(each, message=each.message + more) for row, each in listed if row == 1]

    def lines(self) -> bytes:
        """List what is left out: where each row was, what was wrong with it and its digest."""
        return b"".join(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE) for entry in self._dropped)


def _message(label: str, number: int, problem: Problem) -> str:
    """Say which row it is where its number is none of a line, by which an editor would find it."""
    if label.endswith(_OF_LINES):
        return problem.message
    return f"row {number}: {problem.message}"


def _diagnostic(label: str, number: int, problem: Problem) -> Diagnostic:
    return Diagnostic(
        path=label,
        line=number,
        column=1,
        code=problem.code,
        key=problem.key,
        message=_message(label, number, problem),
        expected=problem.expected,
        mend=problem.mend,
    )
