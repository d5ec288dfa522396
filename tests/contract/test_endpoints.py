"""Endpoints, deployments and scoring through the genuine SDK: traffic, keys, logs, updates, errors."""

import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    OnlineRequestSettings,
    ProbeSettings,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.emulator.emulated import Emulated

SIZE = "Standard_NC24ads_A100_v4"
BASE = "azureml://registries/azureml/models/Phi-3-tiny-4k-instruct/versions/1"


@pytest.fixture
def endpoint(workspace: MLClient) -> str:
    """Have an endpoint, and return its name."""
    name = f"ep-{str(workspace.workspace_name)[3:]}"
    workspace.begin_create_or_update(ManagedOnlineEndpoint(name=name, auth_mode="key")).wait()
    return name


def deployment(endpoint: str, name: str = "demo", **more: Any) -> ManagedOnlineDeployment:  # noqa: ANN401 - the SDK's own fields
    fields = {"model": BASE, "instance_type": SIZE, "instance_count": 1, **more}
    return ManagedOnlineDeployment(name=name, endpoint_name=endpoint, **fields)


def deploy(workspace: MLClient, endpoint: str, name: str = "demo", **more: Any) -> None:  # noqa: ANN401 - the SDK's own fields
    workspace.online_deployments.begin_create_or_update(deployment(endpoint, name, **more)).wait()


def send(workspace: MLClient, endpoint: str, shares: dict[str, int]) -> None:
    found = workspace.online_endpoints.get(endpoint)
    found.traffic = shares
    workspace.begin_create_or_update(found).result()


def score(
    workspace: MLClient, emulator: Emulated, endpoint: str, body: object, **headers: str
) -> httpx.Response:
    """Score as a user of the endpoint does, without the SDK."""
    key = workspace.online_endpoints.get_keys(endpoint).primary_key
    uri = workspace.online_endpoints.get(endpoint).scoring_uri
    with emulator.client(key) as client:
        return client.post(uri, json=body, headers=headers)


def test_the_whole_life_of_an_endpoint(workspace: MLClient, endpoint: str, tmp_path: Path) -> None:
    deploy(workspace, endpoint)
    send(workspace, endpoint, {"demo": 100})
    request = tmp_path / "request.json"
    request.write_text('{"input_data": "hello"}', encoding="utf-8")
    answer = workspace.online_endpoints.invoke(endpoint, deployment_name="demo", request_file=str(request))
    assert json.loads(json.loads(answer)["output"]) == {"input_data": "hello"}
    workspace.online_endpoints.begin_delete(endpoint).wait()
    with pytest.raises(ResourceNotFoundError):
        workspace.online_endpoints.get(endpoint)


def test_a_deployment_is_read_back_with_its_defaults(workspace: MLClient, endpoint: str) -> None:
    deploy(workspace, endpoint, "Demo", liveness_probe=ProbeSettings(initial_delay=600))
    found = workspace.online_deployments.get("demo", endpoint)
    assert (found.name, found.provisioning_state, found.instance_count) == ("demo", "Succeeded", 1)
    assert (found.liveness_probe.initial_delay, found.liveness_probe.period) == (600, 10)
    assert found.request_settings.request_timeout_ms == 5000
    assert [one.name for one in workspace.online_deployments.list(endpoint)] == ["demo"]


def test_a_model_of_the_registry_is_served_to_who_names_it_without_traffic(
    workspace: MLClient, endpoint: str, emulator: Emulated
) -> None:
    deploy(workspace, endpoint)
    deploy(workspace, endpoint, "base", model=BASE)
    send(workspace, endpoint, {"demo": 100})
    found = workspace.online_deployments.get("base", endpoint)
    assert (found.model, found.provisioning_state) == (BASE, "Succeeded")
    assert "emulator.stand_in" not in found.properties
    named = score(workspace, emulator, endpoint, {"a": 1}, **{"azureml-model-deployment": "base"})
    assert (named.status_code, named.headers["azureml-model-deployment"]) == (200, "base")
    anyone = {score(workspace, emulator, endpoint, {}).headers["azureml-model-deployment"] for _ in range(5)}
    assert anyone == {"demo"}
    assert workspace.online_endpoints.get(endpoint).traffic == {"demo": 100, "base": 0}


