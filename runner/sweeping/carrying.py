"""Carry the points out, a thread each and only so many at once; a Ctrl-C ends the waiting of all of them."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event as StopEvent
from typing import TYPE_CHECKING

from runner.errors import ExitCode, RunnerError, Terminated
from runner.execute import Observer, our_mistake
from runner.execute.waiting import Interrupted
from runner.lifecycle.carry_out import Outcome
from runner.steps.step import Action, Change, Observation
from runner.sweeping.shared import Shared

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

# So often it is looked whether what the others wait for has been made.
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Hands:
    """What the point's run is given: who is told, and what ends its waiting."""

    observer: Observer
    stop: StopEvent


Carry = Callable[[Hands], Outcome]


@dataclass(kw_only=True)
class Carried:
    """What has become of the points: outcomes, or the errors that kept some from being carried out."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    errors: dict[int, RunnerError] = field(default_factory=dict)
    interrupt: KeyboardInterrupt | None = None


@dataclass(frozen=True, kw_only=True)
class Crew:
    """The points to carry out, in their order, by index; `observer` tells people of one of them.

    With `cancel`, an interruption cancels what they run instead of leaving it to go on in the cloud.
    """

    tasks: Mapping[int, Carry]
    shared: Shared
    at_once: int
    observer: Callable[[int], Observer]
    cloud: "Cloud"
    cancel: bool = False


def carry_points(crew: Crew) -> Carried:
    """Carry every point to an end of its own; one that fails does not stop the others."""
    work = _Work(crew=crew, waiting=list(crew.tasks))
    with ThreadPoolExecutor(max_workers=crew.at_once, thread_name_prefix="point") as pool:
        while True:
            try:
                work.begin(pool)
                if not work.under_way:
                    return work.carried
                work.gather()
            except KeyboardInterrupt as interrupt:
                work.stop(interrupt)


@dataclass(kw_only=True)
class _Work:
    """The points that wait, those under way, and what ends the waiting of each."""

    crew: Crew
    waiting: list[int]
    under_way: dict[Future[Outcome], int] = field(default_factory=dict)
    stops: dict[int, StopEvent] = field(default_factory=dict)
    carried: Carried = field(default_factory=Carried)

    def begin(self, pool: ThreadPoolExecutor) -> None:
        """Begin as many points as may be, unless all are to stop."""
        while len(self.under_way) < self.crew.at_once and not self.carried.interrupt:
            index = self.crew.shared.next(self.waiting)
            if index is None:
                return
            self.waiting.remove(index)
            # Each has its own: a run that is cancelled clears it, to clean up.
            self.stops[index] = StopEvent()
            self.under_way[pool.submit(self._carry, index)] = index

    def _carry(self, index: int) -> Outcome:
        observer = _Telling(self.crew.observer(index), self.crew.shared, index)
        return self.crew.tasks[index](Hands(observer=observer, stop=self.stops[index]))

    def gather(self) -> None:
        """Take up what has ended, or return after a moment: what others wait for may be there by then."""
        for future in wait(self.under_way, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED).done:
            index, error = self.under_way[future], future.exception()
            if error is None:
                self._ended(index, future.result())
            elif not isinstance(error, Exception):
                raise error
            elif not isinstance(error, Interrupted):  # such a point has not begun
                mistake = error if isinstance(error, RunnerError) else our_mistake(error)
                self.carried.errors[index] = mistake
            self.crew.shared.ended(index)
            del self.under_way[future]

    def _ended(self, index: int, outcome: Outcome) -> None:
        self.carried.outcomes[index] = outcome
        if isinstance(outcome.error, KeyboardInterrupt) and not self.carried.interrupt:
            self.stop(outcome.error)  # nobody listens any more

    def stop(self, interrupt: KeyboardInterrupt) -> None:
        """Have all points stop waiting; the second time the process ends, and nothing is lost by it."""
        if self.carried.interrupt:
            os._exit(ExitCode.TERMINATED if isinstance(interrupt, Terminated) else ExitCode.INTERRUPTED)
        self.carried.interrupt = interrupt
        for stop in tuple(self.stops.values()):
            stop.set()
        hurry = getattr(self.crew.cloud, "hurry", None)
        if hurry and not self.crew.cancel:  # who cancels still needs the cloud's patience
            hurry()


class _Telling:
    """An observer that also notes what of the shared things is made."""

    def __init__(self, observer: Observer, shared: Shared, index: int) -> None:
        self._observer = observer
        self._shared = shared
        self._index = index

    def started(self, change: Change) -> None:
        self._observer.started(change)

    def acting(self, change: Change, action: Action) -> None:
        self._observer.acting(change, action)

    def preparing(self, change: Change, detail: str, fraction: float | None) -> None:
        self._observer.preparing(change, detail, fraction)

    def waiting(self, change: Change, seen: Observation, seconds: float) -> None:
        self._observer.waiting(change, seen, seconds)

    def succeeded(self, change: Change, action: Action, seen: Observation) -> None:
        self._shared.succeeded(self._index, change.step)
        self._observer.succeeded(change, action, seen)

    def failed(self, change: Change, error: RunnerError) -> None:
        self._observer.failed(change, error)

    def deleting(self, kind: str, name: str) -> None:
        self._observer.deleting(kind, name)

    def deleted(self, kind: str, name: str) -> None:
        self._observer.deleted(kind, name)

    def not_deleted(self, kind: str, name: str, reason: str) -> None:
        self._observer.not_deleted(kind, name, reason)
