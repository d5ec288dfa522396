"""A run on an emulator in test mode goes by the emulator's clock; any other by the machine's."""

import io
import threading
import time
from pathlib import Path

import pytest

from runner.clock import FollowingClock, SystemClock
from runner.console import Output, Voice
from runner.emulator.clock import VirtualClock
from runner.facts import TargetKind
from runner.opening import reached
from runner.session import Session
from tests.emulator.bench import TEST_MODE, set_clock
from tests.emulator.emulated import running


@pytest.fixture
def leading(tmp_path: Path) -> VirtualClock:
    return VirtualClock(tmp_path / "clock.json")


@pytest.fixture
def following(tmp_path: Path) -> FollowingClock:
    return FollowingClock(tmp_path / "clock.json")


def test_both_clocks_show_the_same_time(leading: VirtualClock, following: FollowingClock) -> None:
    leading.set_rate(0)
    leading.advance(1e6)
    assert following.monotonic() == leading.time()
    assert following.now() == leading.moment()
    leading.set_rate(1000)
    before, seen, after = leading.time(), following.monotonic(), leading.time()
    assert before <= seen <= after


def test_a_long_wait_ends_when_the_clock_is_put_forward(
    leading: VirtualClock, following: FollowingClock
) -> None:
    leading.set_rate(0)
    threading.Timer(0.2, leading.advance, [3600]).start()
    began = time.monotonic()
    assert following.wait(3600, threading.Event()) is False
    assert 0.2 <= time.monotonic() - began < 20


def test_a_wait_takes_its_time_at_the_clocks_rate(leading: VirtualClock, following: FollowingClock) -> None:
    leading.set_rate(100)
    began = time.monotonic()
    assert following.wait(30, threading.Event()) is False
    assert 0.3 <= time.monotonic() - began < 20


def test_a_wait_on_a_clock_that_stands_still_can_be_stopped(
    leading: VirtualClock, following: FollowingClock
) -> None:
    leading.set_rate(0)
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    assert following.wait(1, stop) is True


def test_the_time_goes_on_without_its_file(
    tmp_path: Path, leading: VirtualClock, following: FollowingClock
) -> None:
    leading.advance(1e6)
    before = following.monotonic()
    for file in tmp_path.iterdir():
        file.unlink()
    assert before <= following.monotonic() < before + 5


def test_what_says_only_a_half_says_nothing(
    tmp_path: Path, leading: VirtualClock, following: FollowingClock
) -> None:
    leading.set_rate(0)
    before = following.monotonic()
    (tmp_path / "clock.json").write_text('{"virtual": 9e9, "monotonic": 0.0}', encoding="utf-8")
    assert following.monotonic() == before


def session() -> Session:
    clock = SystemClock()
    return Session(voice=Voice(io.StringIO(), io.StringIO(), Output.TEXT, clock), clock=clock, environment={})


def test_a_run_goes_by_the_clock_of_an_emulator_in_test_mode(tmp_path: Path) -> None:
    mine = session()
    with running(tmp_path, *TEST_MODE) as emulated, reached(mine, TargetKind.EMULATOR, tmp_path):
        set_clock(emulated, advance=1e6)
        assert mine.clock.now().timestamp() - time.time() > 9e5
        assert mine.console.clock is mine.clock


def test_a_run_goes_by_the_machines_clock_otherwise(tmp_path: Path) -> None:
    mine = session()
    with running(tmp_path), reached(mine, TargetKind.EMULATOR, tmp_path):
        assert isinstance(mine.clock, SystemClock)
        assert isinstance(mine.voice.clock, SystemClock)
