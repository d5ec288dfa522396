"""Real processes, killed and troubled: at some of all points here, at all of them by `make test-full`."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import Counted
from tests.faults.kill_sweep import Verdict, verdicts
from tests.faults.points import Point, spread

ROOT = Path(__file__).resolve().parents[2]
SHARDS = 2  # the cores of the machine that this has to be quick on


def swept(work: Path, kind: str, *words: str, shards: int = SHARDS, limit: float = 900) -> list[Verdict]:
    """Sweep in several processes at once; give what each point came to."""
    command = [sys.executable, "-m", "tests.faults.kill_sweep", "--work", str(work), "--kind", kind, *words]
    processes = []
    for share in range(shards):
        with (work / f"{kind}-{share}.log").open("w", encoding="utf-8") as log:
            processes.append(
                subprocess.Popen(
                    [*command, "--shard", f"{share}/{shards}"], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
                )
            )
    deadline = time.monotonic() + limit
    for process in processes:
        process.wait(max(1, deadline - time.monotonic()))
    logs = "".join(path.read_text(encoding="utf-8")[-3000:] for path in work.glob(f"{kind}-*.log"))
    assert not logs, logs
    return [each for share in range(shards) for each in verdicts(work / f"{kind}-{share}.jsonl")]


def shown(kind: str, found: Sequence[Verdict], seconds: float) -> str:
    met, wrong = sum(each.met for each in found), sum(bool(each.wrong) for each in found)
    return f"{kind}: {len(found)} points, {met} met, {wrong} wrong, {seconds / 60:.1f} minutes"


@pytest.mark.parametrize(
    ("kind", "some"),
    [
        ("kills", 25),
        ("troubles", 12),
        pytest.param("kills", 0, marks=pytest.mark.full),
        pytest.param("troubles", 0, marks=pytest.mark.full),
    ],
)
def test_a_run_survives_and_one_resume_finishes_it(
    kind: str, some: int, tmp_path: Path, counted: Counted
) -> None:
    began = time.monotonic()
    words = ["--some", str(some)] if some else []
    found = swept(tmp_path, kind, *words, limit=900 if some else 7200)
    counted(shown(kind, found, time.monotonic() - began))
    assert [f"{each.point}: {each.wrong}" for each in found if each.wrong] == []
    assert len(found) == some if some else len(found) > 300
    assert sum(each.met for each in found) > 0.9 * len(found)


@pytest.mark.full
def test_true_trainings_survive_too(tmp_path: Path, counted: Counted) -> None:
    began = time.monotonic()
    found = swept(tmp_path, "kills", "--trains", "--some", "20", shards=1, limit=1800)
    counted(shown("kills with true trainings", found, time.monotonic() - began))
    assert [f"{each.point}: {each.wrong}" for each in found if each.wrong] == []
    assert len(found) == 20


def test_some_points_are_of_every_kind() -> None:
    points = [Point(name=f"{number}") for number in range(450)]
    chosen = [int(point.name) for point in spread(points, 25)]
    assert len(set(chosen)) == 25
    assert {number % 3 for number in chosen} == {0, 1, 2}
    assert max(chosen) - min(chosen) > 350
