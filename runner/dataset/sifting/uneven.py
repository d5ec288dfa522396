"""Shares of the training rows that came out far from what was asked, which small data brings with it."""

from collections.abc import Iterator
from decimal import Decimal

from runner.errors import Diagnostic, Severity

# Why a share is met about; said of one that got nothing too.
CAUSE = "rows that open alike stay together, and each prompt is drawn by itself"
HELP = "take a larger share or another seed, or name a split of its own"
_MOST_OFF = Decimal("0.25")
_MOST_ROWS_OFF = 2


def uneven(label: str, role: str, percent: Decimal | None, rows: int, total: int) -> Iterator[Diagnostic]:
    """Warn of a share whose rows are off by more than a quarter of what was asked, and by more than two."""
    asked = total * (percent or Decimal(0)) / 100
    off = abs(rows - asked)
    if percent is None or off <= _MOST_ROWS_OFF or off <= asked * _MOST_OFF:
        return
    yield Diagnostic(
        path=label,
        line=1,
        column=1,
        code="uneven-share",
        key=f"dataset.{role}",
        message=f"{rows} of {total} rows fell to it, and {percent}% are about {asked:.0f}: {CAUSE}",
        mend=HELP,
        severity=Severity.WARNING,
    )
