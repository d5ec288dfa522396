"""Metrics read through MLflow's client: what is sent again, what is believed, what is given up."""

import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.azure.credential import RenewableCredential
from runner.azure.giving_up import PATIENCE_SECONDS
from runner.azure.metrics import Metrics
from runner.azure.rest import signed_in_client
from runner.azure.run_history import RunHistory
from runner.azure.transport import Transport
from runner.errors import CloudUnavailable, NotFound, SignInRefused, StepFailed
from runner.metric_table import Point
from tests.unit.arm_server import WORKSPACE, ArmServer, CountingCredential, Reply, serving

ROOT = Path(__file__).parents[2]
CHILDREN = "/runs/job-1/children"
NO_CHILDREN = Reply(body={"value": []})
RUN, HISTORY = "/api/2.0/mlflow/runs/get", "/api/2.0/mlflow/metrics/get-history"
MISSING = Reply(status=404, body={"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Run x not found"})
EMPTY = Reply(body={"run": {"info": {"run_id": "r"}, "data": {}}})


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArmServer]:
    with serving(tmp_path_factory.mktemp("tls")) as server:
        yield server


@dataclass
class Bench:
    """Metrics of a workspace whose pauses take no time, and whose job has one child, which trained."""

    server: ArmServer
    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.forget()
        self.server.on("GET", "/children", NO_CHILDREN)
        self.server.on("GET", CHILDREN, _children(("ft", "x_finetune")))
        self.server.scripted = dict(reversed(self.server.scripted.items()))  # the first that fits is taken
        counting = CountingCredential()
        credential = RenewableCredential(lambda: counting)
        wire = Transport(credential, wait=self.pauses.append)
        client = signed_in_client(credential, self.server.target, wire)
        address = f"azureml://localhost:{self.server.server_port}/mlflow/v1.0{WORKSPACE}"
        found = SimpleNamespace(mlflow_tracking_uri=address)
        workspace = SimpleNamespace(workspaces=SimpleNamespace(get=lambda _: found))
        history = RunHistory(cast("Any", workspace), client, wire, self.server.target)
        self.metrics = Metrics(history, client, wire, clock=lambda: self.now)

    def run(self, *replies: Reply) -> None:
        """Have the job's own run without metrics, then what the child's run answers."""
        self.server.on("GET", RUN, EMPTY, *replies)

    def points(self) -> tuple[Point, ...]:
        return self.metrics.points("job-1")


@pytest.fixture
def bench(arm: ArmServer) -> Bench:
    return Bench(arm)


def _children(*named: tuple[str, str]) -> Reply:
    value = [{"runId": run, "properties": {"azureml.moduleName": name}} for run, name in named]
    return Reply(body={"value": value})


def _run(*keys: str) -> Reply:
    newest = [{"key": key, "value": 0.5, "timestamp": 0, "step": 0} for key in keys]
    return Reply(body={"run": {"info": {"run_id": "ft"}, "data": {"metrics": newest}}})


def _page(*points: tuple[str, int, object], following: str = "") -> Reply:
    told = [{"key": key, "value": value, "timestamp": 1005, "step": step} for key, step, value in points]
    return Reply(body={"metrics": told} | ({"next_page_token": following} if following else {}))


def _told(points: tuple[Point, ...]) -> list[tuple[str, str, int, float]]:
    return [(each.job, each.metric, each.step, each.value) for each in points]


def test_every_point_comes_with_its_run_its_step_and_its_time(bench: Bench) -> None:
    bench.run(_run("loss", "eval_loss"))
    bench.server.on("GET", HISTORY, _page(("eval_loss", 2, 0.5)), _page(("loss", 2, 1.0), ("loss", 1, 3)))
    points = bench.points()
    assert _told(points) == [
        ("x_finetune", "eval_loss", 2, 0.5),
        ("x_finetune", "loss", 1, 3.0),
        ("x_finetune", "loss", 2, 1.0),
    ]
    assert {each.time for each in points} == {"1970-01-01T00:00:01.005Z"}


def test_pages_are_followed_to_the_last(bench: Bench) -> None:
    bench.run(_run("loss"))
    first, second = _page(("loss", 1, 3.0), following="a"), _page(("loss", 2, 2.0), following="b")
    bench.server.on("GET", HISTORY, first, second, _page(("loss", 3, 1.0)))
    assert [each.step for each in bench.points()] == [1, 2, 3]


def test_pages_that_lead_in_a_circle_are_left(bench: Bench) -> None:
    bench.run(_run("loss"))
    bench.server.on("GET", HISTORY, _page(("loss", 1, 3.0), following="a"))
    with pytest.raises(StepFailed, match="lead back"):
        bench.points()


def test_what_is_no_number_is_kept_as_that(bench: Bench) -> None:
    bench.run(_run("loss"))
    bench.server.on("GET", HISTORY, _page(("loss", 1, "NaN"), ("loss", 2, "-Infinity")))
    first, second = bench.points()
    assert math.isnan(first.value)
    assert second.value == -math.inf


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_passes_by_itself_is_asked_again(bench: Bench, status: int) -> None:
    bench.run(_run("loss"))
    bench.server.on("GET", HISTORY, Reply(status=status), Reply(status=status), _page(("loss", 1, 3.0)))
    assert len(bench.points()) == 1
    assert len(bench.pauses) == 2


