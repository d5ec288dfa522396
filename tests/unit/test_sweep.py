"""A sweep on the cloud in memory: one process, six runs, what is equal made once; cut off, resumed, ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest

from runner import dataset
from runner.dataset import Progress
from runner.errors import Drifted, RecipeInvalid, RunHeld, UsageError
from runner.journal import FILE_NAME, Journal
from runner.lifecycle.carry_out import Outcome
from runner.manifest import RunStatus
from runner.manifest import load as load_manifest
from runner.runs import PAGE
from runner.runs import find as find_run
from runner.sweep import Hold, Member, find, read, runs_of
from runner.sweep.standing import Standing, best, others_under_way
from runner.sweeping import beginning, members
from runner.sweeping.members import Site
from tests.faults.boundaries import Gate
from tests.faults.model_cloud import Manners, WorldClock
from tests.unit.sweeps import RECIPE, SIX, THREE, TWO, Bench, bench_with


@pytest.fixture
def work() -> Iterator[Path]:
    """Give a folder in memory where there is one."""
    with TemporaryDirectory(dir=_MEMORY) as folder:
        yield Path(folder)


ALWAYS = RECIPE + TWO + "cleanup: always\n"
ROOT = Path(__file__).resolve().parents[2]
_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def nth(label: str, number: int, act: Callable[[], object]) -> Gate:
    """Give a gate at which something is done when that boundary is come to for the so-manieth time."""
    left = [number]

    def watch(come_to: str) -> None:
        if come_to == label:
            left[0] -= 1
            if left[0] == 0:
                act()

    return Gate(watch=watch)


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def statuses(bench: Bench) -> list[str]:
    return [each.status for each in bench.standings]


@dataclass(frozen=True, kw_only=True)
class Done:
    """Six points, carried out: how often rows were prepared, and whether the list was there at each call."""

    bench: Bench
    code: int
    prepared: int
    listed: list[bool]


@pytest.fixture(scope="module")
def done() -> Iterator[Done]:
    with TemporaryDirectory(dir=_MEMORY) as folder, pytest.MonkeyPatch.context() as patch:
        prepared: list[object] = []
        prepare = dataset.prepare

        def counted(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - as it is called
            prepared.append(given)
            return prepare(*given, **named)

        patch.setattr(dataset, "prepare", counted)
        bench = bench_with(Path(folder), RECIPE + SIX)
        bench.drawn = True
        listed: list[bool] = []
        code = bench.begin(Gate(watch=lambda _: listed.append(bool(list(bench.runs.glob("*/sweep.json"))))))
        yield Done(bench=bench, code=code, prepared=len(prepared), listed=listed)


def test_six_points_are_six_runs_that_share_their_rows_and_their_cluster(done: Done) -> None:
    bench = done.bench
    assert done.code == 0, bench.said
    made = bench.made()
    assert (made["blob"], made["data asset"], made["compute"]) == (2, 2, 1)
    assert (made["job"], made["model"], made["endpoint"]) == (6, 6, 0)
    assert done.prepared == 1
    assert [each.status for each in bench.manifests] == [RunStatus.SUCCEEDED] * 6


def test_each_manifest_tells_its_point_and_records_it_as_settings(done: Done) -> None:
    listed = read(done.bench.sweep_folder)
    for index, (member, said) in enumerate(zip(listed.points, done.bench.manifests, strict=True), start=1):
        assert said.run_id == member.run
        point = dict(member.values)
        assert said.sweep == {"id": listed.id, "index": index, "total": 6, "point": point}
        settings = [part["text"] for part in said.recipe["parts"] if part["kind"] == "--set"]
        assert settings[-1] == f"finetune.parameters.lora_r={point['finetune.parameters.lora_r']}"
        assert "sweep:" not in said.recipe["in_force"]
        assert said.recipe["values"]["cleanup"] == "on_failure"
        load_manifest(done.bench.runs / member.run / "manifest.json")  # holds it against the schema


def test_the_others_begin_once_what_they_share_is_there(done: Done) -> None:
    shared = ("dataset", "compute")
    actions = [[each.steps[name].action for name in shared] for each in done.bench.manifests]
    assert actions == [["create", "create"]] + 5 * [["reuse", "reuse"]]


def test_the_list_is_on_the_disk_before_anything_is_asked_of_the_cloud(done: Done) -> None:
    assert done.listed
    assert all(done.listed)


def test_a_sweep_is_found_by_its_id_a_prefix_its_path_and_as_the_latest(done: Done) -> None:
    folder, runs = done.bench.sweep_folder, done.bench.runs
    for name in (folder.name, folder.name[:-2], str(folder), "latest"):
        assert find(runs, name) == folder
    first = read(folder).points[0].run
    for name in (first, "", "nothing", str(runs / first), "2026"):
        assert find(runs, name) is None
    assert [each.name for each in runs_of(runs, folder.name)] == [each.run for each in read(folder).points]
    assert runs_of(runs, first) == (runs / first,)
    with pytest.raises(UsageError, match="sweep of several runs"):
        find_run(runs, folder.name)


def test_the_latest_is_a_run_that_began_after_the_sweep(work: Path) -> None:
    for name, file in (
        ("20261121T080000Z-a-sweep-0000", "sweep.json"),
        ("20261121T080000Z-a-ffff", "manifest.json"),
    ):
        (work / name).mkdir()
        (work / name / file).write_text("{}", encoding="utf-8")
    assert find(work, "latest") == work / "20261121T080000Z-a-sweep-0000"
    (work / "20261121T080001Z-a-0000").mkdir()
    (work / "20261121T080001Z-a-0000" / "journal.jsonl").touch()
    assert find(work, "latest") is None


def test_the_best_is_the_least_loss_that_all_have(done: Done) -> None:
    points = done.bench.standings
    for number, each in enumerate(points):
        assert each.said is not None
        # The test split would choose the first.
        losses = {"eval_loss": 1.0 - number / 10, "test_loss": number / 10, "loss": number / 10}
        each.said.steps["finetune"].metrics = losses
    assert chosen(points) == 6
    assert points[0].said is not None
    points[0].said.steps["finetune"].metrics = {"loss": 9.0}
    assert chosen(points) == 2
    points[0].said.status = RunStatus.FAILED
    assert chosen(points) == 6
    assert best(()) is None


def chosen(points: Sequence[Standing]) -> int:
    found = best(points)
    assert found is not None
    return found.member.index


def test_the_end_is_told_with_what_to_do_next(done: Done) -> None:
    said = done.bench.said
    name = done.bench.sweep_folder.name
    assert "best by loss: point 1" in said
    assert f"compare the points:   {done.bench.sweep_folder / PAGE}" in said
    assert "--set sweep=null --set finetune.parameters.learning_rate=1e-06" in said
    assert "left alive: compute gpu" in said
    assert f"runner down {name}" in said
    lines = [line for line in said.splitlines() if line.startswith("5/6 ")]
    assert any("create: Completed" in line for line in lines)


def test_one_page_tells_of_all_points(done: Done) -> None:
    page = (done.bench.sweep_folder / PAGE).read_text(encoding="utf-8")
    assert all(each.member.run in page for each in done.bench.standings)
    assert "finetune.parameters.learning_rate" in page


def test_a_page_that_cannot_be_written_takes_nothing_back(work: Path) -> None:
    bench = bench_with(work, RECIPE + TWO)
    with patch("runner.reporting.replace_file", side_effect=OSError("no space")):
        assert bench.begin() == 0, bench.said
    assert f"runner report {bench.sweep_folder.name}" in bench.said


def test_points_of_other_rows_have_them_uploaded_too(work: Path) -> None:
    sweep = "sweep: {grid: {dataset.train: [train, other]}}\n"
    bench = bench_with(work, RECIPE + sweep)
    assert bench.begin() == 0, bench.said
    assert (bench.made()["blob"], bench.made()["compute"]) == (3, 1)
    assert len(list((bench.sweep_folder / "data").iterdir())) == 2


@pytest.mark.parametrize(
    "kill_at",
    [12, *(pytest.param(at, marks=pytest.mark.full) for at in (1, 3, 25, 40, 60, 80, 100, 120))],
)
def test_a_sweep_that_was_cut_off_is_resumed_to_the_same_runs(work: Path, kill_at: int) -> None:
    bench = bench_with(work, ALWAYS)
    bench.begin(Gate(kill_at=kill_at))
    meant = [each.run for each in read(bench.sweep_folder).points]
    assert statuses(bench) != ["succeeded"] * 2
    assert bench.resume() == 0, bench.said
    assert sorted(each.name for each in bench.runs.iterdir()) == sorted([*meant, bench.sweep_folder.name])
    assert statuses(bench) == ["succeeded"] * 2
    made = bench.made()
    assert (made["blob"], made["data asset"], made["compute"], made["job"]) == (2, 2, 1, 2)
    assert bench.world.alive() == []


def test_a_sweep_that_is_through_is_left_alone(work: Path) -> None:
    bench = bench_with(work, ALWAYS)
    bench.begin()
    before = len(bench.world.ledger)
    assert bench.resume(Gate(kill_at=1)) == 0
    assert len(bench.world.ledger) == before


def failing(bench: Bench, number: int) -> None:
    """Let the so-manieth job fail."""
    ends = bench.world._end  # noqa: SLF001 - the world's own
    jobs = [0]

    def end(kind: str) -> str:
        jobs[0] += kind == "job"
        return "Failed" if kind == "job" and jobs[0] == number else ends(kind)

    bench.world._end = end  # type: ignore[method-assign]  # noqa: SLF001 - as above


def test_a_point_that_fails_stops_no_other_and_a_resume_tries_it_again(work: Path) -> None:
    bench = bench_with(work)
    failing(bench, 2)
    assert bench.begin() == 1
    assert sorted(statuses(bench)) == ["failed", "succeeded"]
    assert bench.world.alive() == []  # on_failure: the cluster went, once, when all had ended
    assert [entry.kind for entry in bench.world.ledger if entry.op == "delete"] == ["compute"]
    assert bench.resume() == 0, bench.said
    assert statuses(bench) == ["succeeded"] * 2
    assert (bench.made()["job"], bench.made()["compute"]) == (3, 2)


def test_the_cluster_is_left_where_all_went_well_and_goes_with_down(work: Path) -> None:
    bench = bench_with(work)
    bench.begin()
    assert [thing.kind for thing in bench.world.alive()] == ["compute"]
    assert "left alive: compute gpu" in bench.said
    assert bench.down() == 0
    assert bench.world.alive() == []
    assert statuses(bench) == ["succeeded"] * 2


def test_a_point_that_failed_before_its_run_began_is_a_failure(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun(site: Site, member: Member, *others: Any) -> Outcome:  # noqa: ANN401 - handed on
        if member.index == 2:
            raise RecipeInvalid("its rows are not there any more", ())
        return members.begun(site, member, *others)

    monkeypatch.setattr(beginning, "begun", begun)
    bench = bench_with(work)
    assert bench.begin() == 3
    assert statuses(bench) == ["succeeded", "not begun"]
    assert bench.world.alive() == []  # on_failure


def test_a_run_that_is_held_keeps_its_sweep_from_nothing_else(work: Path) -> None:
    bench = bench_with(work)
    bench.begin()
    (maker,) = [each for each in bench.standings if each.said and each.said.alive]
    with Journal(bench.runs / maker.member.run / FILE_NAME, WorldClock(bench.world), new=False):
        assert bench.down() == 7
    assert f"point {maker.member.index}: another process holds run" in bench.said
    assert "left alive: compute gpu" in bench.said
    assert bench.down() == 0
    assert bench.world.alive() == []


def test_a_sweep_that_goes_on_calls_its_recipe_as_seen_from_the_working_folder(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manifest is committed, and is to tell of nobody's home."""
    monkeypatch.chdir(work)
    bench = bench_with(work, RECIPE + THREE)
    bench.begin(Gate(kill_at=1))
    later = {each.member.run for each in bench.standings if each.status == "not begun"}
    assert later
    assert bench.resume() == 0, bench.said
    assert {each.recipe["path"] for each in bench.manifests if each.run_id in later} == {"small.yaml"}


