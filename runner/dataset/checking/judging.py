"""A batch's rows, each a conversation or why it is none; a whole column at a glance where that is certain."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

from runner.dataset.checking import chat
from runner.dataset.checking.accept import accepted
from runner.dataset.checking.conversation import Conversation
from runner.dataset.reading.batch import Batch
from runner.dataset.reading.columns import conversation, placed
from runner.dataset.reading.rows import Problem, Row
from runner.recipe import Columns


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be trained on, `line` as it was read or would be written."""

    problems: tuple[Problem, ...]
    line: bytes


def judged(batch: Batch, columns: Columns) -> Iterator[tuple[int, Conversation | Refused]]:
    """Give each row of a batch with its number."""
    certain = accepted(batch.column(columns.messages)) if columns.messages else None
    rows: list[Row] = []  # read one by one only once there is need
    for index, (number, found) in enumerate(zip(batch.numbers, certain or repeat(None), strict=False)):
        if found is None:
            rows = rows or list(batch.rows())
            yield number, _judged(rows[index], columns)
        else:
            yield number, found


def _judged(row: Row, columns: Columns) -> Conversation | Refused:
    if row.problem:
        return Refused((row.problem,), row.line)
    messages = conversation(row.value, columns)
    if isinstance(messages, Problem):
        return Refused((messages,), row.line)
    if problems := chat.problems({"messages": messages}):
        return Refused(tuple(placed(each, row.value, columns) for each in problems), row.line)
    sound: list[dict[str, str]] = messages  # type: ignore[assignment]  # the arbiter found nothing
    return Conversation(tuple(each["role"] for each in sound), [each["content"] for each in sound])
