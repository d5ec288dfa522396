"""A sweep by real processes on an emulator: killed half-way and resumed, it is six runs, never a seventh."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.end_to_end.shell import RECIPE
from tests.faults.forked import Doomed, Life
from tests.faults.workplace import Place, Workplace, workplace

SIX = """\
sweep:
  grid:
    finetune.parameters.learning_rate: [1e-3, 2e-3]
    finetune.parameters.lora_r: [4, 8, 16]
  max_concurrent: 3
"""
_ON_THE_EMULATOR = ("--target", "emulator")


@pytest.fixture(scope="module")
def work() -> Iterator[Workplace]:
    with TemporaryDirectory() as folder, workplace(Path(folder)) as work:
        yield work


class Teller:
    """Runs commands and gives what each alone said: pytest has to leave the streams of a fork alone."""

    def __init__(self, work: Workplace, place: Place, streams: pytest.CaptureFixture[str]) -> None:
        self._work = work
        self._place = place
        self._streams = streams

    def told(self, *words: str, doomed: Doomed | None = None) -> Life:
        (self._place.folder / "said.txt").unlink(missing_ok=True)
        with self._streams.disabled():
            return self._work.command(words, self._place, doomed=doomed)


def ended(place: Place) -> list[str]:
    manifests = sorted(place.folder.glob("runs/*/manifest.json"))
    return [json.loads(path.read_text(encoding="utf-8"))["status"] for path in manifests]


def test_six_points_killed_half_way_and_resumed_are_six_runs_that_shared_what_is_equal(
    work: Workplace, capfd: pytest.CaptureFixture[str]
) -> None:
    place = work.place("six", RECIPE.replace("cleanup: never", "cleanup: always") + SIX)
    runner = Teller(work, place, capfd)
    refused = runner.told("run", "recipe.yaml", *_ON_THE_EMULATOR)
    assert refused.code == 2
    assert "--yes" in refused.said
    assert not (place.folder / "runs").exists()

    doomed = Doomed(nth=330, after=True)
    assert runner.told("run", "recipe.yaml", "--yes", *_ON_THE_EMULATOR, doomed=doomed).was_killed
    (listed,) = place.folder.glob("runs/*/sweep.json")
    meant = [each["run"] for each in json.loads(listed.read_text(encoding="utf-8"))["points"]]
    assert 0 < ended(place).count("succeeded") < 6

    resumed = runner.told("resume", "latest")
    assert resumed.code == 0, resumed.said
    assert ended(place) == ["succeeded"] * 6
    assert sorted(path.parent.name for path in place.folder.glob("runs/*/manifest.json")) == sorted(meant)
    made = Counter((entry["op"], entry["kind"]) for entry in work.ledger(place))
    assert made["create", "job"] == 6
    assert made["create", "compute"] == 1
    assert (made["upload", "blob"], made["create", "data"]) == (2, 2)
    assert made["create", "endpoint"] == 0
    assert work.costs(place) == []

    shown = runner.told("show", "latest", "--output", "json")
    value = json.loads(shown.said)
    assert [each["status"] for each in value["points"]] == ["succeeded"] * 6
    assert value["best"] in range(1, 7)