def test_a_stand_in_says_so_on_its_deployment(workspace: MLClient, endpoint: str) -> None:
    deploy(workspace, endpoint, model="azureml://registries/azureml/models/Phi-4/versions/8")
    properties = workspace.online_deployments.get("demo", endpoint).properties
    assert properties["emulator.stand_in"] == "Phi-3-tiny-4k-instruct"


def test_the_log_of_a_deployment_can_be_read(workspace: MLClient, endpoint: str) -> None:
    deploy(workspace, endpoint)
    assert workspace.online_deployments.get_logs("demo", endpoint, 50).startswith("ready ")
    initializer = workspace.online_deployments.get_logs(
        "demo", endpoint, 50, container_type="storage-initializer"
    )
    assert "nothing was downloaded" in initializer


def test_a_model_that_dies_at_load_fails_the_deployment(
    workspace: MLClient, endpoint: str, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "CRASH").write_text("", encoding="utf-8")
    model = workspace.models.create_or_update(
        Model(name="bad", version="1", path=str(folder), type="mlflow_model")
    )
    with pytest.raises(HttpResponseError, match="ResourceNotReady"):
        deploy(workspace, endpoint, model=model.id)
    assert workspace.online_deployments.get("demo", endpoint).provisioning_state == "Failed"
    assert "cannot load" in workspace.online_deployments.get_logs("demo", endpoint, 50)


def test_the_error_of_a_failed_operation_can_be_read_later(
    workspace: MLClient, endpoint: str, emulator: Emulated
) -> None:
    deploy(workspace, endpoint)
    properties = workspace.online_deployments.get("demo", endpoint).properties
    with emulator.client(emulator.token()) as client:
        operation = client.get(properties["AzureAsyncOperationUri"]).json()
    assert operation["status"] == "Succeeded"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"instance_type": "Standard_Nonsense"}, "Instance type Standard_Nonsense is not supported"),
        ({"instance_count": 51}, "sku.capacity 51"),
        ({"request_settings": OnlineRequestSettings(request_timeout_ms=180001)}, "at most PT3M"),
        ({"liveness_probe": ProbeSettings(success_threshold=2)}, "successThreshold must be 1"),
        ({"readiness_probe": ProbeSettings(failure_threshold=-1)}, "failureThreshold -1"),
        ({"model": BASE.replace("/1", "/9")}, "not found"),
        ({"model": BASE.replace("Phi-3-tiny-4k-instruct", "Phi-99")}, "not found"),
        ({"model": BASE.replace("registries/azureml", "registries/nobodys")}, "not found"),
    ],
)
def test_a_deployment_that_azure_refuses_is_refused(
    workspace: MLClient, endpoint: str, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(HttpResponseError, match=message):
        deploy(workspace, endpoint, **more)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"demo": 50}, "The sum of traffic is 50"),
        ({"demo": 60, "other": 60}, "The sum of traffic is 120"),
        ({"nobody": 100}, "no such deployment"),
    ],
)
def test_traffic_that_azure_refuses_is_refused(
    workspace: MLClient, endpoint: str, shares: dict[str, int], message: str
) -> None:
    for name in ("demo", "other"):
        deploy(workspace, endpoint, name)
    with pytest.raises(HttpResponseError, match=message):
        send(workspace, endpoint, shares)


def test_traffic_is_split(workspace: MLClient, endpoint: str, emulator: Emulated) -> None:
    for name in ("blue", "green"):
        deploy(workspace, endpoint, name)
    send(workspace, endpoint, {"blue": 50, "green": 50})
    answers = {
        score(workspace, emulator, endpoint, {}).headers["azureml-model-deployment"] for _ in range(25)
    }
    assert answers == {"blue", "green"}


def test_a_deployment_with_traffic_is_not_deleted(workspace: MLClient, endpoint: str) -> None:
    deploy(workspace, endpoint)
    send(workspace, endpoint, {"demo": 100})
    with pytest.raises(HttpResponseError, match="still has traffic"):
        workspace.online_deployments.begin_delete("demo", endpoint)
    send(workspace, endpoint, {"demo": 0})
    workspace.online_deployments.begin_delete("demo", endpoint).result()
    assert list(workspace.online_deployments.list(endpoint)) == []


