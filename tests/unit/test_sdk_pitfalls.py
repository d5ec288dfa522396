"""How the genuine SDK would mislead, each way with its number and the guard against it.

L1 a stream that returns is no success · L2 to L6 pollers give up early, or die while the work goes on · L7
the SDK repeats POSTs · L8 and dies of a Retry-After that is no number · L9 a delete that was applied, and
asked for again, is 404 · L10 `invoke` remembers a key · L11 an upload of a folder hangs, and follows links.
"""

import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from runner.azure.cloud import Cloud, connect
from runner.azure.credential import RenewableCredential
from runner.azure.scoring import Scoring
from runner.azure.transport import Transport
from runner.errors import CloudUnavailable, RunnerError, SignInRefused, StepFailed
from runner.facts import Provisioning, Target
from runner.recipe import Compute
from runner.steps import STEPS
from tests.unit.arm_server import WORKSPACE, ArmServer, CountingCredential, Reply, serving

BUSY = Reply(status=503)
GONE = Reply(status=404, body={"error": {"code": "ResourceNotFound", "message": "not here"}})


def compute(state: str, **more: object) -> dict[str, object]:
    return {
        "id": f"{WORKSPACE}/computes/gpu",
        "name": "gpu",
        "location": "here",
        "tags": {"runner.run": "r"},
        "properties": {
            "computeType": "AmlCompute",
            "createdOn": "2026-11-21T08:00:00.000Z",
            "provisioningState": state,
            "properties": {
                "vmSize": "STANDARD_NC24ADS_A100_V4",
                "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 2},
            },
            **more,
        },
    }


def endpoint(state: str, name: str = "ep", **properties: str) -> dict[str, object]:
    return {
        "id": f"{WORKSPACE}/onlineEndpoints/{name}",
        "name": name,
        "location": "here",
        "tags": {"runner.run": "r"},
        "properties": {
            "authMode": "Key",
            "traffic": {},
            "provisioningState": state,
            "properties": properties,
        },
        "systemData": {
            "createdAt": "2026-11-21T08:00:00+00:00",
            "lastModifiedAt": "2026-11-21T08:00:00+00:00",
        },
    }


def job(status: str, name: str = "job-1", **properties: str) -> dict[str, object]:
    return {
        "id": f"{WORKSPACE}/jobs/{name}",
        "name": name,
        "properties": {
            "jobType": "Pipeline",
            "status": status,
            "experimentName": "e",
            "displayName": name,
            "isArchived": False,
            "tags": {"runner.run": "r"},
            "properties": properties,
            "inputs": {},
            "outputs": {},
            "jobs": {},
            "settings": {},
            "services": {},
        },
        "systemData": {"createdAt": "2026-11-21T08:00:00+00:00"},
    }


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArmServer]:
    with serving(tmp_path_factory.mktemp("tls")) as server:
        yield server


@pytest.fixture(scope="module")
def connected(arm: ArmServer) -> Cloud:
    credential = RenewableCredential.around(CountingCredential())
    return connect(arm.target, "azureml", credential, wire=Transport(credential, wait=lambda _: None))


@pytest.fixture
def server(arm: ArmServer, connected: Cloud) -> ArmServer:
    """Give a server that has forgotten what earlier tests, and connecting, asked."""
    assert connected.location == "here"
    arm.forget()
    # The SDK's look at an endpoint takes in its deployments, and is a 404 where they are.
    arm.on("GET", "/onlineEndpoints/ep/deployments", Reply(body={"value": []}))
    return arm


@pytest.fixture
def cloud(connected: Cloud, server: ArmServer) -> Cloud:
    assert server.seen == []
    return connected


def pollers() -> list[threading.Thread]:
    """Give the threads in which azure-core would poll, after they had their time to end."""
    alive = [thread for thread in threading.enumerate() if thread.name.startswith("LROPoller")]
    for thread in alive:
        thread.join(5)
    return [thread for thread in alive if thread.is_alive()]


