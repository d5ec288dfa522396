"""The lines that any verb may have to say: pure functions from values to text."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from runner.errors import Diagnostic, ExitCode, RunnerError, Severity, StepFailed
from runner.redact import printable, redact

if TYPE_CHECKING:
    from runner.journal import Json

# A column wider than this is not lined up: the rest of the row would move out of sight.
_WIDEST = 48
# A SHA-256, an MD5 as storage gives it, a commit.
_DIGEST = re.compile(r"[0-9a-f]{32,64}|[A-Za-z0-9+/]{22}==")
_DIGITS = 12


def safe(text: str) -> str:
    """Make any text from outside fit for a terminal."""
    return printable(redact(text))


def counted(count: int, what: str) -> str:
    """Write so many of something."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def diagnostics(found: Sequence[Diagnostic], *, most: int | None = None) -> Iterator[str]:
    """Give one line each, warnings and notices marked as such; after `most` of them only their number."""
    for each in found[:most]:
        mark = "" if each.severity is Severity.ERROR else f"{each.severity.value}: "
        yield safe(f"{mark}{each}")
    if most is not None and len(found) > most:
        yield f"… and {len(found) - most} more (--output json gives all)"


def error(raised: RunnerError) -> Iterator[str]:
    """Give an error, the end of its log, and what to do next."""
    yield safe(f"error: {raised.message}")
    if isinstance(raised, StepFailed) and raised.log_tail:
        yield "  the end of its log:"
        yield from (safe(f"  | {line}") for line in raised.log_tail)
    if raised.hint:
        yield safe(f"  hint: {raised.hint}")


def exit_name(code: ExitCode) -> str:
    """Give an exit code's name for people."""
    return code.name.lower().replace("_", " ")


def brief(values: "Sequence[Json]", whole: "Callable[[Json], str]") -> tuple[str, ...]:
    """Write figures with six digits that count and digests with twelve, all else as `whole` does.

    Values that only differ beyond that are written whole.
    """
    short = tuple(_brief(each, whole) for each in values)
    told = tuple(map(whole, values))
    return short if len(set(short)) == len(set(told)) else told


def _brief(value: "Json", whole: "Callable[[Json], str]") -> str:
    if isinstance(value, float):
        figure = f"{value:.6g}"
        return whole(value) if float(figure) == value else figure
    is_digest = isinstance(value, str) and _DIGEST.fullmatch(value)
    return f"{value[:_DIGITS]}…" if is_digest else whole(value)


def table(rows: Sequence[tuple[str, ...]], *, aligned: int = 0) -> Iterator[str]:
    """Line up columns, two blanks apart; the last one may be as long as it likes.

    The first `aligned` columns are lined up however wide they are.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = [
            cell.ljust(width) if width <= _WIDEST or column < aligned else cell
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield safe("  " + "  ".join(cells)).rstrip()