def test_a_ctrl_c_leaves_what_runs_to_a_resume(work: Path) -> None:
    bench = bench_with(work, ALWAYS, Manners(job_seconds=600.0))
    assert bench.begin(nth("after job.put", 2, interrupt)) == 130
    assert set(statuses(bench)) <= {"interrupted", "not begun"}
    assert {thing.kind for thing in bench.world.alive()} == {"compute", "job"}
    assert bench.said.count(f"{bench.sweep_folder.name}: runner show") == 1
    assert "runner resume" in bench.said
    assert "runner down" not in bench.said  # it would be refused
    assert bench.resume() == 0, bench.said
    assert (bench.made()["job"], bench.made()["compute"]) == (2, 1)
    assert bench.world.alive() == []


def test_a_ctrl_c_does_not_wait_for_rows_that_are_being_fetched(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, prepare, fetched = bench_with(work, ALWAYS), dataset.prepare, list[int]()

    def fetching(*given: Any, progress: Progress, **named: Any) -> Any:  # noqa: ANN401 - as it is called
        for done in range(0 if fetched else 200):
            progress("fetching train", done, 200)
            fetched.append(done)
            if done == 2:
                os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.02)
        return prepare(*given, progress=progress, **named)

    monkeypatch.setattr(dataset, "prepare", fetching)
    assert bench.begin() == 130
    assert 3 <= len(fetched) < 150
    assert statuses(bench) == ["not begun", "not begun"]
    assert bench.resume() == 0, bench.said


