"""The lines that any verb may have to say: pure functions from values to text."""

from collections.abc import Iterator, Sequence

from runner.errors import Diagnostic, ExitCode, RunnerError, Severity, StepFailed
from runner.redact import printable, redact


def safe(text: str) -> str:
    """Make any text from outside fit for a terminal."""
    return printable(redact(text))


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
