"""A sweep on the cloud in memory: one process, six runs, what is equal made once; cut off, resumed, ended."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import dataset
from runner.errors import CloudUnavailable, Drifted, RunHeld, UsageError
from runner.journal import FILE_NAME, Journal
from runner.manifest import RunStatus
from runner.recipe import Cleanup
from runner.sweep import Hold, find, read, runs_of
from runner.sweep.standing import best
from tests.faults.boundaries import Gate
from tests.faults.model_cloud import Manners, WorldClock
from tests.unit.sweeps import RECIPE, SIX, Bench, bench_with

ALWAYS = RECIPE + SIX + "cleanup: always\n"


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


def test_six_points_are_six_runs_that_share_their_rows_and_their_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[object] = []
    prepare = dataset.prepare
    monkeypatch.setattr(
        dataset, "prepare", lambda *given, **named: prepared.append(given) or prepare(*given, **named)
    )
    bench = bench_with(tmp_path, ALWAYS)
    assert bench.begin() == 0, bench.said
    made = bench.made()
    assert (made["blob"], made["data asset"], made["compute"]) == (2, 2, 1)
    assert (made["job"], made["model"], made["endpoint"]) == (6, 6, 0)
    assert len(prepared) == 1
    assert [each.status for each in bench.manifests] == [RunStatus.SUCCEEDED] * 6
    assert bench.world.alive() == []


def test_each_manifest_tells_its_point_and_records_it_as_settings(tmp_path: Path) -> None:
    bench = bench_with(tmp_path)
    bench.begin()
    for index, (member, said) in enumerate(
        zip(read(bench.sweep_folder).points, bench.manifests, strict=True), start=1
    ):
        assert said.run_id == member.run
        assert said.sweep == {
            "id": bench.sweep_folder.name,
            "index": index,
            "total": 6,
            "point": dict(member.values),
        }
        settings = [part["text"] for part in said.recipe["parts"] if part["kind"] == "--set"]
        assert settings[-1] == f"finetune.parameters.lora_r={member.values['finetune.parameters.lora_r']}"
        assert "sweep:" not in said.recipe["in_force"]
        assert said.recipe["values"]["cleanup"] == "on_failure"


def test_the_others_begin_once_what_they_share_is_there(tmp_path: Path) -> None:
    bench = bench_with(tmp_path)
    bench.begin()
    actions = [
        {name: each.steps[name].action for name in ("dataset", "compute")} for each in bench.manifests
    ]
    assert actions == [{"dataset": "create", "compute": "create"}] + 5 * [
        {"dataset": "reuse", "compute": "reuse"}
    ]


def test_points_of_other_rows_have_them_uploaded_too(tmp_path: Path) -> None:
    sweep = "sweep: {grid: {dataset.train: [train, other], finetune.parameters.lora_r: [4, 8]}}\n"
    bench = bench_with(tmp_path, RECIPE + sweep)
    assert bench.begin() == 0, bench.said
    assert (bench.made()["blob"], bench.made()["compute"]) == (3, 1)
    assert len(list((bench.sweep_folder / "data").iterdir())) == 2


@pytest.mark.parametrize("kill_at", [1, 3, 12, 40, 90, 150, 220])
def test_a_sweep_that_was_cut_off_is_resumed_to_the_same_six_runs(tmp_path: Path, kill_at: int) -> None:
    bench = bench_with(tmp_path, ALWAYS)
    bench.begin(Gate(kill_at=kill_at))
    meant = [each.run for each in read(bench.sweep_folder).points]
    assert statuses(bench) != ["succeeded"] * 6
    assert bench.resume() == 0, bench.said
    assert sorted(each.name for each in bench.runs.iterdir()) == sorted([*meant, bench.sweep_folder.name])
    assert statuses(bench) == ["succeeded"] * 6
    made = bench.made()
    assert (made["blob"], made["data asset"], made["compute"], made["job"]) == (2, 2, 1, 6)
    assert bench.world.alive() == []


def test_the_list_is_on_the_disk_before_anything_is_asked_of_the_cloud(tmp_path: Path) -> None:
    bench = bench_with(tmp_path)
    seen: list[bool] = []
    bench.begin(Gate(watch=lambda _label: seen.append(bool(list(bench.runs.glob("*/sweep.json"))))))
    assert seen
    assert all(seen)


def test_a_sweep_that_is_through_is_left_alone(tmp_path: Path) -> None:
    bench = bench_with(tmp_path, ALWAYS)
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


def test_a_point_that_fails_stops_no_other_and_a_resume_tries_it_again(tmp_path: Path) -> None:
    bench = bench_with(tmp_path)
    failing(bench, 2)
    assert bench.begin() == 1
    assert sorted(statuses(bench)) == ["failed"] + ["succeeded"] * 5
    assert bench.world.alive() == []  # on_failure: the cluster went, once, when all had ended
    assert [entry.kind for entry in bench.world.ledger if entry.op == "delete"] == ["compute"]
    assert bench.resume() == 0, bench.said
    assert statuses(bench) == ["succeeded"] * 6
    assert (bench.made()["job"], bench.made()["compute"]) == (7, 2)


def test_the_cluster_is_left_where_all_went_well_and_goes_with_down(tmp_path: Path) -> None:
    bench = bench_with(tmp_path)
    bench.begin()
    assert [thing.kind for thing in bench.world.alive()] == ["compute"]
    assert "left alive: compute gpu" in bench.said
    assert bench.down() == 0
    assert bench.world.alive() == []
    assert statuses(bench) == ["succeeded"] * 6


def test_a_ctrl_c_leaves_what_runs_to_a_resume(tmp_path: Path) -> None:
    bench = bench_with(tmp_path, ALWAYS, Manners(job_seconds=600.0))
    assert bench.begin(nth("after job.put", 2, interrupt)) == 130
    assert set(statuses(bench)) <= {"interrupted", "not begun"}
    assert {thing.kind for thing in bench.world.alive()} == {"compute", "job"}
    assert "runner resume" in bench.said
    assert bench.resume() == 0, bench.said
    assert (bench.made()["job"], bench.made()["compute"]) == (6, 1)
    assert bench.world.alive() == []


def test_a_ctrl_c_may_cancel_instead(tmp_path: Path) -> None:
    bench = bench_with(tmp_path, manners=Manners(job_seconds=600.0))
    assert bench.begin(nth("after job.put", 2, interrupt), on_interrupt_cancel=True) == 130
    assert set(statuses(bench)) == {"canceled", "not begun"}
    assert bench.world.alive() == []


def test_cancel_ends_every_run_and_takes_the_cluster_back(tmp_path: Path) -> None:
    bench = bench_with(tmp_path, manners=Manners(job_seconds=600.0))
    bench.begin(nth("after job.put", 3, interrupt))
    with pytest.raises(UsageError, match="has not ended"):
        bench.down()
    assert bench.cancel() == 0, bench.said
    assert set(statuses(bench)) <= {"canceled", "not begun"}
    assert bench.world.alive() == []
    assert bench.cancel() == 0  # a second time there is nothing to do


def test_what_cannot_be_proven_gone_is_a_debt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = bench_with(tmp_path, ALWAYS, Manners(job_seconds=5.0, deletion_seconds=1e9))
    assert bench.begin() == 9
    assert "not proven gone: compute gpu" in bench.said
    assert bench.down() == 9
    monkeypatch.undo()


def test_a_cloud_out_of_reach_decides_nothing(tmp_path: Path) -> None:
    def gone() -> None:
        raise CloudUnavailable("blob.put: HTTP 503", hint="")

    bench = bench_with(tmp_path, ALWAYS, Manners(job_seconds=5.0, down=(3.0, 5_000.0)))
    assert bench.begin() == 8, bench.said
    assert bench.made()["compute"] == 1
    assert [entry.op for entry in bench.world.ledger if entry.op == "delete"] == []
    bench.world.now = 6_000.0
    assert bench.resume() == 0, bench.said
    assert bench.made()["compute"] == 1


def test_a_recipe_that_says_something_else_by_now_is_not_gone_on_with(tmp_path: Path) -> None:
    bench = bench_with(tmp_path)
    bench.begin(Gate(kill_at=1))
    bench.write((RECIPE + SIX).replace("[4, 8, 16]", "[4, 8, 32]").replace("max_steps: 1", "max_steps: 2"))
    with pytest.raises(Drifted, match="has changed") as refused:
        bench.resume()
    assert {each.key for each in refused.value.diagnostics} == {
        "sweep.grid.finetune.parameters.lora_r",
        "finetune.parameters.max_steps",
    }
    assert bench.resume(as_recorded=True) == 0, bench.said
    told = [dict((each.sweep or {})["point"]) for each in bench.manifests]
    assert {point["finetune.parameters.lora_r"] for point in told} == {4, 8, 16}


def test_rows_that_have_changed_since_the_first_points_are_not_trained_on(tmp_path: Path) -> None:
    bench = bench_with(tmp_path, ALWAYS, Manners(job_seconds=600.0))
    bench.begin(nth("after job.put", 1, interrupt))
    before = statuses(bench)
    path = tmp_path / "rows" / "train.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("train 3", "train 33"), encoding="utf-8")
    assert "not begun" in before
    assert bench.resume() == 5
    assert "no longer those that the first points" in bench.said
    assert bench.made()["blob"] == 2


def test_a_point_that_another_process_holds_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    bench = bench_with(tmp_path, RECIPE + SIX, Manners(job_seconds=600.0))
    bench.begin(nth("after job.put", 2, interrupt))
    held = next(each for each in bench.standings if each.status == "interrupted")
    path = bench.runs / held.member.run / FILE_NAME
    with Journal(path, WorldClock(bench.world), new=False):
        assert bench.resume() == 7
    assert f"point {held.member.index}: another process holds run" in bench.said
    assert statuses(bench).count("succeeded") == 5
    assert bench.world.alive()  # nothing is taken from under the run that is held
    assert bench.resume() == 0


def test_one_process_at_a_time_carries_a_sweep_out(tmp_path: Path) -> None:
    bench = bench_with(tmp_path)
    bench.begin(Gate(kill_at=1))
    with Hold(bench.sweep_folder), pytest.raises(RunHeld, match="carries out sweep"):
        bench.resume()
    assert bench.resume() == 0


def test_a_point_alone_never_takes_back_what_the_others_use(tmp_path: Path) -> None:
    bench = bench_with(tmp_path, ALWAYS)
    bench.begin()
    listed = read(bench.sweep_folder)
    assert listed.cleanup is Cleanup.ALWAYS
    assert [each.walked for each in bench.manifests] == ["succeeded"] * 6


def test_a_sweep_is_found_by_its_id_a_prefix_its_path_and_as_the_latest(tmp_path: Path) -> None:
    bench = bench_with(tmp_path)
    bench.begin()
    folder, runs = bench.sweep_folder, bench.runs
    for name in (folder.name, folder.name[:-2], str(folder), "latest"):
        assert find(runs, name) == folder
    first = read(folder).points[0].run
    for name in (first, "", "nothing", str(runs / first), "2026"):
        assert find(runs, name) is None
    assert [each.name for each in runs_of(runs, folder.name)] == [each.run for each in read(folder).points]
    assert runs_of(runs, first) == (runs / first,)
    later = runs / "20991121T080000Z-small-0000"
    later.mkdir()
    (later / "manifest.json").write_text("{}", encoding="utf-8")
    assert find(runs, "latest") is None


def test_the_best_is_the_least_loss_that_all_have(tmp_path: Path) -> None:
    bench = bench_with(tmp_path)
    bench.begin()
    points = bench.standings
    for number, each in enumerate(points):
        assert each.said is not None
        each.said.steps["finetune"].metrics = {"eval_loss": 1.0 - number / 10, "loss": number / 10}
    chosen = best(points)
    assert chosen is not None
    assert chosen.member.index == 6
    assert points[0].said is not None
    points[0].said.steps["finetune"].metrics = {"loss": 0.0}
    again = best(points)
    assert again is not None
    assert again.member.index == 1
    assert best([each for each in points if not each.said]) is None


def test_a_list_that_was_changed_is_not_believed(tmp_path: Path) -> None:
    bench = bench_with(tmp_path)
    bench.begin(Gate(kill_at=1))
    path = bench.sweep_folder / "sweep.json"
    whole = path.read_text(encoding="utf-8")
    for damaged in (whole.replace("1e-06", "2e-06", 1), whole[:-40], "[]", "", whole.replace('"format": 1', '"format": 9')):
        path.write_text(damaged, encoding="utf-8")
        with pytest.raises(UsageError):
            read(bench.sweep_folder)
    path.write_text(whole, encoding="utf-8")
    assert len(read(bench.sweep_folder).points) == 6
