"""What a run left alive is only called gone when two looks, some time apart, agree."""

import pytest

from runner.execute import note_what_is_gone
from runner.execute.looking import SECONDS_BETWEEN
from runner.journal import Event
from tests.unit.bench import ABSENT, SUCCEEDED, Bench


def test_what_stays_away_is_written_down_as_gone(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, SUCCEEDED)
    bench.forward()
    step.there = False
    before = bench.run.clock.monotonic()
    assert note_what_is_gone(bench.run) == ("compute",)
    assert bench.run.clock.monotonic() == pytest.approx(before + SECONDS_BETWEEN, abs=1)
    assert bench.events("compute")[-1] is Event.DELETE_DONE
    assert bench.run.manifest.alive == []


@pytest.mark.parametrize("where", ["there", "shown"])
def test_what_only_one_moment_does_not_show_stays_listed(bench: Bench, where: str) -> None:
    def is_back_later() -> None:
        setattr(step, where, bench.run.clock.monotonic() > before + SECONDS_BETWEEN / 2)

    step = bench.step("compute", ABSENT, SUCCEEDED)
    bench.forward()
    step.there, step.on_standing, before = False, is_back_later, bench.run.clock.monotonic()
    assert note_what_is_gone(bench.run) == ()
    assert [each.name for each in bench.run.manifest.alive] == ["my-compute"]


def test_who_leaves_in_between_has_seen_nothing(bench: Bench) -> None:
    step = bench.step("compute", ABSENT, SUCCEEDED)
    bench.forward()
    step.there = False
    bench.run.stop.set()
    assert note_what_is_gone(bench.run) == ()
    assert bench.run.manifest.alive


def test_nobody_waits_where_all_is_there(bench: Bench) -> None:
    bench.step("compute", ABSENT, SUCCEEDED)
    bench.forward()
    before = bench.run.clock.monotonic()
    assert note_what_is_gone(bench.run) == ()
    assert bench.run.clock.monotonic() - before < 1
