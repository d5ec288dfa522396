"""The emulator's own time: at any rate, put forward, and all that waits goes by it."""

import asyncio
import json
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runner.emulator.clock import VirtualClock
from tests.emulator.bench import TEST_MODE, hurry, set_clock, workspace_path
from tests.emulator.emulated import Emulated, running
from tests.emulator.test_ledger import (
    ENDED,
    MODEL,
    SIZE,
    put,
    put_compute,
    settle,
    status,
    submit,
    upload,
    wait,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    with running(tmp_path_factory.mktemp("state"), *TEST_MODE) as emulated:
        hurry(emulated)
        yield emulated


@pytest.fixture
def emulator(shared: Emulated) -> Iterator[Emulated]:
    yield shared
    set_clock(shared, rate=1)
    hurry(shared)
    assert shared.admin("POST", "/_emu/latencies", dataset=0, register=0, deployment=0).status_code == 200
    shared.admin("DELETE", "/_emu/jobs/script")


@pytest.fixture
def client(emulator: Emulated) -> Iterator[httpx.Client]:
    with emulator.client(emulator.token()) as client:
        yield client


@pytest.fixture
def name() -> str:
    return f"ws-{uuid.uuid4().hex[:8]}"


def test_time_goes_at_its_rate_and_never_backward(tmp_path: Path) -> None:
    clock = VirtualClock(tmp_path / "clock.json")
    assert abs(clock.time() - time.time()) < 1
    clock.set_rate(0)
    stopped = clock.time()
    assert clock.time() == stopped
    clock.advance(3600)
    assert clock.time() == stopped + 3600
    clock.set_rate(1e6)
    time.sleep(0.01)
    assert clock.time() > stopped + 3600 + 9000


def test_who_sleeps_wakes_when_the_clock_is_put_forward(tmp_path: Path) -> None:
    async def sleep_through() -> float:
        clock = VirtualClock(tmp_path / "clock.json")
        clock.set_rate(0)
        began = time.monotonic()
        sleeper = asyncio.create_task(clock.sleep(3600))
        await asyncio.sleep(0.05)
        clock.advance(1800)
        await asyncio.sleep(0.05)
        assert not sleeper.done()
        clock.advance(1800)
        await sleeper
        return time.monotonic() - began

    assert 0.1 <= asyncio.run(sleep_through()) < 20


def test_a_later_start_goes_on_from_the_time_reached(tmp_path: Path) -> None:
    first = VirtualClock(tmp_path / "clock.json")
    first.set_rate(0)
    first.advance(1e6)
    assert VirtualClock(tmp_path / "clock.json").time() == first.time()


def test_a_machine_started_anew_does_not_turn_the_clock_back(tmp_path: Path) -> None:
    said = {"virtual": 5e9, "monotonic": time.monotonic() + 1e6, "rate": 1.0}
    (tmp_path / "clock.json").write_text(json.dumps(said), encoding="utf-8")
    assert VirtualClock(tmp_path / "clock.json").time() >= 5e9


def test_its_file_is_for_its_owner_alone(emulator: Emulated) -> None:
    assert (emulator.state / "clock.json").stat().st_mode & 0o777 == 0o600


def test_documents_carry_the_emulators_time(emulator: Emulated, client: httpx.Client, name: str) -> None:
    set_clock(emulator, rate=0)
    set_clock(emulator, advance=10000)
    now = emulator.admin("GET", "/_emu/clock").json()["now"]
    put_compute(client, name)
    document = client.get(f"{workspace_path(name)}/computes/gpu").json()
    assert document["properties"]["createdOn"] == now


def test_tokens_end_by_the_emulators_time(emulator: Emulated, client: httpx.Client, name: str) -> None:
    assert client.get(workspace_path(name)).status_code == 200
    set_clock(emulator, advance=25 * 3600)
    answer = client.get(workspace_path(name))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "ExpiredAuthenticationToken")
    with emulator.client(emulator.token()) as renewed:
        assert renewed.get(workspace_path(name)).status_code == 200


