"""When each step of a run began and ended, and which of them the run had to wait for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from runner.console.durations import seconds as in_words
from runner.manifest import Manifest, StepRecord, StepStatus
from runner.report.critical_path import critical_path
from runner.report.wording import moment
from runner.steps import STEPS

_ENDINGS = {
    StepStatus.SUCCEEDED: "",
    StepStatus.FAILED: "failed",
    StepStatus.RUNNING: "not ended",
    StepStatus.DELETED: "deleted since",
}
# A job is not deleted: it is asked to end.
_CANCELED = "canceled"
_BRIEF = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One step: its seconds since the run began, and what became of it; no `note` where all went well."""

    step: str
    action: str
    status: StepStatus
    begin: float
    end: float
    note: str
    critical: bool

    @property
    def took(self) -> str:
        """Say how long it took."""
        return duration(self.end - self.begin)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """All steps that have a time, in the order of the steps; `path` is the critical one."""

    bars: tuple[Bar, ...]
    path: tuple[str, ...]
    path_seconds: float
    all_seconds: float


def duration(amount: float) -> str:
    """Write a duration; a short one with its tenths."""
    return f"{amount:.1f} s" if amount < _BRIEF else in_words(amount)


def timeline(said: Manifest) -> Timeline:
    """Lay the steps out; one that has not ended is drawn to the latest time that is known of the run."""
    begun = moment(said.started)
    times = {name: span for name, step in said.steps.items() if (span := _span(step, _latest(said)))}
    if begun is None:
        begun = min((span[0] for span in times.values()), default=None)
    lengths = {name: (end - begin).total_seconds() for name, (begin, end) in times.items()}
    path = critical_path(lengths, {name: step.traits.needs for name, step in STEPS.items()})
    bars = tuple(
        Bar(
            step=name,
            action=said.steps[name].action,
            status=said.steps[name].status,
            begin=(times[name][0] - begun).total_seconds(),
            end=(times[name][1] - begun).total_seconds(),
            note=_note(name, said.steps[name]),
            critical=name in path,
        )
        for name in STEPS
        if name in times and begun
    )
    whole = max((bar.end for bar in bars), default=0.0)
    return Timeline(bars=bars, path=path, path_seconds=sum(lengths[step] for step in path), all_seconds=whole)


def _span(step: StepRecord, latest: datetime | None) -> tuple[datetime, datetime] | None:
    begin = moment(step.started)
    end = moment(step.ended) or latest
    return (begin, max(begin, end)) if begin and end else None


def _latest(said: Manifest) -> datetime | None:
    """Give the latest time that the manifest tells; the page must not depend on when it is made."""
    return max(_times(said), default=None)


def _times(said: Manifest) -> Iterator[datetime]:
    written = [said.started, said.ended]
    written += [time for step in said.steps.values() for time in (step.started, step.ended)]
    yield from (time for text in written if (time := moment(text)))


def _note(name: str, step: StepRecord) -> str:
    if name == "finetune" and step.status is StepStatus.DELETED:
        return _CANCELED
    ending = _ENDINGS[step.status]
    attempt = f"attempt {step.attempt}" if step.attempt > 1 else ""
    return ", ".join(
        each for each in (step.action if step.action == "reuse" else "", ending, attempt) if each
    )