def test_a_ctrl_c_may_cancel_instead(work: Path) -> None:
    bench = bench_with(work, RECIPE + THREE, Manners(job_seconds=600.0))
    assert bench.begin(nth("after job.put", 2, interrupt), on_interrupt_cancel=True) == 130
    assert set(statuses(bench)) == {"canceled", "not begun"}
    assert bench.world.alive() == []


def test_cancel_ends_every_run_and_takes_the_cluster_back(work: Path) -> None:
    bench = bench_with(work, RECIPE + THREE, Manners(job_seconds=600.0))
    bench.begin(nth("after job.put", 2, interrupt))
    with pytest.raises(
        UsageError, match=f"sweep {bench.sweep_folder.name} is not through: .*has not ended"
    ) as no:
        bench.down()
    assert f"runner cancel {bench.sweep_folder.name}" in no.value.hint
    assert bench.cancel() == 0, bench.said
    assert set(statuses(bench)) <= {"canceled", "not begun"}
    assert bench.world.alive() == []
    assert bench.cancel() == 0  # a second time there is nothing to do


def test_nothing_is_taken_from_under_a_point_whose_journal_is_damaged(work: Path) -> None:
    bench = bench_with(work, RECIPE + THREE + "cleanup: always\n", Manners(job_seconds=600.0))
    bench.begin(nth("after job.put", 2, interrupt))
    damaged = next(each for each in bench.standings if each.status == "interrupted")
    path = bench.runs / damaged.member.run / FILE_NAME
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"gpu", b"cpu"))
    bench.resume()
    assert sorted(statuses(bench)) == ["succeeded", "succeeded", "unreadable"]
    assert "compute" in {each.kind for each in bench.world.alive()}
    with pytest.raises(UsageError, match="damaged"):
        bench.down()
    with pytest.raises(UsageError, match="damaged"):
        bench.cancel()
    path.write_bytes(whole)
    assert bench.resume() == 0, bench.said
    assert bench.world.alive() == []