@pytest.mark.parametrize("name", ["1endpoint", "two--dashes", "under_score"])
def test_a_name_that_azure_refuses_is_refused(workspace: MLClient, emulator: Emulated, name: str) -> None:
    with emulator.client(emulator.token()) as client:
        answer = client.put(path(workspace, name), json={"properties": {"authMode": "Key"}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "UserError")


def test_an_endpoint_cannot_be_born_with_traffic(workspace: MLClient, emulator: Emulated) -> None:
    body = {"properties": {"authMode": "Key", "traffic": {"demo": 100}}}
    with emulator.client(emulator.token()) as client:
        answer = client.put(path(workspace, "early"), json=body)
    assert "Traffic cannot be set" in answer.json()["error"]["message"]


def test_a_change_while_another_goes_on_is_a_conflict(workspace: MLClient, emulator: Emulated) -> None:
    name = f"ep-{str(workspace.workspace_name)[3:]}"
    with emulator.client(emulator.token()) as client:
        answers = [client.put(path(workspace, name), json={"properties": {}}).status_code for _ in range(2)]
    assert answers == [201, 409]


def test_keys_can_be_renewed(workspace: MLClient, endpoint: str) -> None:
    before = workspace.online_endpoints.get_keys(endpoint)
    workspace.online_endpoints.begin_regenerate_keys(endpoint, key_type="primary").wait()
    after = workspace.online_endpoints.get_keys(endpoint)
    assert after.primary_key != before.primary_key
    assert after.secondary_key == before.secondary_key


def test_a_token_endpoint_takes_its_token(workspace: MLClient, emulator: Emulated) -> None:
    name = f"ep-{str(workspace.workspace_name)[3:]}"
    workspace.begin_create_or_update(ManagedOnlineEndpoint(name=name, auth_mode="aml_token")).wait()
    deploy(workspace, name)
    token = workspace.online_endpoints.get_keys(name).access_token
    uri = workspace.online_endpoints.get(name).scoring_uri
    named = {"azureml-model-deployment": "demo"}
    with emulator.client(token) as client, emulator.client(emulator.token()) as foreign:
        assert client.post(uri, json={}, headers=named).status_code == 200
        assert foreign.post(uri, json={}, headers=named).status_code == 401


def test_scoring_errors_are_azures(workspace: MLClient, endpoint: str, emulator: Emulated) -> None:
    settings = OnlineRequestSettings(request_timeout_ms=300)
    assert score(workspace, emulator, endpoint, {}).status_code == 404
    deploy(workspace, endpoint, request_settings=settings)
    assert score(workspace, emulator, endpoint, {}).status_code == 404
    send(workspace, endpoint, {"demo": 100})
    failed = score(workspace, emulator, endpoint, {"status": 400})
    assert (failed.status_code, failed.headers["ms-azureml-model-error-statuscode"]) == (424, "400")
    assert score(workspace, emulator, endpoint, {"sleep": 2}).status_code == 408
    with emulator.client("wrong key") as client:
        assert client.post(workspace.online_endpoints.get(endpoint).scoring_uri, json={}).status_code == 401


def test_too_many_requests_at_once_are_429(workspace: MLClient, endpoint: str, emulator: Emulated) -> None:
    deploy(workspace, endpoint)
    send(workspace, endpoint, {"demo": 100})
    key = workspace.online_endpoints.get_keys(endpoint).primary_key
    uri = workspace.online_endpoints.get(endpoint).scoring_uri
    codes: list[int] = []

    def ask() -> None:
        with emulator.client(key) as client:
            codes.append(client.post(uri, json={"sleep": 0.7}).status_code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200, 200, 429, 429]


def path(workspace: MLClient, endpoint: str) -> str:
    return (
        f"/subscriptions/{workspace.subscription_id}/resourceGroups/{workspace.resource_group_name}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{workspace.workspace_name}"
        f"/onlineEndpoints/{endpoint}"
    )
