"""The workspace's tracking API, asked by the genuine MLflow client, and read back as a run of ours does."""

import json
import math
from collections.abc import Sequence

import pytest
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential
from mlflow.exceptions import MlflowException, RestException
from mlflow.store.tracking.rest_store import RestStore
from mlflow.tracking import MlflowClient
from mlflow.utils.rest_utils import MlflowHostCreds

from runner.azure.cloud import Cloud, connect
from runner.azure.credential import RenewableCredential
from runner.azure.transport import Transport
from runner.errors import NotFound, StepFailed
from runner.facts import Target, TargetKind
from tests.contract.chat_pipeline import add_compute, build, wait
from tests.emulator.bench import fault
from tests.emulator.emulated import Emulated

FINETUNE = 3
PLACE = "ws-metrics"
NAN = "loss that is none"


@pytest.fixture(scope="module")
def tracked(emulator: Emulated, tmp_path_factory: pytest.TempPathFactory) -> "Tracked":
    """Have one job that has ended, and more points of it than its trainer wrote."""
    info = emulator.info["env"]
    place = (info["AZURE_SUBSCRIPTION_ID"], info["AZURE_RESOURCE_GROUP"], PLACE)
    workspace = MLClient(DefaultAzureCredential(), *place)
    registry = MLClient(DefaultAzureCredential(), registry_name="azureml")
    train = tmp_path_factory.mktemp("rows") / "train.jsonl"
    train.write_text("{}\n", encoding="utf-8")
    add_compute(workspace)
    workspace.jobs.create_or_update(build(registry, "run-1", train))
    assert wait(workspace, "run-1") == "Completed"
    return Tracked(emulator, workspace)


class Tracked:
    """A job that has ended, by its tracking address and the names of its runs."""

    def __init__(self, emulator: Emulated, workspace: MLClient) -> None:
        uri = workspace.workspaces.get(workspace.workspace_name).mlflow_tracking_uri
        assert uri
        self.url = uri.replace("azureml://", "https://")
        self.emulator = emulator
        [node] = list(workspace.jobs.list(parent_job_name="run-1"))
        self.node = str(node.name)
        self.children = [str(child.name) for child in workspace.jobs.list(parent_job_name=self.node)]

    @property
    def finetune(self) -> str:
        """The child that trains."""
        return self.children[FINETUNE]

    def store(self, token: str | None = None) -> RestStore:
        """Give MLflow's own client of a tracking server, signed in."""
        shown = self.emulator.token() if token is None else token
        authority = self.emulator.info["ca_file"]
        return RestStore(lambda: MlflowHostCreds(self.url, token=shown, server_cert_path=authority))

    def append(self, *points: tuple[str, int, float]) -> None:
        """Write further points, as the trainer does while it goes on."""
        [file] = self.emulator.state.glob(f"jobs/*/run-1/{self.finetune}/metrics.jsonl")
        made = [
            {"key": key, "value": value, "step": step, "timestamp_ms": step} for key, step, value in points
        ]
        with file.open("a", encoding="utf-8") as out:
            out.writelines(f"{json.dumps(point)}\n" for point in made)


