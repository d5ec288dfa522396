"""Waiting for what the cloud does: how often to look, how long to believe in it, when to give up."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from runner.errors import CloudUnavailable, StepFailed
from runner.execute.run import Run
from runner.steps.step import Change, Observation, Status

Seen = TypeVar("Seen")

# A look after t seconds of waiting is followed by the next after t/20, but within these bounds: short waits
# are followed closely, a job of hours is asked after every ten seconds.
SHORTEST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
PAUSE_SHARE = 0.05

# How long a resource that was asked for may stay invisible, or keep its old shape, before it counts as lost.
GRACE_SECONDS = 60.0
# How long looks may go unanswered before the run gives up: what it waits for goes on in the cloud meanwhile.
PATIENCE_SECONDS = 900.0
# How long a deletion may take before the run says that something may still bill.
DELETE_SECONDS = 1800.0

_LOST = {Status.ABSENT: "it is not there", Status.DIFFERS: "it is not as it was asked for"}


class Interrupted(Exception):
    """A step has stopped waiting because the run is to stop; the KeyboardInterrupt is the news, not this."""


class Decided(StepFailed):
    """A look that decided against the step; remembers what it showed."""

    def __init__(self, seen: Observation) -> None:
        super().__init__(seen.detail, hint=seen.hint, log_tail=seen.log_tail)
        self.seen = seen


def until_settled(run: Run, change: Change, look: Callable[[], Observation]) -> Observation:
    """Look until the resource is not under way: then what has to be done to it can be decided."""
    for waited, seen in _looks(run, look):
        if seen.status is not Status.IN_PROGRESS:
            return seen
        run.observer.waiting(change, seen, waited)
    raise Interrupted


def until_succeeded(run: Run, change: Change, look: Callable[[], Observation]) -> Observation:
    """Look until the resource has succeeded.

    Raises Decided when it has failed or is somebody else's, StepFailed when it was lost on its way, and
    CloudUnavailable when looks have gone unanswered for too long.
    """
    last_under_way = 0.0
    for waited, seen in _looks(run, look):
        if seen.status is Status.SUCCEEDED:
            return seen
        if seen.status in {Status.FAILED, Status.FOREIGN}:
            raise Decided(seen)
        if seen.status is Status.IN_PROGRESS:
            last_under_way = waited
        elif waited - last_under_way > GRACE_SECONDS:
            reason = seen.detail or _LOST[seen.status]
            raise StepFailed(f"{change.kind} {change.name} was accepted, but {reason}")
        run.observer.waiting(change, seen, waited)
    raise Interrupted


def until_gone(run: Run, is_gone: Callable[[], bool]) -> bool:
    """Look until a resource is gone; False if it is still there after a long wait, or the run is to stop."""
    for waited, gone in _looks_at(run, is_gone, unanswered=lambda _error: False):
        if gone or waited > DELETE_SECONDS:
            return gone
    return False


def _looks(run: Run, look: Callable[[], Observation]) -> Iterator[tuple[float, Observation]]:
    def unanswered(error: CloudUnavailable) -> Observation:
        return Observation(status=Status.IN_PROGRESS, detail=f"no answer, trying on: {error.message}")

    return _looks_at(run, look, unanswered)


def _looks_at(
    run: Run, look: Callable[[], Seen], unanswered: Callable[[CloudUnavailable], Seen]
) -> Iterator[tuple[float, Seen]]:
    """Give the seconds waited and what was seen, at once and after each pause; end when the run is to stop.

    A look that is not answered is as `unanswered` has it; after too many in a row the error is raised.
    """
    began = answered = run.clock.monotonic()
    while True:
        try:
            seen = look()
            answered = run.clock.monotonic()
        except CloudUnavailable as error:
            if run.clock.monotonic() - answered > PATIENCE_SECONDS:
                raise
            seen = unanswered(error)
        waited = run.clock.monotonic() - began
        yield waited, seen
        if run.clock.wait(min(LONGEST_PAUSE, max(SHORTEST_PAUSE, waited * PAUSE_SHARE)), run.stop):
            return