def test_a_token_that_is_refused_is_renewed_once(bench: Bench) -> None:
    refused = Reply(
        status=401, body={"error": {"code": "UserError", "message": "Bearer token not provided."}}
    )
    bench.run(_run("loss"))
    bench.server.on("GET", HISTORY, refused, _page(("loss", 1, 3.0)))
    assert len(bench.points()) == 1
    shown = [seen.token for seen in bench.server.seen if seen.path.endswith(HISTORY)]
    assert len(set(shown)) == 2
    bench.server.on("GET", HISTORY, refused)
    with pytest.raises(SignInRefused, match="Bearer token not provided") as told:
        bench.points()
    assert not any(token in told.value.message for token in shown)


def test_a_training_that_mlflow_does_not_know_has_no_metrics(bench: Bench) -> None:
    """It is looked twice: one stale answer is no ground."""
    bench.run(MISSING)
    with pytest.raises(NotFound, match="x_finetune: HTTP 404: RESOURCE_DOES_NOT_EXIST: Run x not found"):
        bench.points()
    assert bench.server.count("GET", RUN) == 4
    bench.run(MISSING, EMPTY, _run("loss"))
    bench.server.on("GET", HISTORY, _page(("loss", 1, 3.0)))
    assert len(bench.points()) == 1


def test_a_run_above_that_mlflow_does_not_know_is_passed_over(bench: Bench) -> None:
    bench.server.on("GET", RUN, MISSING, _run("loss"))
    bench.server.on("GET", HISTORY, _page(("loss", 1, 3.0)))
    assert len(bench.points()) == 1


def test_a_job_without_a_child_that_trains_is_no_empty_table(bench: Bench) -> None:
    bench.server.on("GET", CHILDREN, NO_CHILDREN)
    with pytest.raises(NotFound, match="no child that trained"):
        bench.points()


def test_the_jobs_own_points_and_other_childrens_are_told_by_their_names(bench: Bench) -> None:
    bench.server.on("GET", CHILDREN, _children(("ft", "x_finetune"), ("im", "x_model_import")))
    bench.server.on("GET", RUN, _run("cost"))
    one = [_page(("cost", 1, float(value))) for value in (1, 2, 3)]
    bench.server.on("GET", HISTORY, *one)
    assert _told(bench.points()) == [
        ("job", "cost", 1, 1.0),
        ("x_finetune", "cost", 1, 2.0),
        ("x_model_import", "cost", 1, 3.0),
    ]


def test_a_role_that_is_missing_is_told_and_decides(bench: Bench) -> None:
    action = "Microsoft.MachineLearningServices/workspaces/experiments/runs/read"
    message = f"The user does not have authorization to perform action '{action}'"
    bench.run(Reply(status=403, body={"error": {"code": "AuthorizationFailed", "message": message}}))
    with pytest.raises(StepFailed, match="HTTP 403") as told:
        bench.points()
    assert "AzureML Data Scientist" in told.value.hint


def test_a_service_that_says_nothing_for_minutes_is_given_up(bench: Bench) -> None:
    bench.run(Reply(status=503))
    for bench.now in (0.0, PATIENCE_SECONDS):
        with pytest.raises(CloudUnavailable):
            bench.points()
    bench.now += 1
    with pytest.raises(StepFailed, match=r"HTTP 503.*\(for 5 minutes\)") as told:
        bench.points()
    assert not isinstance(told.value, CloudUnavailable)


def test_one_answer_in_between_begins_the_minutes_anew(bench: Bench) -> None:
    down, well = Reply(status=503), _page(("loss", 1, 3.0))
    bench.run(down)
    with pytest.raises(CloudUnavailable):
        bench.points()
    bench.run(_run("loss"))
    bench.server.on("GET", HISTORY, well)
    bench.points()
    bench.now = PATIENCE_SECONDS + 1
    bench.run(down)
    with pytest.raises(CloudUnavailable):
        bench.points()


@pytest.mark.parametrize(
    "body", [b"<html>sign in</html>", {"run": {"data": {"metrics": [{"key": "loss", "value": "much"}]}}}]
)
def test_what_is_no_answer_of_mlflow_is_no_table(bench: Bench, body: object) -> None:
    bench.run(Reply(body=body))
    with pytest.raises((CloudUnavailable, StepFailed)):
        bench.points()


def test_mlflow_sends_no_reports_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither a file in the home folder, nor a variable in the environment.

    mlflow imports polars if it happens to be there, and polars sets a variable for its allocator.
    """
    script = (
        "import os, sys; sys.modules['polars'] = None; from runner.opening import NO_TELEMETRY\n"
        "os.environ.update(NO_TELEMETRY); before = dict(os.environ)\n"
        "import mlflow.telemetry, mlflow.store.tracking.rest_store\n"
        "assert mlflow.telemetry.get_telemetry_client() is None\n"
        "assert dict(os.environ) == before, set(os.environ) - set(before)\n"
    )
    environment = {"PATH": "", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, cwd=ROOT)
    assert list(tmp_path.rglob("*")) == []
