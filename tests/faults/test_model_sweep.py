"""Every kill, every pair of kills and every passing trouble, with the true executor on a cloud in memory."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from runner.manifest import RunStatus
from runner.recipe import Cleanup
from tests.conftest import Counted
from tests.faults.exploring import Explorer, Instant
from tests.faults.lives import RECIPE, Case, ready
from tests.faults.model_cloud import Manners, Trouble

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it

ALWAYS = Case(name="always", cleanup=Cleanup.ALWAYS)
FAILING = Case(name="failing job", cleanup=Cleanup.ON_FAILURE, manners=Manners(job_ends="Failed"))
NEVER = Case(name="never", cleanup=Cleanup.NEVER)
ON_FAILURE = Case(name="on_failure", cleanup=Cleanup.ON_FAILURE)
UNDEPLOYED = Case(
    name="failing deployment", cleanup=Cleanup.ALWAYS, manners=Manners(deployment_ends="Failed")
)
LATE = Case(name="late to show", cleanup=Cleanup.ALWAYS, manners=Manners(hidden_reads=3, seconds=1.0))
BESIDE = Case(
    name="a base model beside",
    cleanup=Cleanup.ALWAYS,
    text=RECIPE.replace("deployment:", "baseline: {instance_type: Standard_NC24ads_A100_v4}\ndeployment:"),
)
CASES = [ALWAYS, FAILING, NEVER, ON_FAILURE, UNDEPLOYED, LATE]

full = pytest.mark.full


@pytest.fixture(scope="module")
def work() -> Iterator[Path]:
    """Give a folder in memory where there is one: hundreds of thousands of syncs go there."""
    folder = Path(mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


def explorer(case: Case, work: Path) -> Explorer:
    recipes = work / "recipes"
    recipes.mkdir(exist_ok=True)
    ready(case.text, recipes)
    return Explorer(case, recipes, work)


@pytest.mark.parametrize(
    "case", [ALWAYS, *(pytest.param(each, marks=full) for each in CASES[1:])], ids=lambda case: case.name
)
def test_every_kill_and_every_pair_of_kills(case: Case, work: Path, counted: Counted) -> None:
    explored = explorer(case, work)
    single = [each for each in explored.followed(explored.beginning()) if not each.is_over]
    singles, seen = explored.count.instants, {instant.meaning for instant in single}
    pairs: dict[object, Instant] = {}
    for instant in single:
        for second in explored.followed(instant):
            if second.meaning not in seen and not second.is_over:
                pairs.setdefault(second.meaning, second)
    for second in pairs.values():
        explored.ended(second)
    counted(
        f"{case.name}: {singles} single kills, {explored.count.instants - singles} pairs,"
        f" {len(single)} + {len(pairs)} of them told apart, {explored.count.lives} lives"
    )
    assert singles > 200
    assert explored.count.instants - singles > 5 * singles


@pytest.mark.parametrize(
    "case",
    [FAILING, LATE, *(pytest.param(each, marks=full) for each in [*CASES[2:-1], BESIDE])],
    ids=lambda case: case.name,
)
def test_every_single_kill(case: Case, work: Path) -> None:
    explored = explorer(case, work)
    for instant in explored.followed(explored.beginning()):
        if not instant.is_over:
            explored.ended(instant)
    assert explored.count.lives > 50


def test_true_kills_leave_what_was_taken_down(work: Path) -> None:
    """A killed life's threads and `finally` clauses change nothing any more."""
    explored = explorer(ALWAYS, work)
    told_apart = {instant.key for instant in explored.followed(explored.beginning())}
    for at in range(1, explored.count.instants, 7):
        killed = explored.killed(explored.beginning(), at)
        assert killed.key in told_apart, at


@pytest.mark.parametrize("seed", [20261121])
@pytest.mark.parametrize("case", [ALWAYS, FAILING], ids=lambda case: case.name)
def test_three_true_kills_in_a_row(case: Case, seed: int, work: Path) -> None:
    """The seed is in the test's name."""
    explored, chance = explorer(case, work), random.Random(seed)  # noqa: S311 - no secret
    for _ in range(40):
        instant = explored.beginning()
        for _kill in range(3):
            if not instant.is_over:
                instant = explored.killed(instant, chance.randrange(1, 280))
        if not instant.is_over:
            explored.ended(instant)


def troubles(explored: Explorer, kinds: list[Trouble]) -> list[dict[int, Trouble]]:
    calls = len(explored.ended(explored.beginning()))
    return [{number: kind} for number in range(1, calls + 1) for kind in kinds]


PASSING = [Trouble.REFUSED, Trouble.LOST, Trouble.STALE]


@pytest.mark.parametrize(
    ("case", "share"),
    [(ALWAYS, 3), pytest.param(ALWAYS, 1, marks=full), pytest.param(FAILING, 1, marks=full)],
    ids=["a third", "all", "failing job"],
)
def test_no_single_trouble_ends_a_run(case: Case, share: int, work: Path) -> None:
    """Of a third, each call meets with one kind of trouble, and the kinds take turns."""
    explored = explorer(case, work)
    broken = []
    chosen = [each for each in troubles(explored, PASSING) if _is_due(each, share)]
    for trouble in chosen:
        try:
            explored.ended(explored.beginning(), trouble)
        except AssertionError as error:
            broken.append(f"{trouble}: {error}")
    assert broken == []
    assert len(chosen) > 60


def _is_due(trouble: dict[int, Trouble], share: int) -> bool:
    return all((number + PASSING.index(kind)) % share == 0 for number, kind in trouble.items())


def test_a_sign_in_that_is_refused_stops_a_run_that_one_resume_finishes(work: Path) -> None:
    explored = explorer(ALWAYS, work)
    stopped = 0
    for trouble in troubles(explored, [Trouble.SIGNED_OUT])[::3]:
        instant = explored.lived(explored.beginning(), trouble)
        if instant.status is RunStatus.INTERRUPTED:
            stopped += 1
            explored.ended(instant)
    assert stopped > 10


@full
def test_every_trouble_paired_with_every_kill(work: Path) -> None:
    explored = explorer(ALWAYS, work)
    seen: dict[object, Instant] = {}
    for trouble in troubles(explored, PASSING):
        for instant in explored.followed(explored.beginning(), trouble):
            seen.setdefault(instant.key, instant)
    for instant in seen.values():
        explored.ended(instant)