def test_a_registrys_signature_ends_and_no_later_end_is_believed(
    emulator: Emulated, client: httpx.Client
) -> None:
    home = "/mferp/managementfrontend/subscriptions/s/resourceGroups/g/providers"
    name = "Phi-3-tiny-4k-instruct/versions/1"
    answer = client.post(
        f"{home}/Microsoft.MachineLearningServices/registries/azureml/datarefs/{name}",
        json={"assetId": f"azureml://registries/azureml/models/{name}"},
    )
    container, query = answer.json()["blobReferenceForConsumption"]["credential"]["sasUri"].split("?")
    file = f"{container}/mlflow_model_folder/MLmodel"
    with emulator.client() as anonymous:
        assert anonymous.get(f"{file}?{query}").status_code == 200
        set_clock(emulator, advance=25 * 3600)
        for ended in (query, re.sub(r"se=\d{4}", "se=2099", query)):
            refused = anonymous.get(f"{file}?{ended}")
            assert (refused.status_code, refused.headers["x-ms-error-code"]) == (403, "AuthenticationFailed")


def test_a_token_tells_its_end_in_the_time_of_its_owner(emulator: Emulated) -> None:
    set_clock(emulator, rate=24)
    headers = {"X-IDENTITY-HEADER": emulator.info["env"]["IDENTITY_HEADER"]}
    with emulator.client() as client:
        answer = client.get("/_identity/token", params={"resource": "x"}, headers=headers)
    assert abs(int(answer.json()["expires_on"]) - time.time() - 3600) < 60


