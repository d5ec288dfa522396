"""Waiting for what the cloud does: how often to look, how long to believe in it, when to give up."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from runner.errors import CloudUnavailable, SignInRefused, StepFailed
from runner.execute.run import Run
from runner.steps.step import Change, Observation, Status

Seen = TypeVar("Seen")

# A look after t seconds of waiting is followed by the next after t/50, but within these bounds: what is there
# is seen at most 2 % too late, and a job of hours is asked after every ten seconds.
SHORTEST_PAUSE = 0.05
LONGEST_PAUSE = 10.0
PAUSE_SHARE = 0.02

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


class Lost(StepFailed):
    """What was accepted has not come within the grace, or has gone since it was seen."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is waited for, and how: `look` is a fresh look.

    `judge` is shown each look with the seconds waited so far, and raises where it has taken too long.
    `insist` is called while a look shows nothing of what was asked for, and tells whether the request was
    answered: only then is what is not there counted as lost. `expected`: it has been seen before.
    """

    change: Change
    look: Callable[[], Observation]
    judge: Callable[[float, Observation], None] = lambda _waited, _seen: None
    insist: Callable[[Observation], bool] = lambda _seen: True
    expected: bool = False


def until_settled(run: Run, watch: Watch) -> Observation:
    """Look until the resource is not under way: then what has to be done to it can be decided."""
    for waited, seen in _looks(run, watch):
        if seen.status is not Status.IN_PROGRESS:
            return seen
        run.observer.waiting(watch.change, seen, waited)
    raise Interrupted


def until_succeeded(run: Run, watch: Watch) -> Observation:
    """Look until the resource has succeeded.

    Raises Decided when it has failed or is somebody else's, Lost when it was lost on its way, and
    CloudUnavailable when looks have gone unanswered for too long.
    """
    waiting_since, expected = 0.0, watch.expected
    for waited, seen in _looks(run, watch):
        if seen.status is Status.SUCCEEDED:
            return seen
        if seen.status in {Status.FAILED, Status.FOREIGN}:
            raise Decided(seen)
        if seen.status is Status.IN_PROGRESS:
            waiting_since, expected = waited, expected or seen.answered
        elif not watch.insist(seen):
            waiting_since = waited
        elif waited - waiting_since > GRACE_SECONDS:
            raise _lost(watch.change, seen, expected=expected)
        run.observer.waiting(watch.change, seen, waited)
    raise Interrupted


def _lost(change: Change, seen: Observation, *, expected: bool) -> Lost:
    subject = f"{change.kind} {change.name}"
    if expected and seen.status is Status.ABSENT:
        return Lost(f"{subject} has vanished", hint="was it deleted by somebody else?")
    return Lost(f"{subject} was accepted, but {seen.detail or _LOST[seen.status]}")


def first_answer(run: Run, look: Callable[[], Seen], change: Change | None = None) -> Seen:
    """Look until there is an answer; with the `change` it is for, people are told what is waited for."""

    def unanswered(error: CloudUnavailable) -> list[Seen]:
        if change:
            run.observer.waiting(change, _no_answer(error), 0.0)
        return []

    for _, found in answers(run, lambda: [look()], unanswered):
        if found:
            return found[0]
    raise Interrupted


def answers(
    run: Run, look: Callable[[], Seen], unanswered: Callable[[CloudUnavailable], Seen]
) -> Iterator[tuple[float, Seen]]:
    """Give the seconds waited and what was seen, at once and after each pause; end when the run is to stop.

    A look that is not answered is as `unanswered` has it; after too many in a row the error is raised, and at
    once where no waiting helps.
    """
    began = run.clock.monotonic()
    silent_since: float | None = None  # not since the last answer: one look may take longer than the patience
    while True:
        try:
            seen = look()
            silent_since = None
        except CloudUnavailable as error:
            now = run.clock.monotonic()
            silent_since = now if silent_since is None else silent_since
            if isinstance(error, SignInRefused) or now - silent_since > PATIENCE_SECONDS:
                raise
            seen = unanswered(error)
        waited = run.clock.monotonic() - began
        yield waited, seen
        if run.clock.wait(min(LONGEST_PAUSE, max(SHORTEST_PAUSE, waited * PAUSE_SHARE)), run.stop):
            return


def _looks(run: Run, watch: Watch) -> Iterator[tuple[float, Observation]]:
    for waited, seen in answers(run, watch.look, _no_answer):
        if seen.status is not Status.SUCCEEDED:  # what has come, however late, has come
            watch.judge(waited, seen)
        yield waited, seen


def _no_answer(error: CloudUnavailable) -> Observation:
    detail = f"no answer, trying on: {error.message}"
    return Observation(status=Status.IN_PROGRESS, detail=detail, answered=False)
