"""One split on its way to its file: rows are checked as they are written, and bad ones are counted."""

import os
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from runner.dataset import chat
from runner.dataset.rows import Problem, Row
from runner.errors import Diagnostic, Severity

MAX_LISTED = 20


class Draft:
    """A temporary file beside the one it becomes; only `publish` makes it seen."""

    def __init__(self, role: str, folder: Path, label: str) -> None:
        self.role = role
        self.path = folder / f"{role}.jsonl"
        self.label = label
        self.digest = sha256()
        self.seen = self.bytes = self.turns = self.characters = self.bad_rows = 0
        self.diagnostics: list[Diagnostic] = []
        self._shared_rows: list[int] = []
        self._temporary = folder / f".{role}.jsonl.part"

    def fill(self, rows: Iterable[Row], train: set[int]) -> None:
        """Write the sound rows; `train` is the set of prompts trained on, which the train split itself fills.

        It is all that stays in memory: a digest a row.
        """
        with self._temporary.open("wb") as file:
            file.writelines(self._sound(rows, train))
            file.flush()
            os.fsync(file.fileno())

    def check(self, rows: Iterable[Row]) -> None:
        """Count the bad rows, and write nothing."""
        for _ in self._sound(rows, set()):
            pass

    def publish(self) -> None:
        """Let the file take its name, in place of an earlier one."""
        self._temporary.replace(self.path)

    def discard(self) -> None:
        """Remove what was not published; may be called again."""
        self._temporary.unlink(missing_ok=True)

    def warnings(self) -> tuple[Diagnostic, ...]:
        """Tell of prompts that are in the training data too: scoring them measures memory."""
        if not self._shared_rows:
            return ()
        message = f"{len(self._shared_rows)} of {self.seen} rows open with a prompt that is in train too"
        leak = Diagnostic(
            path=self.label,
            line=self._shared_rows[0],
            column=1,
            code="shared-prompt",
            key=f"dataset.{self.role}",
            message=message,
            severity=Severity.WARNING,
        )
        return (leak,)

    def _sound(self, rows: Iterable[Row], train: set[int]) -> Iterator[bytes]:
        """Give the lines of the rows that can be trained on; note what is wrong with the others."""
        for row in rows:
            self.seen += 1
            problems = (row.problem,) if row.problem else chat.problems(row.value)
            if problems:
                self._note(problems)
            else:
                yield self._counted(row, train)

    def _note(self, problems: Iterable[Problem]) -> None:
        self.bad_rows += 1
        for problem in problems:
            if len(self.diagnostics) < MAX_LISTED:
                self.diagnostics.append(self._diagnostic(problem))

    def _diagnostic(self, problem: Problem) -> Diagnostic:
        return Diagnostic(
            path=self.label,
            line=self.seen,
            column=1,
            code=problem.code,
            key=problem.key,
            message=problem.message,
            expected=problem.expected,
        )

    def _counted(self, row: Row, train: set[int]) -> bytes:
        line = row.line + b"\n"
        turns, characters = chat.size(row.value)
        self.bytes += len(line)
        self.turns += turns
        self.characters += characters
        self.digest.update(line)
        prompt = chat.prompt_digest(row.value)
        if self.role == "train":
            train.add(prompt)
        elif prompt in train:
            self._shared_rows.append(self.seen)
        return line
