"""What a training logged, as the step keeps it: read once, written whole, and never in the way of success."""

import json
import math
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from runner import metric_table
from runner.errors import CloudUnavailable, NotFound, NotWritten, RunnerError, SignInRefused, StepFailed
from runner.facts import TRAINED_MODEL, ChildRun, JobState, Provisioning
from runner.metric_table import Point
from runner.steps import STEPS
from runner.steps.step import Observation, Status
from tests.unit.bench import Bench

if TYPE_CHECKING:
    from runner.journal import Json

LOSS = Point(job="x_finetune", metric="loss", step=1, value=2.0, time="2026-11-21T08:00:01.000Z")
POINTS = (
    LOSS,
    replace(LOSS, step=2, value=0.5),
    replace(LOSS, metric="eval_loss", value=1.5),
    replace(LOSS, metric="diverged", value=math.nan),
    replace(LOSS, job="job", metric="cost", value=7.0),
)


@dataclass
class Told:
    """A cloud whose job has completed; `answers` are given in order, the last for good."""

    answers: list[tuple[Point, ...] | RunnerError]
    asked: list[str] = field(default_factory=list)

    def on(self, bench: Bench) -> None:
        job = JobState(
            id="/j",
            name="j",
            status="Completed",
            provisioning=Provisioning.SUCCEEDED,
            outputs=(TRAINED_MODEL,),
        )
        child = ChildRun(run_id="c", name="x_finetune", status="Completed")
        history = SimpleNamespace(
            output_asset=lambda *_: "azureml:a:1",
            output_uri=lambda _: None,
            descendants=lambda _: (child,),
            metrics=lambda _: {"loss": 0.75},
        )
        jobs, metrics = SimpleNamespace(get=lambda _: job), SimpleNamespace(points=self._points)
        bench.on(SimpleNamespace(jobs=jobs, history=history, metrics=metrics))

    def _points(self, job: str) -> tuple[Point, ...]:
        self.asked.append(job)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, RunnerError):
            raise answer
        return answer


def look(bench: Bench) -> Observation:
    return STEPS["finetune"].observe(bench.context, {"name": "j"})


def test_the_table_is_kept_and_the_manifest_has_its_newest_values(bench: Bench) -> None:
    Told([POINTS]).on(bench)
    seen = look(bench)
    assert seen.status is Status.SUCCEEDED
    assert seen.metrics == {"loss": 0.5, "eval_loss": 1.5}
    assert seen.outputs["table"] == {
        "file": "metrics.csv",
        "points": 5,
        "sha256": metric_table.digest(POINTS),
    }
    assert len(metric_table.read(bench.context.run_folder / "metrics.csv")) == 5
    json.dumps(dict(seen.metrics), allow_nan=False)


@pytest.mark.parametrize("error", [StepFailed("HTTP 403: no"), NotFound("HTTP 404: no run")])
def test_a_table_that_is_refused_for_good_takes_no_training_back(bench: Bench, error: RunnerError) -> None:
    """What the polls have seen is kept then."""
    Told([error]).on(bench)
    seen = look(bench)
    assert (seen.status, seen.outputs["table_unknown"]) == (Status.SUCCEEDED, error.message)
    assert (seen.metrics, "table" in seen.outputs) == ({"loss": 0.75}, False)
    assert not (bench.context.run_folder / "metrics.csv").exists()


@pytest.mark.parametrize("error", [CloudUnavailable("no answer"), SignInRefused("401")])
def test_what_may_be_read_later_is_asked_for_again(bench: Bench, error: CloudUnavailable) -> None:
    Told([error, POINTS]).on(bench)
    with pytest.raises(type(error)):
        look(bench)
    assert look(bench).outputs["table"]["points"] == 5


def test_a_look_after_a_kill_writes_the_same_table(bench: Bench) -> None:
    Told([POINTS]).on(bench)
    first = look(bench)
    written = (bench.context.run_folder / "metrics.csv").read_bytes()
    assert look(bench) == first
    assert (bench.context.run_folder / "metrics.csv").read_bytes() == written


def test_who_looks_again_at_a_step_that_is_done_reads_no_table_anew(bench: Bench) -> None:
    told = Told([POINTS])
    told.on(bench)
    for known in (look(bench).outputs, {"table_unknown": "HTTP 403"}):
        outputs: dict[str, dict[str, Json]] = {"finetune": dict(known)}
        bench.context = replace(bench.context, outputs=outputs)
        seen = look(bench)
        assert {key: seen.outputs[key] for key in known} == known
    assert len(told.asked) == 1


def test_a_table_that_is_lost_is_read_anew(bench: Bench) -> None:
    told = Told([POINTS])
    told.on(bench)
    bench.context = replace(bench.context, outputs={"finetune": dict(look(bench).outputs)})
    (bench.context.run_folder / "metrics.csv").unlink()
    look(bench)
    assert len(told.asked) == 2
    assert (bench.context.run_folder / "metrics.csv").exists()


def test_a_disk_that_is_full_is_told_as_that(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    Told([POINTS]).on(bench)
    monkeypatch.setattr(metric_table, "write", full)
    with pytest.raises(NotWritten, match=r"metrics\.csv cannot be written: No space left"):
        look(bench)


def test_a_training_that_logged_nothing_has_an_empty_table(bench: Bench) -> None:
    Told([()]).on(bench)
    seen = look(bench)
    assert (seen.outputs["table"]["points"], seen.metrics) == (0, {})


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "\t=1", "\rx", " =1"])
def test_a_name_that_is_a_formula_is_in_no_table_and_said_to_be_left_out(bench: Bench, name: str) -> None:
    Told([(*POINTS, replace(LOSS, metric=name), replace(LOSS, job=name))]).on(bench)
    observed = look(bench)
    kept = metric_table.read(bench.context.run_folder / metric_table.FILE_NAME)
    assert [repr(each) for each in kept] == [repr(each) for each in POINTS]
    assert observed.outputs["table"]["left_out"] == name
    assert observed.outputs["table"]["sha256"] == metric_table.digest(POINTS)
