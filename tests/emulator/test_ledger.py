"""The books of test mode: one event for each change, and costs that end with what costs."""

import os
import re
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner.emulator.app import ROUTES, Route
from runner.emulator.clock import Clock
from runner.emulator.incoming import Signposts
from runner.emulator.ledger import Ledger
from runner.emulator.store import Store
from tests.emulator.bench import TEST_MODE, events, fault, hurry, ledger, set_clock, workspace_path
from tests.emulator.emulated import Emulated, running

SIZE = "Standard_NC24ads_A100_v4"
MODEL = "azureml://registries/azureml/models/Phi-3-tiny-4k-instruct/versions/1"
COMPONENT = "azureml://registries/azureml/components/chat_completion_pipeline/versions/0.0.82"
ENDED = {"Completed", "Failed", "Canceled"}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    with running(tmp_path_factory.mktemp("state"), *TEST_MODE) as emulated:
        hurry(emulated)
        yield emulated


@pytest.fixture
def client(emulator: Emulated) -> Iterator[httpx.Client]:
    with emulator.client(emulator.token()) as client:
        yield client


@pytest.fixture
def name() -> str:
    return f"ws-{uuid.uuid4().hex[:8]}"


def put(client: httpx.Client, path: str, properties: dict[str, Any], **rest: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    answer = client.put(path, json={"properties": properties, **rest})
    assert answer.status_code in {200, 201}, answer.text
    return answer


def put_compute(client: httpx.Client, name: str, nodes: int = 0, **rest: Any) -> None:  # noqa: ANN401 - JSON
    scale = {"minNodeCount": nodes, "maxNodeCount": 4}
    inner = {"vmSize": SIZE, "scaleSettings": scale}
    put(
        client,
        f"{workspace_path(name)}/computes/gpu",
        {"computeType": "AmlCompute", "properties": inner},
        **rest,
    )


def upload(client: httpx.Client, name: str) -> None:
    store = client.get(f"{workspace_path(name)}/datastores/workspaceblobstore").json()["properties"]
    sas = client.post(f"{workspace_path(name)}/datastores/workspaceblobstore/listSecrets").json()["sasToken"]
    url = f"https://{store['accountName']}.blob.local/{store['containerName']}/train.jsonl?{sas}"
    block = {"x-ms-blob-type": "BlockBlob"}
    assert client.put(url, content=b"{}", headers=block).status_code == 201
    assert client.put(f"{url}&comp=metadata", headers={"x-ms-meta-a": "b"}).status_code == 200


def submit(emulated: Emulated, client: httpx.Client, name: str, nodes: int = 1) -> httpx.Response:
    train = "azureml://datastores/workspaceblobstore/paths/train.jsonl"
    inputs = {
        "mlflow_model_path": {"uri": MODEL, "job_input_type": "mlflow_model"},
        "train_file_path": {"uri": train, "job_input_type": "uri_file"},
        "instance_type_finetune": {"value": SIZE, "job_input_type": "literal"},
        "num_nodes_finetune": {"value": str(nodes), "job_input_type": "literal"},
    }
    properties = {
        "jobType": "Pipeline",
        "jobs": {"chat": {"componentId": COMPONENT, "inputs": inputs}},
        "tags": {"runner.run": "r"},
    }
    headers = {"x-azureml-token": emulated.token("https://ml.azure.localhost")}
    return client.put(f"{workspace_path(name)}/jobs/run-1", json={"properties": properties}, headers=headers)


def wait(check: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.02)


def state(client: httpx.Client, path: str) -> str:
    answer = client.get(path)
    return "gone" if answer.status_code == 404 else str(answer.json()["properties"]["provisioningState"])


def settle(client: httpx.Client, path: str, wanted: str = "Succeeded") -> None:
    wait(lambda: state(client, path) == wanted)


def status(client: httpx.Client, name: str) -> str:
    return str(client.get(f"{workspace_path(name)}/jobs/run-1").json()["properties"]["status"])


# What is sent as a change and changes nothing.
HARMLESS = (
    "/listSecrets",
    "/listKeys",
    "/token",
    "/getLogs",
    "/rundata",
    "/runs/search",
    "/batchGetResolvedUris",
    "/{container}",
    "/datarefs/{name}/versions/{version}",
)
CHANGING = [route for route in ROUTES if route.method not in {"GET", "HEAD"} and "/_emu/" not in route.path]


@pytest.mark.parametrize("route", CHANGING, ids=lambda route: f"{route.method} {route.path[-40:]}")
def test_the_books_know_every_route_that_changes_something(tmp_path: Path, route: Route) -> None:
    store = Store(tmp_path / "store.sqlite")
    read = Signposts([route.path], lambda _: "w").read
    scope = {"method": route.method, "path": re.sub(r"{[a-z:]+}", "x", route.path), "query_string": b""}
    assert (Ledger(store, Clock()).intended(read(scope)) is None) == route.path.endswith(HARMLESS)
    store.close()


def test_a_run_that_is_changed_is_its_job(emulator: Emulated, client: httpx.Client, name: str) -> None:
    emulator.script("Completed", 0)
    upload(client, name)
    assert submit(emulator, client, name).status_code == 201
    run = f"/history/v1.0{workspace_path(name)}/experiments/Default/runs/run-1"
    assert client.patch(run, json={"tags": {"a": "b"}}).status_code == 200
    jobs = [each for each in ledger(emulator, name)["events"] if each["kind"] == "job"]
    assert [each["op"] for each in jobs] == ["create", "run", "update"]
    assert {each["id"] for each in jobs} == {f"{workspace_path(name)}/jobs/run-1"}


def test_each_change_is_an_event_and_a_look_is_none(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    home = workspace_path(name)
    compute = f"{home}/computes/gpu"
    put_compute(client, name, tags={"runner.run": "r"})
    settle(client, compute)
    put_compute(client, name)
    settle(client, compute)
    client.get(compute)
    upload(client, name)
    put(
        client,
        f"{home}/data/rows/versions/1",
        {"dataType": "uri_file", "dataUri": "azureml://datastores/workspaceblobstore/paths/train.jsonl"},
    )
    client.delete(f"{compute}?underlyingResourceAction=Delete")
    client.delete(f"{home}/computes/never-was")
    assert events(emulator, name) == [
        ("create", "compute", "gpu"),
        ("update", "compute", "gpu"),
        ("upload", "blob", "train.jsonl"),
        ("create", "data", "rows"),
        ("delete", "compute", "gpu"),
    ]
    first = ledger(emulator, name)["events"][0]
    assert (first["id"], first["workspace"], first["tags"]) == (compute, name, {"runner.run": "r"})
    assert ledger(emulator, name)["requests"] >= 8


def test_a_creation_has_an_identity_of_its_own(emulator: Emulated, client: httpx.Client, name: str) -> None:
    compute = f"{workspace_path(name)}/computes/gpu"
    for _ in range(2):
        put_compute(client, name)
        settle(client, compute)
        put_compute(client, name)
        client.delete(f"{compute}?underlyingResourceAction=Delete")
        settle(client, compute, "gone")
    made = [(each["op"], each["uid"]) for each in ledger(emulator, name)["events"]]
    assert [op for op, _ in made] == ["create", "update", "delete"] * 2
    assert len({uid for _, uid in made[:3]}) == len({uid for _, uid in made[3:]}) == 1
    assert made[0][1] != made[3][1]


def test_bodies_are_told_apart(emulator: Emulated, client: httpx.Client, name: str) -> None:
    for nodes in (0, 0, 1):
        put_compute(client, name, nodes)
    same, again, other = [each["body_sha"] for each in ledger(emulator, name)["events"]]
    assert same == again != other


def test_a_refused_change_is_no_event(emulator: Emulated, client: httpx.Client, name: str) -> None:
    assert client.put(f"{workspace_path(name)}/computes/gpu", json={"properties": {}}).status_code == 400
    assert events(emulator, name) == []


def test_a_job_is_created_and_runs_once_and_is_canceled(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    emulator.script("Completed", 60)
    upload(client, name)
    assert [submit(emulator, client, name).status_code for _ in range(2)] == [201, 200]
    assert client.post(f"{workspace_path(name)}/jobs/run-1/cancel").status_code == 202
    wait(lambda: status(client, name) == "Canceled")
    assert client.post(f"{workspace_path(name)}/jobs/run-1/cancel").status_code == 200
    made = [each for each in ledger(emulator, name)["events"] if each["kind"] == "job"]
    assert [each["op"] for each in made] == ["create", "run", "update", "cancel"]
    assert len({each["uid"] for each in made}) == len({each["id"] for each in made}) == 1
    assert made[0]["tags"] == {"runner.run": "r"}


def test_a_hidden_job_is_not_found_as_a_run_either(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    emulator.script("Completed", 0)
    upload(client, name)
    fault(emulator, "hide_reads", "after_apply", method="PUT", workspace=name, name="run-1")
    assert submit(emulator, client, name).status_code == 201
    job = f"{workspace_path(name)}/jobs/run-1"
    assert [client.get(job).status_code for _ in range(2)] == [404, 200]


def test_a_job_that_is_lost_on_the_way_never_runs(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    upload(client, name)
    fault(emulator, "drop_write", method="PUT", workspace=name, name="run-1")
    assert submit(emulator, client, name).status_code == 201
    assert client.get(f"{workspace_path(name)}/jobs/run-1").status_code == 404
    assert emulator.admin("GET", "/_emu/status").json()["jobs_running"] == 0
    assert [op for op, kind, _ in events(emulator, name) if kind == "job"] == []


def test_a_deployment_costs_from_its_making_to_its_end(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    endpoint = f"{workspace_path(name)}/onlineEndpoints/{name}"
    deployment = f"{endpoint}/deployments/demo"
    put(client, endpoint, {"authMode": "Key"})
    settle(client, endpoint)
    put(client, deployment, {"model": MODEL, "instanceType": SIZE}, sku={"capacity": 2})
    settle(client, deployment)
    set_clock(emulator, advance=1000)
    (running_cost,) = ledger(emulator, name)["costs"]
    assert (running_cost["kind"], running_cost["nodes"], running_cost["until"]) == ("deployment", 2, None)
    assert 2000 <= running_cost["node_seconds"] < 2100
    client.delete(endpoint)
    settle(client, endpoint, "gone")
    set_clock(emulator, advance=1000)
    (cost,) = ledger(emulator, name)["costs"]
    assert cost["until"] is not None
    assert 2000 <= cost["node_seconds"] < 2100


def test_scoring_is_an_event_of_its_endpoint(emulator: Emulated, client: httpx.Client, name: str) -> None:
    endpoint = f"{workspace_path(name)}/onlineEndpoints/{name}"
    put(client, endpoint, {"authMode": "Key"})
    settle(client, endpoint)
    deployment = f"{endpoint}/deployments/demo"
    put(client, deployment, {"model": MODEL, "instanceType": SIZE}, sku={"capacity": 1})
    settle(client, deployment)
    key = client.post(f"{endpoint}/listKeys").json()["primaryKey"]
    headers = {"Authorization": f"Bearer {key}", "azureml-model-deployment": "demo"}
    url = client.get(endpoint).json()["properties"]["scoringUri"]
    assert client.post(url, json={}, headers=headers).status_code == 200
    last = ledger(emulator, name)["events"][-1]
    assert (last["op"], last["kind"], last["id"]) == ("invoke", "endpoint", endpoint)


def test_a_job_costs_while_it_runs_for_each_of_its_nodes(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    set_clock(emulator, rate=100)
    body = {"end": "Completed", "seconds": 70, "queued_seconds": 50}
    assert emulator.admin("POST", "/_emu/jobs/script", **body).status_code == 200
    upload(client, name)
    assert submit(emulator, client, name, nodes=3).status_code == 201
    wait(lambda: status(client, name) in ENDED)
    set_clock(emulator, rate=1)
    book = ledger(emulator, name)
    (cost,) = book["costs"]
    submitted, since, until = map(
        datetime.fromisoformat, (book["events"][-1]["at"], cost["since"], cost["until"])
    )
    assert (cost["kind"], cost["nodes"]) == ("job", 3)
    assert (since - submitted).total_seconds() >= 60  # to prepare and to wait for nodes costs nothing
    assert (until - since).total_seconds() >= 60
    assert abs(cost["node_seconds"] - 3 * (until - since).total_seconds()) < 0.001


def test_a_cluster_costs_what_it_keeps_while_idle(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    put_compute(client, name, 0)
    assert ledger(emulator, name)["costs"] == []
    put_compute(client, name, 2)
    assert [each["nodes"] for each in ledger(emulator, name)["costs"]] == [2]


def test_the_books_survive_a_kill_and_so_does_the_time(tmp_path: Path) -> None:
    with running(tmp_path, *TEST_MODE) as emulated:
        with emulated.client(emulated.token()) as client:
            put_compute(client, "w", 2)
            emulated.script("Completed", 600)
            upload(client, "w")
            submit(emulated, client, "w")
            set_clock(emulated, rate=0)
            set_clock(emulated, advance=100)
            wait(lambda: status(client, "w") == "Running")
        before, time_before = ledger(emulated, "w"), emulated.admin("GET", "/_emu/clock").json()["time"]
        os.kill(emulated.process.pid, signal.SIGKILL)
        emulated.process.wait()
    with running(tmp_path, *TEST_MODE) as emulated:
        after = ledger(emulated, "w")
        assert emulated.admin("GET", "/_emu/clock").json()["time"] >= time_before
        with emulated.client(emulated.token()) as client:
            put_compute(client, "w", 2)
        last = ledger(emulated, "w")["events"][-1]
    assert after["events"] == before["events"]
    assert (last["seq"], last["uid"]) == (len(before["events"]) + 1, before["events"][0]["uid"])
    costs = {each["kind"]: each for each in after["costs"]}
    assert costs["compute"]["until"] is None
    assert costs["job"]["until"] is not None  # a kill fails the jobs that run
