"""Progress as a table that moves, for a person at a terminal."""

import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console as RichConsole
from rich.console import RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from runner.clock import Clock
from runner.console.durations import seconds
from runner.console.lines import safe
from runner.console.plain import ENDED, ENDED_BY, progress
from runner.errors import RunnerError
from runner.steps.step import Action, Change, Observation

_BAR_WIDTH = 24


@dataclass(slots=True)
class _Row:
    """One step's line; `mark` is "" while it waits for others and `spin` while it runs."""

    name: str
    subject: str
    mark: str = ""
    text: str = ""
    began: float = 0.0
    ended: float = 0.0
    fraction: float | None = None


class LiveProgress:
    """An Observer that redraws one table. May be called from several threads."""

    def __init__(self, stdout: TextIO, clock: Clock, changes: tuple[Change, ...], *, links: bool) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._links = links
        self._rows = {change.step: _Row(change.step, change.name) for change in changes}
        self._spinner = Spinner("dots")
        self._live = Live(
            get_renderable=self._table,
            console=RichConsole(file=stdout),
            refresh_per_second=8,
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def started(self, change: Change) -> None:
        """See `Observer`."""
        self._set(change.step, mark="spin", text=change.reason, began=self._clock.monotonic())

    def acting(self, change: Change, action: Action) -> None:
        """See `Observer`."""
        self._set(change.step, subject=change.name, text=f"{action.value} {change.kind}", fraction=None)

    def preparing(self, change: Change, detail: str, fraction: float | None) -> None:
        """See `Observer`."""
        self._set(change.step, text=detail, fraction=fraction)

    def waiting(self, change: Change, seen: Observation, seconds: float) -> None:
        """See `Observer`."""
        del seconds
        if self._links and seen.outputs.get("studio"):
            self._links = False
            self._live.console.print(Text(safe(f"in the studio: {seen.outputs['studio']}")))
        self._set(change.step, text=progress(seen), fraction=seen.fraction)

    def succeeded(self, change: Change, action: Action, seen: Observation) -> None:
        """See `Observer`."""
        text = f"{action.value}: {seen.detail}" if seen.detail else action.value
        self._set(change.step, mark="[green]✓[/]", text=text, ended=self._clock.monotonic(), fraction=None)
        for warning in seen.outputs.get("warnings") or ():
            self._live.console.print(Text(safe(f"warning: {warning}")))

    def failed(self, change: Change, error: RunnerError) -> None:
        """See `Observer`."""
        self._set(
            change.step, mark="[red]✗[/]", text=error.message, ended=self._clock.monotonic(), fraction=None
        )

    def deleting(self, kind: str, name: str) -> None:
        """See `Observer`."""
        self._set(
            f"- {name}",
            name="cleanup",
            subject=name,
            mark="spin",
            text=f"{ENDED_BY.get(kind, 'delete')} {kind}",
            began=self._clock.monotonic(),
        )

    def deleted(self, kind: str, name: str) -> None:
        """See `Observer`."""
        text = f"{kind} {ENDED.get(kind, 'is gone')}"
        self._set(f"- {name}", mark="[green]✓[/]", text=text, ended=self._clock.monotonic())

    def not_deleted(self, kind: str, name: str, reason: str) -> None:
        """See `Observer`."""
        text = f"{kind} may still be there: {reason}"
        self._set(
            f"- {name}",
            name="cleanup",
            subject=name,
            mark="[red]✗[/]",
            text=text,
            ended=self._clock.monotonic(),
        )

    def _set(self, key: str, **values: object) -> None:
        with self._lock:
            row = self._rows.setdefault(key, _Row(key, ""))
            for name, value in values.items():
                setattr(row, name, value)

    def _table(self) -> RenderableType:
        table = Table.grid(padding=(0, 2), expand=False)
        with self._lock:
            for row in self._rows.values():
                table.add_row(
                    self._mark(row),
                    Text(safe(row.name)),
                    Text(safe(row.subject), overflow="ellipsis", no_wrap=True),
                    self._said(row),
                    Text(self._time(row), style="dim", justify="right"),
                )
        return table

    def _mark(self, row: _Row) -> RenderableType:
        if row.mark == "spin":
            return self._spinner
        return Text.from_markup(row.mark or "[dim]·[/]")

    def _said(self, row: _Row) -> RenderableType:
        text = Text(safe(row.text), overflow="ellipsis", no_wrap=True)
        if row.fraction is None:
            return text
        together = Table.grid(padding=(0, 1))
        together.add_row(ProgressBar(total=1.0, completed=row.fraction, width=_BAR_WIDTH), text)
        return together

    def _time(self, row: _Row) -> str:
        if not row.began:
            return ""
        return seconds((row.ended or self._clock.monotonic()) - row.began)
