"""The emulator's answers beside those of real Azure ML: what differs is listed, what is listed differs."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.contract.recorded import ANY, DIFFERENCES, EVERY_ANSWER, RECORDED, Exchange
from tests.emulator.emulated import Emulated

SUB = "/subscriptions/s"
GROUP = f"{SUB}/resourceGroups/g/providers/Microsoft.MachineLearningServices"
WS = f"{GROUP}/workspaces/recorded"
REGISTRY = f"/mferp/managementfrontend{GROUP}/registries/azureml"
MODEL = "azureml://registries/azureml/models/Phi-3-tiny-4k-instruct/versions/1"
COMPONENT = "azureml://registries/azureml/components/chat_completion_pipeline/versions/0.0.82"
MEANINGFUL = {
    "azure-asyncoperation",
    "location",
    "retry-after",
    "x-ms-retry-after-ms",
    "x-ms-async-operation-timeout",
    "x-ms-error-code",
    "content-range",
    "x-ms-blob-type",
    "azureml-model-deployment",
    "server",
    "x-request-id",
    "x-ms-run-function-failed",
    "x-ms-run-fn-exec-ms",
}


@pytest.fixture(scope="module")
def answers(emulator: Emulated) -> dict[str, httpx.Response]:
    """Send each request that the recordings have, once, in their order."""
    headers = {"x-azureml-token": emulator.token("https://ml.azure.localhost")}
    with emulator.client(emulator.token()) as client:
        found = dict(_workspace(client))
        found |= dict(_compute(client))
        found |= dict(_storage(client))
        found |= dict(_online(client))
        found |= dict(_job(client, headers))
        found |= dict(_registry(client))
    return found


def _until(client: httpx.Client, url: str) -> httpx.Response:
    """Poll as the recorded client did, and return the answer that ends it."""
    while (answer := client.get(url)).json()["status"] in {"Updating", "InProgress"}:
        time.sleep(0.05)
    return answer


def _workspace(client: httpx.Client) -> Iterator[tuple[str, httpx.Response]]:
    yield "workspace", client.get(WS)
    yield "discovery", client.get("/discovery")


def _compute(client: httpx.Client) -> Iterator[tuple[str, httpx.Response]]:
    path = f"{WS}/computes/test602691254317x"
    settings = {
        "osType": "Linux",
        "vmSize": "Standard_DS2_v2",
        "vmPriority": "Dedicated",
        "scaleSettings": {"maxNodeCount": 2, "minNodeCount": 0, "nodeIdleTimeBeforeScaleDown": "PT1M40S"},
        "userAccountCredentials": {"adminUserName": "azureuser"},
        "remoteLoginPortPublicAccess": "Enabled",
        "enableNodePublicIp": True,
    }
    properties = {"computeType": "AmlCompute", "description": "some_desc_aml", "properties": settings}
    body = {"properties": properties, "location": "eastus"}
    created = client.put(path, json=body)
    yield "compute created", created
    yield "compute operation over", _until(client, created.headers["azure-asyncoperation"])
    yield "compute", client.get(path)
    updated = client.put(path, json=body)
    yield "compute updated", updated
    _until(client, updated.headers["azure-asyncoperation"])
    yield "compute deleted", client.delete(path, params={"underlyingResourceAction": "Delete"})


def _storage(client: httpx.Client) -> Iterator[tuple[str, httpx.Response]]:
    path = f"{WS}/datastores/workspaceblobstore"
    store = client.get(path)
    yield "datastore", store
    secrets = client.post(f"{path}/listSecrets")
    yield "datastore secrets", secrets
    properties = store.json()["properties"]
    container = f"https://{properties['accountName']}.blob.local/{properties['containerName']}"
    sas = secrets.json()["sasToken"]
    for name, content in {"model.pkl": "pickle", "empty": "", "train.jsonl": "{}"}.items():
        yield "blob missing", client.head(f"{container}/{name}?{sas}")
        client.put(f"{container}/{name}?{sas}", content=content, headers={"x-ms-blob-type": "BlockBlob"})
    wanted = {"x-ms-range": "bytes=0-33554431"}
    yield "blob range", client.get(f"{container}/model.pkl?{sas}", headers=wanted)
    yield "empty blob range", client.get(f"{container}/empty?{sas}", headers=wanted)
    uri = "azureml://datastores/workspaceblobstore/paths/model.pkl"
    model = {"modelUri": uri, "modelType": "custom_model", "isAnonymous": False, "isArchived": False}
    yield "model created", client.put(f"{WS}/models/m/versions/2", json={"properties": model})
    newest = {"$orderBy": "createdtime desc", "$top": "1"}
    yield "latest model", client.get(f"{WS}/models/m/versions", params=newest)


def _online(client: httpx.Client) -> Iterator[tuple[str, httpx.Response]]:
    path = f"{WS}/onlineEndpoints/online-ept-recorded"
    properties = {"authMode": "AMLToken", "properties": {}, "mirrorTraffic": {}, "traffic": {}}
    created = client.put(path, json={"tags": {}, "location": "eastus", "properties": properties})
    yield "endpoint created", created
    yield "endpoint operation", client.get(created.headers["azure-asyncoperation"])
    _until(client, created.headers["azure-asyncoperation"])
    made = {
        "description": "description for online deployment",
        "environmentId": f"{WS}/environments/e/versions/3",
        "environmentVariables": {},
        "properties": {},
        "appInsightsEnabled": False,
        "endpointComputeType": "Managed",
        "instanceType": "Standard_DS2_V2",
        "model": MODEL,
        "privateNetworkConnection": False,
        "scaleSettings": {"scaleType": "Default"},
    }
    body = {"tags": {}, "location": "eastus", "properties": made, "sku": {"name": "Default", "capacity": 1}}
    deployed = client.put(f"{path}/deployments/demo", json=body)
    yield "deployment created", deployed
    _until(client, deployed.headers["azure-asyncoperation"])
    yield "deployment", client.get(f"{path}/deployments/demo")
    yield "deployments", client.get(f"{path}/deployments")
    sent = properties | {"traffic": {"demo": 100}}
    updated = client.put(path, json={"tags": {}, "location": "eastus", "properties": sent})
    yield "endpoint updated", updated
    _until(client, updated.headers["azure-asyncoperation"])
    endpoint = client.get(path)
    yield "endpoint", endpoint
    token = client.post(f"{path}/token")
    yield "endpoint token", token
    key = {"Authorization": f"Bearer {token.json()['accessToken']}"}
    yield "score", client.post(endpoint.json()["properties"]["scoringUri"], json={"data": [[1]]}, headers=key)
    yield "endpoint deleted", client.delete(path)


def _job(client: httpx.Client, headers: dict[str, str]) -> Iterator[tuple[str, httpx.Response]]:
    path = f"{WS}/jobs/test_22012498841"
    train = "azureml://datastores/workspaceblobstore/paths/train.jsonl"
    inputs = {
        "mlflow_model_path": {"uri": MODEL, "job_input_type": "mlflow_model"},
        "train_file_path": {"uri": train, "job_input_type": "uri_file"},
        "instance_type_finetune": {"value": "Standard_NC24ads_A100_v4", "job_input_type": "literal"},
    }
    output = {"mlflow_model_folder": {"value": "${{parent.outputs.trained_model}}", "type": "literal"}}
    cluster = {"computeType": "AmlCompute", "properties": {"vmSize": "Standard_NC24ads_A100_v4"}}
    _until(
        client, client.put(f"{WS}/computes/cpu", json={"properties": cluster}).headers["azure-asyncoperation"]
    )
    properties = {
        "description": "hello",
        "computeId": f"{WS}/computes/cpu",
        "tags": {"tag": "tagvalue"},
        "properties": {},
        "displayName": "test_22012498841",
        "experimentName": "azure-ai-ml",
        "isArchived": False,
        "jobType": "Pipeline",
        "inputs": {},
        "jobs": {"chat": {"name": "chat", "componentId": COMPONENT, "inputs": inputs, "outputs": output}},
        "outputs": {"trained_model": {"mode": "ReadWriteMount", "jobOutputType": "mlflow_model"}},
        "settings": {"_source": "YAML.JOB"},
    }
    yield "job created", client.put(path, json={"properties": properties}, headers=headers)
    while (job := client.get(path)).json()["properties"]["status"] not in {"Completed", "Failed"}:
        time.sleep(0.1)
    yield "job", job
    yield "run data", client.post(f"/history/v1.0{WS}/rundata", json={"runId": "test_22012498841"})


def _registry(client: httpx.Client) -> Iterator[tuple[str, httpx.Response]]:
    yield "registry discovery", client.get("/registrymanagement/v1.0/registries/azureml/discovery")
    yield "component", client.get(f"{REGISTRY}/components/chat_completion_pipeline/versions/0.0.82")
    yield "components", client.get(f"{REGISTRY}/components/chat_completion_pipeline/versions")


def _differences(name: str, exchange: Exchange, answer: httpx.Response) -> Iterator[str]:
    """Tell how an answer differs from the recorded one."""
    if answer.status_code != exchange.status:
        yield f"{name}: status {answer.status_code}, not {exchange.status}"
    got = {header for header in answer.headers if header in MEANINGFUL}
    yield from (f"{name}: header {header} is missing" for header in exchange.headers - got)
    yield from (f"{name}: header {header} is not Azure's" for header in got - exchange.headers)
    if exchange.body == ANY:
        return
    body = answer.json() if answer.content else None
    yield from (f"{name}: {difference}" for difference in _body_differences("", exchange.body, body))


def _body_differences(path: str, wanted: object, got: object) -> Iterator[str]:
    if wanted == ANY:
        return
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key in wanted.keys() | got.keys():
            here = f"{path}.{key}".lstrip(".")
            if key not in got:
                yield f"{here} is missing"
            elif key not in wanted:
                yield f"{here} is not Azure's"
            else:
                yield from _body_differences(here, wanted[key], got[key])
    elif isinstance(wanted, list) and isinstance(got, list) and wanted and got:
        yield from _body_differences(f"{path}[]", wanted[0], got[0])
    elif wanted != got:
        yield f"{path} is {got!r}, not {wanted!r}"


def test_every_recorded_exchange_was_had(answers: dict[str, httpx.Response]) -> None:
    assert answers.keys() == RECORDED.keys()


def test_what_differs_is_listed_and_what_is_listed_differs(answers: dict[str, httpx.Response]) -> None:
    found = {text for name, one in RECORDED.items() for text in _differences(name, one, answers[name])}
    everywhere = {name for answer in answers.values() for name in answer.headers}
    found |= {f"every answer: header {name} is missing" for name in EVERY_ANSWER - everywhere}
    listed = {difference for reason in DIFFERENCES for difference in reason.differences}
    assert sorted(found - listed) == []
    assert sorted(listed - found) == []


def test_each_difference_has_its_reason() -> None:
    assert all(reason.text and reason.differences for reason in DIFFERENCES)
    assert sum(len(reason.differences) for reason in DIFFERENCES) == len(
        frozenset().union(*(reason.differences for reason in DIFFERENCES))
    )