def section() -> Compute:
    return Compute(name="gpu", size="Standard_NC24ads_A100_v4", gpus_per_node=1)


def accepted(server: ArmServer, body: object, status: int = 201) -> Reply:
    return Reply(status=status, body=body, headers={"Azure-AsyncOperation": f"{server.url}/operation"})


@pytest.mark.parametrize("status", ["Canceled", "NotResponding", "Paused", "Failed"])
def test_l1_a_job_that_did_not_complete_is_no_success(server: ArmServer, cloud: Cloud, status: str) -> None:
    server.on("GET", "/jobs/job-1", Reply(body=job(status)))
    seen = cloud.jobs.get("job-1")
    assert seen is not None
    assert (seen.provisioning, seen.queued) == (Provisioning.FAILED, False)


@pytest.mark.parametrize("status", ["CancelRequested", "Finalizing", "AWordOfTomorrow"])
def test_l1_nor_is_one_that_has_not_ended(server: ArmServer, cloud: Cloud, status: str) -> None:
    server.on("GET", "/jobs/job-1", Reply(body=job(status)))
    seen = cloud.jobs.get("job-1")
    assert seen is not None
    assert seen.provisioning is Provisioning.IN_PROGRESS


@pytest.mark.parametrize("operation", ["InProgress", "Failed", "Canceled", "Succeeded"])
def test_l2_l5_l6_no_poller_looks_whatever_the_operation_would_say(
    server: ArmServer, cloud: Cloud, operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server.on("PUT", "/computes/gpu", accepted(server, compute("Creating")))
    server.on("DELETE", "/onlineEndpoints/ep", accepted(server, None, 202))
    server.on("GET", "/operation", Reply(body={"status": operation}))
    cloud.computes.create(section(), description=None, tags={})
    cloud.endpoints.delete("ep")
    assert pollers() == []
    assert server.count("GET", "/operation") == 0
    assert capsys.readouterr().out == ""


def test_l3_what_failed_has_failed_though_its_operation_succeeded(server: ArmServer, cloud: Cloud) -> None:
    server.on("PUT", "/computes/gpu", accepted(server, compute("Creating")))
    server.on("GET", "/operation", Reply(body={"status": "Succeeded"}))
    server.on("GET", "/computes/gpu", Reply(body=compute("Failed")))
    cloud.computes.create(section(), description=None, tags={})
    seen = cloud.computes.get("gpu")
    assert seen is not None
    assert seen.provisioning is Provisioning.FAILED


def test_l4_a_cancelled_operation_is_told_clearly(server: ArmServer, cloud: Cloud) -> None:
    server.on("GET", "/computes/gpu", Reply(body=compute("Canceled")))
    operation = {"AzureAsyncOperationUri": f"{server.url}/operation"}
    server.on("GET", "/operation", Reply(body={"status": "Canceled"}))
    server.on("GET", "/onlineEndpoints/ep", Reply(body=endpoint("Failed", **operation)))
    cluster, served = cloud.computes.get("gpu"), cloud.endpoints.get("ep")
    assert cluster is not None
    assert served is not None
    assert cluster.error == served.error == "the operation was cancelled"
    assert cluster.provisioning is served.provisioning is Provisioning.FAILED


def test_our_token_goes_to_no_other_host_that_a_resource_names(server: ArmServer, cloud: Cloud) -> None:
    elsewhere = server.url.replace("localhost", "127.0.0.1")
    operation = {"AzureAsyncOperationUri": f"{elsewhere}/operation"}
    server.on("GET", "/operation", Reply(body={"status": "Failed"}))
    server.on("GET", "/onlineEndpoints/ep", Reply(body=endpoint("Failed", **operation)))
    assert cloud.endpoints.get("ep") is not None
    assert server.count("GET", "/operation") == 0


def test_l5_a_resource_that_a_stale_answer_hides_is_only_not_seen_yet(
    server: ArmServer, cloud: Cloud
) -> None:
    server.on("GET", "/computes/gpu", GONE, Reply(body=compute("Succeeded")))
    assert cloud.computes.get("gpu") is None
    assert cloud.computes.get("gpu") is not None


@pytest.mark.parametrize("broken", [BUSY, Reply(status=0), Reply(body=compute("Succeeded"), cut=9)])
def test_l6_a_look_that_breaks_off_is_taken_again(server: ArmServer, cloud: Cloud, broken: Reply) -> None:
    before = cloud.retried
    server.on("GET", "/computes/gpu", broken, broken, Reply(body=compute("Succeeded")))
    assert cloud.computes.get("gpu") is not None
    assert cloud.retried == before + 2


@pytest.mark.parametrize("cut", [0, 9])
def test_l6_an_answer_to_a_change_that_breaks_off_is_asked_for_again(
    server: ArmServer, cloud: Cloud, cut: int
) -> None:
    """The SDK reads such an answer as a stream, after its own policies have let it pass."""
    before = cloud.retried
    server.on(
        "PUT",
        "/computes/gpu",
        Reply(body=compute("Creating"), cut=cut),
        accepted(server, compute("Creating")),
    )
    cloud.computes.create(section(), description=None, tags={})
    assert cloud.retried == before + 1


def test_a_page_of_a_proxy_is_no_answer_to_a_change_either(server: ArmServer, cloud: Cloud) -> None:
    server.on("PUT", "/computes/gpu", Reply(body=b"<html>", headers={"Content-Type": "text/html"}))
    with pytest.raises(CloudUnavailable, match="localhost answered 200 with something that is not"):
        cloud.computes.create(section(), description=None, tags={})


@pytest.mark.parametrize(
    "answer", [BUSY, Reply(status=500), Reply(status=504), Reply(status=409, headers={"Retry-After": "0"})]
)
def test_l7_the_sdk_sends_a_post_once(server: ArmServer, cloud: Cloud, answer: Reply) -> None:
    server.on("POST", "/jobs/job-1/cancel", answer)
    with pytest.raises(RunnerError):
        cloud.jobs.cancel("job-1")
    assert server.count("POST", "/cancel") == 1


@pytest.mark.parametrize("asked", ["soon", "-5", "86400", "Sun, 99 Nov 1994 08:49:37 GMT"])
def test_l8_the_sdk_outlives_a_retry_after_that_makes_no_sense(
    server: ArmServer, cloud: Cloud, asked: str
) -> None:
    busy = Reply(status=429, headers={"Retry-After": asked})
    server.on("GET", "/computes/gpu", busy, Reply(body=compute("Succeeded")))
    assert cloud.computes.get("gpu") is not None


@pytest.mark.parametrize(
    ("path", "delete"),
    [
        ("/computes/gpu", lambda cloud: cloud.computes.delete("gpu")),
        ("/onlineEndpoints/ep", lambda cloud: cloud.endpoints.delete("ep")),
        ("/deployments/demo", lambda cloud: cloud.endpoints.undeploy("ep", "demo")),
    ],
)
def test_l9_what_our_lost_delete_has_deleted_is_deleted(
    server: ArmServer, cloud: Cloud, path: str, delete: Callable[[Cloud], None]
) -> None:
    server.on("DELETE", path, Reply(status=0), GONE)
    delete(cloud)
    assert server.count("DELETE", path) == 2


def test_l10_no_key_and_no_deployment_of_an_earlier_call_is_sent(server: ArmServer) -> None:
    server.on("POST", "/score", Reply(body={"output": "yes"}))
    scoring, messages = Scoring(), [{"role": "user", "content": "?"}]
    for key, deployment in (("key-a", "blue"), ("key-b", "green")):
        scoring.chat(f"{server.url}/score", key, deployment=deployment, messages=messages, parameters={})
    sent = [(each.token, each.headers["azureml-model-deployment"]) for each in server.seen]
    assert sent == [("key-a", "blue"), ("key-b", "green")]


@pytest.fixture
def stored(server: ArmServer) -> ArmServer:
    """Give a server with a default datastore, into which a blob can be put."""
    datastore = {
        "id": f"{WORKSPACE}/datastores/store",
        "name": "store",
        "properties": {
            "datastoreType": "AzureBlob",
            "isDefault": True,
            "accountName": f"localhost:{server.server_port}/account",
            "containerName": "container",
            "endpoint": "local",
            "protocol": "https",
            "credentials": {"credentialsType": "Sas"},
        },
    }
    server.on("GET", "/datastores", Reply(body={"value": [datastore]}))
    server.on("GET", "/datastores/store", Reply(body=datastore))
    secrets = {"secretsType": "Sas", "sasToken": "sv=2026-01-01&sig=a-signature"}
    server.on("POST", "/datastores/store/listSecrets", Reply(body=secrets))
    server.on("PUT", "/rows.jsonl", Reply(status=201))
    return server


def blob(content: bytes, *, with_digest: bool = True) -> Reply:
    """Answer the properties of a blob of such a content."""
    digest = b64encode(md5(content, usedforsecurity=False).digest()).decode()
    headers = {"Content-Length": str(len(content)), "x-ms-blob-type": "BlockBlob", "ETag": '"1"'}
    return Reply(headers=headers | ({"Content-MD5": digest} if with_digest else {}))


EXISTS = Reply(
    status=409,
    body=b"<?xml version='1.0'?><Error><Code>BlobAlreadyExists</Code><Message>there</Message></Error>",
    headers={"Content-Type": "application/xml", "x-ms-error-code": "BlobAlreadyExists"},
)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n')
    return path


def upload(cloud: Cloud, rows: Path) -> str:
    return cloud.storage.upload(rows, "runner/rows.jsonl")


def test_a_file_arrives_with_its_digest(stored: ArmServer, cloud: Cloud, rows: Path) -> None:
    stored.on("HEAD", "/rows.jsonl", blob(rows.read_bytes()))
    assert upload(cloud, rows) == "azureml://datastores/store/paths/runner/rows.jsonl"
    (put,) = [each for each in stored.seen if each.method == "PUT"]
    assert put.body == rows.read_bytes()
    assert put.headers["x-ms-blob-content-md5"] == blob(rows.read_bytes()).headers["Content-MD5"]


@pytest.mark.parametrize(
    "there", [blob(b'{"a": 2}\n'), blob(b'{"a": 1}'), blob(b'{"a": 1}', with_digest=False)]
)
def test_a_blob_that_is_not_whole_is_sent_again(
    stored: ArmServer, cloud: Cloud, rows: Path, there: Reply
) -> None:
    stored.on("PUT", "/rows.jsonl", EXISTS, Reply(status=201))
    stored.on("HEAD", "/rows.jsonl", there, blob(rows.read_bytes()))
    upload(cloud, rows)
    assert stored.count("PUT", "/rows.jsonl") == 2


@pytest.mark.parametrize("with_digest", [True, False])
def test_a_blob_that_is_whole_is_left_alone(
    stored: ArmServer, cloud: Cloud, rows: Path, *, with_digest: bool
) -> None:
    stored.on("PUT", "/rows.jsonl", EXISTS)
    stored.on("HEAD", "/rows.jsonl", blob(rows.read_bytes(), with_digest=with_digest))
    upload(cloud, rows)
    assert stored.count("PUT", "/rows.jsonl") == 1


def test_what_arrived_otherwise_than_it_was_sent_is_refused(
    stored: ArmServer, cloud: Cloud, rows: Path
) -> None:
    stored.on("HEAD", "/rows.jsonl", blob(b"{}"))
    with pytest.raises(StepFailed, match="what arrived is not what was sent"):
        upload(cloud, rows)


def test_a_file_that_changes_while_it_is_sent_is_refused(
    stored: ArmServer, cloud: Cloud, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.on("HEAD", "/rows.jsonl", blob(rows.read_bytes()))
    answer = stored.reply

    def change(seen: Any) -> Reply:  # noqa: ANN401
        if seen.method == "PUT":
            rows.write_bytes(b'{"a": 9}\n')
        return answer(seen)

    monkeypatch.setattr(stored, "reply", change)
    with pytest.raises(StepFailed, match="the file was changed while it was sent"):
        upload(cloud, rows)


def test_l11_a_link_is_not_followed(stored: ArmServer, cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "id_rsa").write_text("a key of the user's")
    link = tmp_path / "rows.jsonl"
    link.symlink_to(tmp_path / "id_rsa")
    with pytest.raises(StepFailed, match=r"uploading rows\.jsonl: it is a symbolic link"):
        upload(cloud, link)
    assert stored.count("PUT", "/rows.jsonl") == 0


def test_l11_a_file_that_is_refused_does_not_hang(stored: ArmServer, cloud: Cloud, rows: Path) -> None:
    stored.on("PUT", "/rows.jsonl", Reply(status=403))
    with pytest.raises(StepFailed, match=r"uploading rows\.jsonl: HTTP 403"):
        upload(cloud, rows)


def test_an_upload_is_sent_again_when_storage_is_busy(stored: ArmServer, cloud: Cloud, rows: Path) -> None:
    stored.on("PUT", "/rows.jsonl", BUSY, Reply(status=0), EXISTS)
    stored.on("HEAD", "/rows.jsonl", blob(rows.read_bytes()))
    upload(cloud, rows)
    assert stored.count("PUT", "/rows.jsonl") == 3


MODEL = {
    "id": "azureml://registries/azureml/models/Phi-4/versions/8",
    "name": "8",
    "properties": {"modelType": "mlflow_model", "flavors": {}, "modelUri": "", "properties": {}, "tags": {}},
}
LOOKS: Mapping[str, tuple[str, object, Callable[[Cloud], object]]] = {
    "compute": ("/computes/gpu", compute("Succeeded"), lambda cloud: cloud.computes.get("gpu")),
    "computes": ("/computes", {"value": []}, lambda cloud: cloud.computes.all()),
    "endpoint": ("/onlineEndpoints/ep", endpoint("Succeeded"), lambda cloud: cloud.endpoints.get("ep")),
    "deployments": ("/e/deployments", {"value": []}, lambda cloud: cloud.endpoints.deployments("e")),
    "job": ("/jobs/job-1", job("Running"), lambda cloud: cloud.jobs.get("job-1")),
    "history": ("/runs/job-1/children", {"value": []}, lambda cloud: cloud.history.descendants("job-1")),
    "model": ("/models/m/versions", {"value": []}, lambda cloud: cloud.assets.next_model_version("m")),
    "registry": ("/models/Phi-4/versions/8", MODEL, lambda cloud: cloud.registry.model("Phi-4", "8")),
    "sizes": ("/vmSizes", {"value": []}, lambda cloud: cloud.computes.sizes()),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_token_that_ends_early_is_renewed_in_every_client(
    server: ArmServer, cloud: Cloud, name: str
) -> None:
    path, body, look = LOOKS[name]
    server.on("GET", path, Reply(status=401), Reply(body=body))
    look(cloud)
    refused, taken, *_ = (each.token for each in server.seen if each.path.endswith(path))
    assert refused != taken
    assert taken.startswith("token-number-")


@pytest.mark.parametrize("name", LOOKS)
def test_a_sign_in_that_is_refused_twice_is_told_as_that(server: ArmServer, cloud: Cloud, name: str) -> None:
    path, _, look = LOOKS[name]
    server.on("GET", path, Reply(status=401))
    with pytest.raises(SignInRefused, match="sign-in was refused") as told:
        look(cloud)
    assert told.value.hint == "az login"
    assert server.count("GET", path) == 2


@pytest.mark.parametrize("name", LOOKS)
def test_every_client_sends_again_what_passes_by_itself(server: ArmServer, cloud: Cloud, name: str) -> None:
    path, body, look = LOOKS[name]
    before = cloud.retried
    server.on("GET", path, BUSY, Reply(status=0), Reply(body=body))
    look(cloud)
    assert cloud.retried == before + 2


@pytest.mark.parametrize("name", LOOKS)
def test_no_client_takes_a_page_of_a_proxy_for_an_answer(server: ArmServer, cloud: Cloud, name: str) -> None:
    path, _, look = LOOKS[name]
    page = Reply(body=b"<html>private</html>", headers={"Content-Type": "text/html"})
    server.on("GET", path, page)
    with pytest.raises(CloudUnavailable, match="localhost answered 200 with something that is not") as told:
        look(cloud)
    assert "private" not in told.value.message


@pytest.mark.parametrize("name", LOOKS)
def test_no_client_follows_a_redirect_to_another_host(server: ArmServer, cloud: Cloud, name: str) -> None:
    path, _, look = LOOKS[name]
    elsewhere = f"https://127.0.0.1:{server.server_port}/stolen"
    server.on("GET", path, Reply(status=307, headers={"Location": elsewhere}))
    with pytest.raises(CloudUnavailable, match="a redirect to another host, which is not followed"):
        look(cloud)
    assert server.count("GET", "/stolen") == 0


def test_a_workspace_that_a_stale_answer_hides_is_looked_at_again(server: ArmServer, cloud: Cloud) -> None:
    target: Target = cloud.target
    server.on("GET", "/workspaces/ws", GONE, server.scripted["GET", "/workspaces/ws"][0])
    wire = Transport(RenewableCredential.around(CountingCredential()), wait=lambda _: None)
    assert connect(target, "azureml", CountingCredential(), wire=wire).location == "here"


def test_a_model_that_is_archived_or_deleted_is_not_there(server: ArmServer, cloud: Cloud) -> None:
    assert cloud.registry.model("Phi-4", "8") is None
    assert server.count("GET", "/models/Phi-4/versions/8") == 2


def test_a_job_that_a_stale_answer_hides_is_still_to_be_taken_back(server: ArmServer, cloud: Cloud) -> None:
    server.on("GET", "/jobs/job-1", GONE)
    server.on("GET", "/jobs", Reply(body={"value": [job("Running"), job("Completed", "job-2")]}))
    step = STEPS["finetune"]
    assert step.standing(cloud, {"name": "job-1"}) is None
    assert [step.listed(cloud, {"name": name}) for name in ("job-1", "job-2")] == [True, False]


def test_what_is_there_is_read_from_the_lists_page_by_page(server: ArmServer, cloud: Cloud) -> None:
    first = {"value": [job("Running", "job-0")], "nextLink": f"{server.url}/more"}
    server.on("GET", "/jobs", Reply(body=first))
    server.on("GET", "/more", Reply(body={"value": [job("Completed"), job("Queued", "job-2")]}))
    assert (cloud.jobs.listed("job-2"), cloud.jobs.listed("job-1")) == (True, False)
    assert [each.name for each in cloud.jobs.running()] == ["job-0", "job-2"]


def test_a_list_tells_what_garbage_collection_asks(server: ArmServer, cloud: Cloud) -> None:
    server.on("GET", "/computes", Reply(body={"value": [compute("Succeeded")]}))
    server.on("GET", "/onlineEndpoints", Reply(body={"value": [endpoint("Succeeded")]}))
    (cluster,), (served,) = cloud.computes.all(), cloud.endpoints.all()
    assert (cluster.name, cluster.instance_type, cluster.instance_count, cluster.tags["runner.run"]) == (
        "gpu",
        "STANDARD_NC24ADS_A100_V4",
        2,
        "r",
    )
    assert cluster.created.startswith("2026-11-21T08:00:00")
    assert (served.name, served.status, served.created[:19]) == ("ep", "Succeeded", "2026-11-21T08:00:00")
    assert (cloud.computes.listed("GPU"), cloud.computes.listed("other")) == (True, False)
    assert (cloud.endpoints.listed("ep"), cloud.endpoints.listed("other")) == (True, False)


def test_an_endpoint_that_is_gone_has_no_deployments(server: ArmServer, cloud: Cloud) -> None:
    assert cloud.endpoints.deployments("gone") == ()
    assert not cloud.endpoints.deployment_listed("gone", "demo")
    assert server.count("GET", "/deployments") == 2


@pytest.mark.parametrize("status", ["NotStarted", "Queued", "Preparing", "Provisioning", "Starting"])
def test_a_job_that_waits_for_its_nodes_is_queued(server: ArmServer, cloud: Cloud, status: str) -> None:
    server.on("GET", "/jobs/job-1", Reply(body=job(status)))
    seen = cloud.jobs.get("job-1")
    assert seen is not None
    assert seen.queued


PREEMPTED = "AzureMLCompute job failed. PreemptionError: Nodes of this job got pre-empted."


def failed(name: str, message: str) -> dict[str, object]:
    return {"runId": name, "status": "Failed", "error": {"error": {"code": "UserError", "message": message}}}


@pytest.mark.parametrize("status", ["Failed", "Canceled"])
@pytest.mark.parametrize("where", ["job", "stage"])
def test_a_preempted_job_is_known_by_what_its_runs_say(
    server: ArmServer, cloud: Cloud, status: str, where: str
) -> None:
    server.on("GET", "/jobs/job-1", Reply(body=job(status)))
    own = failed("job-1", PREEMPTED if where == "job" else "a stage failed")
    stage = failed("stage", PREEMPTED if where == "stage" else "out of memory")
    server.on("GET", "/runs/job-1/details", Reply(body=own))
    server.on("GET", "/runs/job-1/children", Reply(body={"value": [stage]}))
    seen = cloud.jobs.get("job-1")
    assert seen is not None
    assert (seen.preempted, seen.reason) == (True, PREEMPTED)


def test_a_job_that_failed_otherwise_was_not_preempted(server: ArmServer, cloud: Cloud) -> None:
    server.on("GET", "/jobs/job-1", Reply(body=job("Failed")))
    server.on("GET", "/runs/job-1/details", Reply(body=failed("job-1", "out of memory")))
    seen = cloud.jobs.get("job-1")
    assert seen is not None
    assert (seen.preempted, seen.reason) == (False, "")


def test_why_a_job_ended_is_never_guessed(server: ArmServer, cloud: Cloud) -> None:
    server.on("GET", "/jobs/job-1", Reply(body=job("Failed")))
    server.on("GET", "/runs/job-1/details", BUSY)
    with pytest.raises(CloudUnavailable):
        cloud.jobs.get("job-1")


def test_that_a_job_has_ended_is_known_without_its_history(server: ArmServer, cloud: Cloud) -> None:
    server.on("GET", "/jobs/job-1", Reply(body=job("Canceled")))
    server.on("GET", "/runs/job-1/details", Reply(status=403, body={"error": {"code": "Forbidden"}}))
    seen = cloud.jobs.get("job-1")
    assert seen is not None
    assert (seen.status, seen.preempted) == ("Canceled", False)


def test_a_job_that_goes_on_after_a_preemption_has_not_ended(server: ArmServer, cloud: Cloud) -> None:
    server.on("GET", "/jobs/job-1", Reply(body=job("Queued")))
    server.on("GET", "/runs/job-1/details", Reply(body=failed("job-1", PREEMPTED)))
    seen = cloud.jobs.get("job-1")
    assert seen is not None
    assert (seen.queued, seen.preempted) == (True, False)
