"""Rows of docs/faults.md that the sweeps do not go through, each on the cloud in memory."""

import errno
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from runner.manifest import RunStatus
from runner.recipe import Cleanup
from tests.faults.boundaries import Gate
from tests.faults.exploring import Explorer, Instant
from tests.faults.lives import RECIPE, Case, ready
from tests.faults.model_cloud import Manners

ROOT = Path(__file__).resolve().parents[2]
ROWS = ROOT / "docs" / "faults.md"


@pytest.fixture
def work() -> Iterator[Path]:
    """Give a folder in memory where there is one."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:  # noqa: S108
        yield Path(folder)


def explorer(work: Path, manners: Manners, cleanup: Cleanup = Cleanup.ALWAYS) -> Explorer:
    recipes = work / "recipes"
    recipes.mkdir()
    ready(RECIPE, recipes)
    return Explorer(Case(name="row", cleanup=cleanup, manners=manners), recipes, work)


def lived(work: Path, manners: Manners, cleanup: Cleanup = Cleanup.ALWAYS) -> Instant:
    """Carry the recipe out, and hold its end against the invariants."""
    explored = explorer(work, manners, cleanup)
    explored.ended(explored.beginning())
    return explored.lived(explored.beginning(), {})


def made(instant: Instant) -> Counter[str]:
    return Counter(entry.kind for entry in instant.world.ledger if entry.op == "create")


def test_b1_a_disk_that_is_full_at_any_write_stops_a_run_that_one_resume_finishes(work: Path) -> None:
    explored = explorer(work, Manners())
    labels: list[str] = []
    explored.lived(explored.beginning(), {}, Gate(watch=labels.append))
    writes = [number for number, label in enumerate(labels) if label.startswith("before writing")]
    for at in writes[1::4]:
        instant = explored.lived(explored.beginning(), {}, Gate(watch=Full(at)))
        if instant.status is not RunStatus.SUCCEEDED:
            explored.ended(instant)
    assert len(writes) > 40


class Full:
    """Lets a disk be full at one boundary."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, _label: str) -> None:
        self.left -= 1
        if self.left == -1:
            raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("jump", [8 * 3600.0, -400 * 86_400.0])
def test_c1_a_wall_clock_that_jumps_to_and_fro_is_nothing_to_wait_by(work: Path, jump: float) -> None:
    instant = lived(work, Manners(wall_jumps=jump))
    assert instant.status is RunStatus.SUCCEEDED
    assert instant.world.now < 60
    lines = instant.files["journal.jsonl"].splitlines()
    assert [json.loads(line[9:])["seq"] for line in lines] == list(range(1, len(lines) + 1))


def test_e10_a_cloud_that_is_out_for_ten_minutes_is_outlived(work: Path) -> None:
    instant = lived(work, Manners(job_seconds=1200, down=(100, 700)))
    assert instant.status is RunStatus.SUCCEEDED
    assert instant.world.now > 1200
    assert made(instant)["job"] == 1


def test_f7_traffic_that_was_accepted_and_lost_is_a_failure_and_is_cleaned_up(work: Path) -> None:
    instant = lived(work, Manners(loses_traffic=True), Cleanup.ON_FAILURE)
    assert instant.status is RunStatus.FAILED
    assert [entry.op for entry in instant.world.ledger].count("invoke") == 0


def test_f10_a_completed_job_without_its_output_is_not_registered(work: Path) -> None:
    instant = lived(work, Manners(has_output=False), Cleanup.ON_FAILURE)
    assert instant.status is RunStatus.FAILED
    assert made(instant)["model"] == 0


def test_f11_logs_and_metrics_that_cannot_be_had_decide_nothing(work: Path) -> None:
    assert lived(work, Manners(tells_history=False)).status is RunStatus.SUCCEEDED


def test_each_test_that_the_table_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", ROWS.read_text(encoding="utf-8"))
    missing = [
        f"{path}::{test}"
        for path, test in named
        if not re.search(rf"^def {test}\(", _text(path), re.MULTILINE)
    ]
    assert missing == []
    assert len(named) > 60


def test_each_row_is_in_the_table_once() -> None:
    rows = re.findall(r"^\| ([A-H]\d+) \|", ROWS.read_text(encoding="utf-8"), re.MULTILINE)
    counts = {"A": 8, "B": 4, "C": 2, "D": 5, "E": 10, "F": 13, "G": 3, "H": 9}
    assert rows == [f"{letter}{number}" for letter, most in counts.items() for number in range(1, most + 1)]


def _text(path: str) -> str:
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.is_file() else ""
