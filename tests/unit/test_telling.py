"""What people see of a step that fetches before it acts, and that an end of the run ends it."""

import io
from collections.abc import Mapping
from dataclasses import replace

import pytest

from runner.console.live import LiveProgress
from runner.console.plain import PlainProgress
from runner.console.silent import SilentProgress
from runner.execute.telling import Telling
from runner.execute.waiting import Interrupted
from runner.journal import Event, Json
from runner.steps import STEPS
from runner.steps.step import Action, Change, Context
from tests.unit.bench import ABSENT, SUCCEEDED, Bench, FakeStep, QuickClock

CHANGE = Change(
    step="dataset", action=Action.CREATE, kind="data asset", name="small-*", reason="it is wanted"
)
MIB = 1024 * 1024


class Told(SilentProgress):
    """Remembers how far a step was."""

    def __init__(self) -> None:
        self.said: list[tuple[str, float | None]] = []

    def preparing(self, change: Change, detail: str, fraction: float | None) -> None:
        assert change.step == "dataset"
        self.said.append((detail, fraction))


def test_it_is_told_about_once_a_second(bench: Bench) -> None:
    clock, told = QuickClock(), Told()
    telling = Telling(replace(bench.run, clock=clock, observer=told), CHANGE)
    for done in range(0, 41, 4):
        telling("fetching train", done * MIB, 120 * MIB - 5)
        clock.passed += 0.3
    telling("waiting for the Hub", 0, None)
    clock.passed += 1
    telling("fetching test", 3 * MIB, None)
    assert told.said == [
        ("fetching train 16 of 120 MiB", pytest.approx(16 / 120)),
        ("fetching train 32 of 120 MiB", pytest.approx(32 / 120)),
        ("fetching test 3 MiB", None),
    ]


class Fetching(FakeStep):
    """A step that says how far it is until it is ended."""

    def intend(self, context: Context) -> Mapping[str, Json]:
        for done in range(1000):
            if done == 10:
                context.stop.set()
            context.progress("fetching train", done, 1000)
            self.calls.append("fetched")
        return super().intend(context)


def test_a_run_that_is_to_stop_ends_what_is_fetched(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.step("dataset", ABSENT, SUCCEEDED)
    fetching = Fetching(name="dataset", looks=[ABSENT], calls=bench.calls)
    monkeypatch.setitem(STEPS, "dataset", fetching)
    with pytest.raises(KeyboardInterrupt):
        bench.forward()
    assert bench.calls == ["fetched"] * 10
    assert bench.events("dataset") == [Event.STEP_STARTED]


def test_plain_lines_come_now_and_then() -> None:
    clock, written = QuickClock(), list[str]()
    progress = PlainProgress(written.append, clock, links=False)
    for second in range(1, 26):
        clock.passed = second
        progress.preparing(CHANGE, f"fetching train {second} of 25 MiB", second / 25)
    assert [line.split(maxsplit=3)[3] for line in written] == [
        "fetching train 10 of 25 MiB",
        "fetching train 20 of 25 MiB",
    ]


def test_the_table_shows_it_with_a_bar() -> None:
    stdout = io.StringIO()
    with LiveProgress(stdout, QuickClock(), (CHANGE,), links=False) as live:
        live.started(CHANGE)
        live.preparing(CHANGE, "fetching train 34 of 120 MiB", 34 / 120)
    assert "━" in stdout.getvalue()
    assert "fetching train 34 of 120 MiB" in stdout.getvalue()
    stdout = io.StringIO()
    with LiveProgress(stdout, QuickClock(), (CHANGE,), links=False) as live:
        live.preparing(CHANGE, "fetching train 34 of 120 MiB", 34 / 120)
        live.acting(CHANGE, Action.CREATE)
        assert live._rows["dataset"].fraction is None  # noqa: SLF001 - a frame in between may show the bar
    assert stdout.getvalue().rstrip().endswith("create data asset")


def test_an_end_is_raised_at_once(bench: Bench) -> None:
    bench.run.stop.set()
    with pytest.raises(Interrupted):
        Telling(bench.run, CHANGE)("fetching train", 0, None)