def test_what_takes_long_takes_as_long_on_the_emulators_clock(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    latencies = {"compute": 600, "endpoint": 90, "deployment": 600, "traffic": 60}
    assert emulator.admin("POST", "/_emu/latencies", **latencies).status_code == 200
    set_clock(emulator, rate=0)
    compute, endpoint = (
        f"{workspace_path(name)}/computes/gpu",
        f"{workspace_path(name)}/onlineEndpoints/{name}",
    )
    put_compute(client, name)
    put(client, endpoint, {"authMode": "Key"})
    assert _states(client, compute, endpoint) == ["Creating", "Creating"]
    set_clock(emulator, advance=90)
    settle(client, endpoint)
    deployment = f"{endpoint}/deployments/demo"
    put(client, deployment, {"model": MODEL, "instanceType": SIZE}, sku={"capacity": 1})
    set_clock(emulator, advance=509)
    assert _states(client, compute, deployment) == ["Creating", "Updating"]
    set_clock(emulator, advance=1)
    settle(client, compute)
    time.sleep(0.5)  # without a latency it would serve by now
    assert _states(client, deployment) == ["Updating"]
    set_clock(emulator, advance=90)
    settle(client, deployment)
    put(client, endpoint, {"authMode": "Key", "traffic": {"demo": 100}})
    set_clock(emulator, advance=59)
    assert _states(client, endpoint) == ["Updating"]
    set_clock(emulator, advance=1)
    settle(client, endpoint)


def _states(client: httpx.Client, *paths: str) -> list[str]:
    time.sleep(0.1)  # whatever was to happen has happened
    return [client.get(path).json()["properties"]["provisioningState"] for path in paths]


def test_a_deletion_takes_its_time_for_all_kinds(emulator: Emulated, client: httpx.Client, name: str) -> None:
    put_compute(client, name)
    compute = f"{workspace_path(name)}/computes/gpu"
    settle(client, compute)
    assert emulator.admin("POST", "/_emu/latencies", delete=300).status_code == 200
    set_clock(emulator, rate=0)
    client.delete(f"{compute}?underlyingResourceAction=Delete")
    set_clock(emulator, advance=299)
    assert _states(client, compute) == ["Deleting"]
    set_clock(emulator, advance=1)
    settle(client, compute, "gone")


def test_registering_takes_its_time_too(emulator: Emulated, client: httpx.Client, name: str) -> None:
    upload(client, name)
    assert emulator.admin("POST", "/_emu/latencies", dataset=0.3, register=0.3).status_code == 200
    began = time.monotonic()
    uri = "azureml://datastores/workspaceblobstore/paths/train.jsonl"
    put(client, f"{workspace_path(name)}/data/rows/versions/1", {"dataType": "uri_file", "dataUri": uri})
    assert time.monotonic() - began >= 0.3
    put(client, f"{workspace_path(name)}/models/m/versions/1", {"modelType": "custom_model", "modelUri": uri})
    assert time.monotonic() - began >= 0.6


@pytest.mark.parametrize("body", [{"compute": -1}, {"compute": "long"}, {"computer": 1}, {"delete": True}])
def test_a_latency_that_cannot_be_is_refused(emulator: Emulated, body: dict[str, Any]) -> None:
    assert emulator.admin("POST", "/_emu/latencies", **body).status_code == 400


@pytest.mark.parametrize("body", [{}, {"advance": -1}, {"rate": "fast"}, {"speed": 2}, {"rate": True}])
def test_a_time_that_cannot_be_is_refused(emulator: Emulated, body: dict[str, Any]) -> None:
    before = emulator.admin("GET", "/_emu/clock").json()["rate"]
    assert emulator.admin("POST", "/_emu/clock", **body).status_code == 400
    assert emulator.admin("GET", "/_emu/clock").json()["rate"] == before


def script(emulated: Emulated, **body: object) -> None:
    assert emulated.admin("POST", "/_emu/jobs/script", **body).status_code == 200


def end_of(emulated: Emulated, client: httpx.Client, name: str) -> str:
    upload(client, name)
    assert submit(emulated, client, name).status_code == 201
    wait(lambda: status(client, name) in ENDED)
    return status(client, name)


def test_every_job_may_be_scripted_and_single_ones_first(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    script(emulator, end="Completed", seconds=0, always=True)
    script(emulator, end="Failed", seconds=0, times=2)
    ends = [end_of(emulator, client, f"{name}-{number}") for number in range(4)]
    assert ends == ["Failed", "Failed", "Completed", "Completed"]
    job = client.get(f"{workspace_path(name)}-3/jobs/run-1").json()["properties"]
    assert job["tags"]["emulator.scripted"] == "Completed in 0 s"
    emulator.admin("DELETE", "/_emu/jobs/script")
    assert end_of(emulator, client, f"{name}-5") == "Completed"
    job = client.get(f"{workspace_path(name)}-5/jobs/run-1").json()["properties"]
    assert "emulator.scripted" not in job["tags"]


def test_a_scripted_job_takes_its_seconds_of_the_emulators_clock(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    set_clock(emulator, rate=0)
    script(emulator, end="Completed", seconds=7000, queued_seconds=600)
    upload(client, name)
    assert submit(emulator, client, name).status_code == 201
    set_clock(emulator, advance=1000)
    wait(lambda: status(client, name) == "Queued")
    set_clock(emulator, advance=600)
    wait(lambda: status(client, name) == "Running")
    set_clock(emulator, rate=10000)
    wait(lambda: status(client, name) == "Completed")


def test_a_scripted_job_without_seconds_takes_the_usual_ones(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    assert emulator.admin("POST", "/_emu/latencies", job=0.7).status_code == 200
    script(emulator, end="Completed")
    began = time.monotonic()
    assert end_of(emulator, client, name) == "Completed"
    assert time.monotonic() - began >= 0.7


def error_of(client: httpx.Client, name: str) -> str:
    details = client.get(f"/history/v1.0{workspace_path(name)}/runs/run-1/details").json()
    return str(details["error"]["error"]["message"])


@pytest.mark.parametrize(("given", "end"), [(None, "Failed"), ("Failed", "Failed"), ("Canceled", "Canceled")])
def test_a_job_whose_nodes_are_taken_away_says_so(
    emulator: Emulated, client: httpx.Client, name: str, given: str | None, end: str
) -> None:
    script(emulator, preempted=True, seconds=0, **({"end": given} if given else {}))
    assert end_of(emulator, client, name) == end
    assert "Nodes of this job got pre-empted" in error_of(client, name)


def test_a_job_whose_nodes_are_taken_away_may_start_again(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    script(emulator, end="Completed", preempted="restarted", seconds=0.7, queued_seconds=0.5)
    upload(client, name)
    assert submit(emulator, client, name).status_code == 201
    seen: list[str] = []
    end = time.monotonic() + 20
    while (last := status(client, name)) not in ENDED and time.monotonic() < end:
        seen += [last] if last not in seen[-1:] else []
    states = [state for state in seen if state in {"Queued", "Running"}]
    assert (states, last) == (["Queued", "Running", "Queued", "Running"], "Completed")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"end": "Running"},
        {"end": "Completed", "seconds": -1},
        {"end": "Completed", "times": 0},
        {"end": "Completed", "preempted": "maybe"},
        {"end": "Completed", "second": 1},
    ],
)
def test_a_script_that_cannot_be_is_refused(emulator: Emulated, body: dict[str, Any]) -> None:
    assert emulator.admin("POST", "/_emu/jobs/script", **body).status_code == 400