@pytest.fixture
def client(tracked: Tracked, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """Give the client that notebooks use, which reads its token from the environment."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", tracked.emulator.token())
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", tracked.emulator.info["ca_file"])
    return MlflowClient(tracked.url)


@pytest.fixture(scope="module")
def cloud(tracked: Tracked) -> Cloud:
    """Give the same workspace as a run of ours has it, in whose pauses no time passes."""
    info = tracked.emulator.info["env"]
    target = Target(
        kind=TargetKind.EMULATOR,
        subscription_id=info["AZURE_SUBSCRIPTION_ID"],
        resource_group=info["AZURE_RESOURCE_GROUP"],
        workspace_name=PLACE,
        resource_manager=tracked.emulator.url,
    )
    credential = RenewableCredential(DefaultAzureCredential)
    return connect(target, "azureml", credential, wire=Transport(credential, wait=lambda _: None))


def told(points: Sequence[object]) -> list[tuple[int, float]]:
    """Give what was logged: step and value of each point."""
    return [(point.step, point.value) for point in points]  # type: ignore[attr-defined] # MLflow's Metric


def test_a_run_is_told_with_its_newest_values_and_its_place_in_the_tree(
    tracked: Tracked, client: MlflowClient
) -> None:
    run = client.get_run(tracked.finetune)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "chat_completion_finetune")
    assert run.info.end_time >= run.info.start_time > 0
    assert run.data.metrics["loss"] == 2.0
    assert (run.data.tags["mlflow.parentRunId"], run.data.tags["mlflow.rootRunId"]) == (tracked.node, "run-1")


def test_the_history_of_a_metric_is_told_in_its_order(tracked: Tracked, client: MlflowClient) -> None:
    assert told(client.get_metric_history(tracked.finetune, "loss")) == [(1, 4.0), (2, 2.0)]
    assert client.get_metric_history(tracked.finetune, "nothing") == []


def test_what_is_no_number_comes_back_as_that(tracked: Tracked, client: MlflowClient) -> None:
    tracked.append((NAN, 1, math.nan), (NAN, 2, math.inf), (NAN, 3, -math.inf))
    values = [value for _, value in told(client.get_metric_history(tracked.finetune, NAN))]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]


def test_thousands_of_points_come_whole_in_one_page_or_in_many(
    tracked: Tracked, client: MlflowClient
) -> None:
    points = [(step, 1.0 / step) for step in range(1, 2502)]
    tracked.append(*(("long", step, value) for step, value in points))
    assert told(client.get_metric_history(tracked.finetune, "long")) == points
    store, pages = tracked.store(), []
    token: str | None = ""
    while token is not None:
        pages.append(store.get_metric_history(tracked.finetune, "long", max_results=1000, page_token=token))
        token = pages[-1].token
    assert [len(page) for page in pages] == [1000, 1000, 501]
    assert told([point for page in pages for point in page]) == points


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"max_results": 25_001}, "max_results"),
        ({"page_token": "elsewhere"}, "page token"),
        ({"metric_key": ""}, "metric_key"),
    ],
)
def test_what_makes_no_sense_is_refused(tracked: Tracked, asked: dict[str, object], said: str) -> None:
    with pytest.raises(RestException, match=said) as refused:
        tracked.store().get_metric_history(tracked.finetune, **{"metric_key": "loss", **asked})
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_run_that_is_not_there_is_told_as_azure_does(tracked: Tracked, client: MlflowClient) -> None:
    with pytest.raises(RestException, match=r"^RESOURCE_DOES_NOT_EXIST: Run with id=nowhere not found$"):
        client.get_run("nowhere")
    with pytest.raises(RestException, match="RESOURCE_DOES_NOT_EXIST"):
        tracked.store().get_metric_history("nowhere", "loss")


@pytest.mark.parametrize("token", ["", "made-up"])
def test_who_is_not_signed_in_is_refused(tracked: Tracked, token: str) -> None:
    """As Azure's front door does, in an envelope that MLflow does not know: it says INTERNAL_ERROR."""
    with pytest.raises(MlflowException, match="access token is missing") as refused:
        tracked.store(token).get_run(tracked.finetune)
    assert refused.value.error_code == "INTERNAL_ERROR"


def test_an_experiment_is_found_by_name_and_by_id(client: MlflowClient) -> None:
    found = client.get_experiment_by_name("contract")
    assert found
    assert client.get_experiment(found.experiment_id).name == "contract"
    assert client.get_experiment_by_name("none of ours") is None


def test_the_runs_below_a_run_are_found_by_its_tag(tracked: Tracked, client: MlflowClient) -> None:
    below = client.search_runs(["contract"], f"tags.mlflow.parentRunId = '{tracked.node}'")
    assert sorted(run.info.run_id for run in below) == sorted(tracked.children)
    first = client.search_runs(["contract"], max_results=2)
    rest = client.search_runs(["contract"], page_token=first.token)
    assert len({run.info.run_id for run in [*first, *rest]}) == len(tracked.children) + 2
    assert client.search_runs(["none of ours"]) == []


def test_only_the_child_that_trains_has_metrics(tracked: Tracked, client: MlflowClient) -> None:
    runs = ["run-1", tracked.node, *tracked.children]
    assert [run for run in runs if client.get_run(run).data.metrics] == [tracked.finetune]


def test_a_filter_that_is_not_understood_is_refused(client: MlflowClient) -> None:
    with pytest.raises(RestException, match="filters runs by tags"):
        client.search_runs(["contract"], "metrics.loss < 1")


def test_a_run_of_ours_reads_the_same_over_its_own_transport(tracked: Tracked, cloud: Cloud) -> None:
    """From the whole tree, a thousand points and what is no number among them."""
    tracked.append(*(("ours", step, 1.0 / step) for step in range(1, 1200)), ("ours", 1200, math.nan))
    points = [point for point in cloud.metrics.points("run-1") if point.metric == "ours"]
    assert [(point.step, point.value) for point in points[:-1]] == [(n, 1.0 / n) for n in range(1, 1200)]
    assert math.isnan(points[-1].value)
    assert {point.job for point in points} == {"chat_completion_finetune"}


def test_a_service_that_fails_twice_is_asked_a_third_time(tracked: Tracked, cloud: Cloud) -> None:
    fault(tracked.emulator, "status", path="get-history", workspace=PLACE, args={"status": 500, "times": 2})
    before = cloud.retried
    assert cloud.metrics.points("run-1")
    assert cloud.retried - before == 2


def test_a_token_that_ends_early_is_renewed(tracked: Tracked, cloud: Cloud) -> None:
    fault(tracked.emulator, "expire_tokens", path="get-history", workspace=PLACE)
    assert cloud.metrics.points("run-1")


def test_metrics_that_are_refused_or_gone_for_good_are_told_so(tracked: Tracked, cloud: Cloud) -> None:
    with pytest.raises(NotFound, match="no child that trained"):
        cloud.metrics.points("nowhere")
    for code, said in ((403, "HTTP 403"), (404, "HTTP 404")):
        fault(
            tracked.emulator, "status", path="get-history", workspace=PLACE, args={"status": code, "times": 9}
        )
        with pytest.raises(StepFailed, match=said):
            cloud.metrics.points("run-1")
        tracked.emulator.admin("DELETE", "/_emu/faults")