def test_a_point_that_cannot_be_cancelled_keeps_no_other_from_it(work: Path) -> None:
    bench = bench_with(work, RECIPE + THREE, Manners(job_seconds=600.0))
    bench.begin(nth("after job.put", 2, interrupt))
    first = next(each for each in bench.standings if each.status == "interrupted")
    path = bench.runs / first.member.run / FILE_NAME
    path.write_bytes(path.read_bytes().replace(b"gpu", b"cpu"))
    with pytest.raises(UsageError, match="damaged"):
        bench.cancel()
    assert "interrupted" not in statuses(bench)


def test_what_cannot_be_proven_gone_is_a_debt(work: Path) -> None:
    bench = bench_with(work, ALWAYS, Manners(job_seconds=5.0, deletion_seconds=1e9))
    assert bench.begin() == 9
    assert "not proven gone: compute gpu" in bench.said


def test_a_cloud_out_of_reach_decides_nothing(work: Path) -> None:
    bench = bench_with(work, ALWAYS, Manners(job_seconds=5.0, down=(3.0, 5_000.0)))
    assert bench.begin() == 8, bench.said
    assert bench.made()["compute"] == 1
    assert [entry.op for entry in bench.world.ledger if entry.op == "delete"] == []
    bench.world.now = 6_000.0
    assert bench.resume() == 0, bench.said
    assert bench.made()["compute"] == 1


def test_a_recipe_that_says_something_else_by_now_is_not_gone_on_with(work: Path) -> None:
    bench = bench_with(work)
    bench.begin(Gate(kill_at=1))
    bench.write((RECIPE + TWO).replace("[4, 8]", "[4, 32]").replace("max_steps: 1", "max_steps: 2"))
    with pytest.raises(Drifted, match="has changed") as refused:
        bench.resume()
    assert {each.key for each in refused.value.diagnostics} == {
        "sweep.grid.finetune.parameters.lora_r",
        "finetune.parameters.max_steps",
    }
    assert bench.resume(as_recorded=True) == 0, bench.said
    told = [dict((each.sweep or {})["point"]) for each in bench.manifests]
    assert {point["finetune.parameters.lora_r"] for point in told} == {4, 8}


