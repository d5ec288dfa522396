"""The threads beside the caller's: in order, with what goes wrong in them, and gone when it is over."""

import threading
import time
from collections.abc import Iterator
from threading import Event

import pytest

from runner.dataset.pipeline import ahead, behind, go_on


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if thread.name in {"ahead", "behind"}]


def test_items_come_in_their_order_and_not_all_at_once() -> None:
    drawn: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(50):
            drawn.append(number)
            yield number

    with ahead(numbers()) as items:
        first = next(items)
        time.sleep(0.05)
        assert 1 < len(drawn) < 10
        assert [first, *items] == list(range(50))


def test_what_goes_wrong_while_drawing_is_raised_where_it_is_drawn() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError(5, "torn")

    taken: list[int] = []
    with pytest.raises(OSError, match="torn"), ahead(broken()) as items:
        taken.extend(iter(items))
    assert taken == [1]
    with ahead(broken()) as items:
        assert next(items) == 1


def test_a_caller_that_stops_early_lets_the_source_close() -> None:
    closed = []

    def numbers() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            closed.append(threading.current_thread().name)

    with ahead(numbers()) as items:
        next(items)
    assert closed == ["ahead"]


def test_a_caller_that_stops_early_need_not_wait_for_what_takes_long() -> None:
    started, steps = Event(), iter(range(3000))

    def slow() -> Iterator[int]:
        for _ in steps:
            started.set()
            time.sleep(0.001)
            go_on()
        yield 0

    def interrupted() -> None:
        with ahead(slow()):
            assert started.wait(10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert next(steps) < 1000


def test_whoever_draws_for_nobody_else_is_not_ended() -> None:
    with ahead(range(3)) as items:
        go_on()
        assert list(items) == [0, 1, 2]


def test_all_work_is_done_in_its_order_before_the_end() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        time.sleep(0.001)
        done.append(number)

    with behind(work) as put:
        for number in range(40):
            put(number)
    assert done == list(range(40))


def test_what_goes_wrong_behind_is_raised_in_the_caller_and_ends_the_work() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 3:
            raise OSError(28, "No space left on device")
        done.append(number)

    def hand_on() -> None:
        with behind(work) as put:
            for number in range(1000):
                put(number)
                time.sleep(0.0001)

    with pytest.raises(OSError, match="No space"):
        hand_on()
    assert done == [0, 1, 2]


def test_what_goes_wrong_after_the_last_item_is_raised_too() -> None:
    done: list[int] = []
    begin = threading.Event()

    def work(number: int) -> None:
        begin.wait()
        if number == 1:
            raise OSError(28, "No space left on device")
        done.append(number)

    def hand_on() -> None:
        with behind(work) as put:
            for number in range(4):
                put(number)
            begin.set()

    with pytest.raises(OSError, match="No space"):
        hand_on()
    assert done == [0]


def test_an_interrupted_caller_leaves_the_rest_undone() -> None:
    done: list[int] = []
    begun = threading.Event()

    def work(number: int) -> None:
        begun.set()
        time.sleep(0.05)
        done.append(number)

    def hand_on() -> None:
        with behind(work) as put:
            for number in range(4):
                put(number)
            begun.wait()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hand_on()
    assert done == [0]
