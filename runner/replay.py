"""Show a run from its journal: the calls to an Observer that the run itself makes, in the run's own time."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from threading import Event as StopEvent

from runner.clock import Clock
from runner.errors import RunLeft, StepFailed
from runner.execute import Observer
from runner.holder import is_held
from runner.journal import FILE_NAME, Event, Record, read
from runner.manifest import Manifest
from runner.steps import STEPS
from runner.steps.step import Action, Change, Observation, Status

PAUSE_SECONDS = 0.25


def grown(journal: Path, clock: Clock) -> Iterator[Record]:
    """Give a journal's records, and each new one, until no process holds it any more."""
    told, size = 0, -1
    while True:
        # Asked before reading: what a process wrote before it let go is then read.
        held = is_held(journal)
        if journal.stat().st_size != size:
            size = journal.stat().st_size
            records = read(journal)
            yield from records[told:]
            told = len(records)
        if not held:
            return
        clock.wait(PAUSE_SECONDS, StopEvent())


def left_by_its_process(said: Manifest, folder: Path) -> RunLeft:
    """Give the error that says that nobody carries a run on."""
    last = read(folder / FILE_NAME)[-1].time
    return RunLeft(
        f"no process carries run {said.run_id} on; its last record is of {last}",
        hint=f"runner resume {said.run_id}, or runner cancel {said.run_id}",
    )


class RecordedClock:
    """Counts a run's time from its opening: to the record that is told, and then on to the present."""

    def __init__(self, clock: Clock, opened: str) -> None:
        self._clock = clock
        self._opened = datetime.fromisoformat(opened)
        self._shown: datetime | None = self._opened

    def show(self, moment: str | None) -> None:
        """Stand still at the time of a record, or go on with None."""
        self._shown = datetime.fromisoformat(moment) if moment else None

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self._shown or self._clock.now()

    def monotonic(self) -> float:
        """See `Clock.monotonic`; here by the wall, which is all that a journal knows."""
        return max(0.0, (self.now() - self._opened).total_seconds())  # a wall clock may be set back

    def wait(self, seconds: float, stop: StopEvent) -> bool:
        """See `Clock.wait`, in the present."""
        self.show(None)
        return self._clock.wait(seconds, stop)


class Replay:
    """Tells an Observer what records tell. A record that a person was not told of is passed over."""

    def __init__(self, observer: Observer, clock: RecordedClock) -> None:
        self._observer = observer
        self._clock = clock
        self._changes: dict[str, Change] = {}
        self._began: dict[str, float] = {}
        self._deleting: set[str] = set()

    def tell(self, record: Record) -> None:
        """Make the calls that a record stands for."""
        self._clock.show(record.time)
        match record.event:
            case Event.STEP_STARTED:
                self._started(record)
            case Event.INTENT:
                self._observer.acting(self._named(record), Action(record.data["action"]))
            case Event.OBSERVED:
                self._observed(record)
            case Event.DONE:
                self._done(record)
            case Event.FAILED:
                self._failed(record)
            case Event.DELETE_INTENT | Event.DELETE_DONE | Event.DELETE_FAILED:
                self._deleted(record)
            case _:
                pass

    def _started(self, record: Record) -> None:
        attempt = record.data.get("attempt", 1)
        traits = STEPS[record.step].traits
        doing = traits.doing or "begun"
        change = Change(
            step=record.step,
            action=Action(record.data["action"]),
            kind=traits.kind,
            name=traits.kind,
            reason=doing if attempt == 1 else f"{doing}, attempt {attempt}",
        )
        self._changes[record.step] = change
        self._began[record.step] = self._clock.monotonic()
        self._observer.started(change)

    def _observed(self, record: Record) -> None:
        if record.step not in self._changes:
            return
        seen = Observation(
            status=Status.IN_PROGRESS,
            detail=record.data.get("detail", ""),
            fraction=record.data.get("fraction"),
            outputs=record.data.get("outputs", {}),
        )
        waited = self._clock.monotonic() - self._began[record.step]
        self._observer.waiting(self._changes[record.step], seen, waited)

    def _done(self, record: Record) -> None:
        seen = Observation(status=Status.SUCCEEDED, detail=record.data.get("detail", ""))
        self._observer.succeeded(self._named(record), Action(record.data["action"]), seen)

    def _failed(self, record: Record) -> None:
        if record.step in self._changes:
            self._observer.failed(self._changes[record.step], StepFailed(record.data["error"]))

    def _deleted(self, record: Record) -> None:
        kind, change = STEPS[record.step].traits.kind, self._changes.get(record.step)
        name = change.name if change else record.step
        if record.event is Event.DELETE_FAILED:
            self._observer.not_deleted(kind, name, record.data["reason"])
        elif record.event is Event.DELETE_INTENT:
            self._deleting.add(record.step)
            self._observer.deleting(kind, name)
        elif record.step in self._deleting:  # what was gone already was not asked for: nobody was told
            self._observer.deleted(kind, name)

    def _named(self, record: Record) -> Change:
        """Give the step's change under the name that its intent has fixed."""
        kind = STEPS[record.step].traits.kind
        change = Change(
            step=record.step,
            action=Action(record.data["action"]),
            kind=kind,
            name=str(record.data["intent"]["name"]),
            reason="",
        )
        self._changes[record.step] = change
        return change