def test_rows_that_have_changed_since_the_first_points_are_not_trained_on(work: Path) -> None:
    bench = bench_with(work, RECIPE + THREE, Manners(job_seconds=600.0))
    bench.begin(nth("after job.put", 1, interrupt))
    before = statuses(bench)
    path = work / "rows" / "train.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("train 3", "train 33"), encoding="utf-8")
    assert "not begun" in before
    assert bench.resume() == 5
    assert "no longer those that the first points" in bench.said
    assert bench.made()["blob"] == 2


def test_a_point_that_was_cut_off_before_it_had_its_rows_is_given_those_of_the_others(work: Path) -> None:
    bench = bench_with(work)
    bench.begin()
    second = bench.runs / read(bench.sweep_folder).points[1].run
    first_record = (second / "journal.jsonl").read_bytes().splitlines(keepends=True)[0]
    (second / "journal.jsonl").write_bytes(first_record)
    (second / "manifest.json").unlink()
    path = work / "rows" / "train.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("train 3", "train 33"), encoding="utf-8")
    assert bench.resume() == 5
    assert "no longer those that the first points" in bench.said
    assert bench.made()["blob"] == 2


def test_a_point_that_is_resumed_alone_leaves_the_cluster_to_the_others(work: Path) -> None:
    bench = bench_with(work, ALWAYS, Manners(job_seconds=600.0))
    bench.begin(nth("after job.put", 2, interrupt))
    first = next(each for each in bench.standings if each.status == "interrupted")
    assert bench.resume_alone(first.member.run) == 0
    assert "compute" in {thing.kind for thing in bench.world.alive()}
    assert bench.resume() == 0
    assert bench.world.alive() == []


_HOLDS = """
import sys, time
from pathlib import Path
from runner.sweep import Hold
with Hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_cancel_ends_the_process_that_carries_the_sweep_out(work: Path) -> None:
    bench = bench_with(work, manners=Manners(job_seconds=600.0))
    bench.begin(nth("after job.put", 1, interrupt))
    command = [sys.executable, "-c", _HOLDS, str(bench.sweep_folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            assert bench.cancel() == 0
            assert process.wait(10) == -signal.SIGTERM
        finally:
            process.kill()
    assert bench.world.alive() == []


def test_a_point_that_another_process_holds_is_told_and_the_others_go_on(work: Path) -> None:
    bench = bench_with(work, RECIPE + THREE, Manners(job_seconds=600.0))
    bench.begin(nth("after job.put", 2, interrupt))
    held = next(each for each in bench.standings if each.status == "interrupted")
    path = bench.runs / held.member.run / FILE_NAME
    with Journal(path, WorldClock(bench.world), new=False):
        assert bench.resume() == 7
    assert f"point {held.member.index}: another process holds run" in bench.said
    assert statuses(bench).count("succeeded") == 2
    assert bench.world.alive()  # nothing is taken from under the run that is held
    assert bench.resume() == 0


def test_one_process_at_a_time_carries_a_sweep_out(work: Path) -> None:
    bench = bench_with(work)
    bench.begin(Gate(kill_at=1))
    with Hold(bench.sweep_folder), pytest.raises(RunHeld, match="carries out sweep"):
        bench.resume()
    assert bench.resume() == 0


def test_without_its_list_a_sweeps_points_are_known_by_themselves(work: Path) -> None:
    """Each can be taken back alone then, but not from under another one."""
    bench = bench_with(work, RECIPE + THREE, Manners(job_seconds=600.0))
    bench.begin(nth("after job.put", 2, interrupt))
    one, *others = [each for each in bench.standings if each.status == "interrupted"]
    assert one.said
    assert others
    (bench.sweep_folder / "sweep.json").write_text("[]", encoding="utf-8")
    found = others_under_way(bench.runs, one.said)
    assert [each.member.run for each in found] == [each.member.run for each in others]


def test_a_list_that_was_changed_is_not_believed(work: Path) -> None:
    bench = bench_with(work)
    bench.begin(Gate(kill_at=1))
    path = bench.sweep_folder / "sweep.json"
    whole = path.read_text(encoding="utf-8")
    for damaged in (
        whole.replace("4", "5", 1),
        whole[:-40],
        "[]",
        "",
        whole.replace('"format": 1', '"format": 9'),
    ):
        path.write_text(damaged, encoding="utf-8")
        with pytest.raises(UsageError):
            read(bench.sweep_folder)
    path.write_text(whole, encoding="utf-8")
    assert len(read(bench.sweep_folder).points) == 2
