"""Two threads beside the caller's: one that draws ahead of it, one that puts away behind it.

Both hold a few items at a time. What goes wrong in either is raised in the caller, and neither outlives the
`with` in which it works.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, Queue
from threading import Event, Thread, local
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_AHEAD = 2
_BEHIND = 4
# How long a thread that is to end may wait for room before it is given some.
_SECONDS = 0.02
_drawing = local()


class _Unwanted(Exception):
    """Ends what a thread draws for a caller that has left; no one outside meets it."""


@dataclass(frozen=True, slots=True)
class _End:
    """The last thing in a queue; `error` is what ended it, if it was not the end of the items."""

    error: BaseException | None = None


@contextmanager
def ahead(items: Iterable[_Item]) -> Iterator[Iterator[_Item]]:
    """Draw items in a thread before they are asked for."""
    queue: Queue[_Item | _End] = Queue(_AHEAD)
    stopped = Event()
    thread = Thread(target=_draw, args=(items, queue, stopped), name="ahead", daemon=True)
    thread.start()
    try:
        yield _until_end(queue)
    finally:
        stopped.set()
        _emptied(queue, thread)


def go_on() -> None:
    """End a thread that draws ahead for nobody any more; whoever may take long there calls this meanwhile."""
    stopped: Event | None = getattr(_drawing, "stopped", None)
    if stopped is not None and stopped.is_set():
        raise _Unwanted


@contextmanager
def behind(work: Callable[[_Item], object]) -> Iterator[Callable[[_Item], None]]:
    """Do some work on items in a thread, in their order, all of it before the `with` ends.

    Once the caller or the work fails, the items that are left are let go.
    """
    worker = _Worker(work)
    worker.thread.start()
    try:
        yield worker.put
    except BaseException:
        worker.stopped.set()
        raise
    finally:
        worker.queue.put(_End())
        worker.thread.join()
    worker.raise_failure()


@dataclass
class _Worker(Generic[_Item]):
    work: Callable[[_Item], object]
    queue: "Queue[_Item | _End]" = field(default_factory=lambda: Queue(_BEHIND))
    stopped: Event = field(default_factory=Event)
    failure: BaseException | None = None

    def __post_init__(self) -> None:
        self.thread = Thread(target=self._run, name="behind", daemon=True)

    def put(self, item: _Item) -> None:
        self.raise_failure()
        self.queue.put(item)

    def raise_failure(self) -> None:
        if self.failure:
            raise self.failure

    def _run(self) -> None:
        """Take items until the end; after a failure too, so that nobody waits for room."""
        while not isinstance(item := self.queue.get(), _End):
            if self.stopped.is_set() or self.failure:
                continue
            try:
                self.work(item)
            except BaseException as error:  # noqa: BLE001 - raised again in the caller
                self.failure = error


def _draw(items: Iterable[_Item], queue: "Queue[_Item | _End]", stopped: Event) -> None:
    _drawing.stopped = stopped
    end = _End()
    iterator = iter(items)
    try:
        for item in iterator:
            queue.put(item)
            if stopped.is_set():
                break
    except BaseException as error:  # noqa: BLE001 - raised again in the caller
        end = _End(error)
    finally:
        _close(iterator)
        queue.put(end)


def _close(iterator: Iterator[object]) -> None:
    """Let a generator end what it holds open, in the thread that it ran in."""
    if close := getattr(iterator, "close", None):
        close()


def _until_end(queue: "Queue[_Item | _End]") -> Iterator[_Item]:
    while not isinstance(item := queue.get(), _End):
        yield item
    if item.error:
        raise item.error


def _emptied(queue: "Queue[_Item | _End]", thread: Thread) -> None:
    """Make room until the thread has ended."""
    while thread.is_alive():
        with suppress(Empty):
            queue.get(timeout=_SECONDS)
    thread.join()
