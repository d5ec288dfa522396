"""Who gets in: hosts, tokens, signatures, sizes; and what is said about a route that is not there."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.emulator.emulated import Emulated, running

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    with running(tmp_path_factory.mktemp("state")) as emulated:
        yield emulated


@pytest.fixture
def client(emulator: Emulated) -> Iterator[httpx.Client]:
    with emulator.client(emulator.token()) as client:
        yield client


def test_a_route_that_is_missing_is_named(client: httpx.Client) -> None:
    answer = client.post("/subscriptions/s/no/such/thing")
    assert answer.status_code == 501
    assert answer.json()["error"]["message"].endswith("POST /subscriptions/s/no/such/thing")


def test_a_method_that_is_missing_is_named(client: httpx.Client) -> None:
    answer = client.request("PATCH", f"{WORKSPACE}/computes/gpu")
    assert answer.status_code == 501
    assert f"PATCH {WORKSPACE}/computes/gpu" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        WORKSPACE,
        f"{WORKSPACE}/jobs",
        f"/history/v1.0{WORKSPACE}/runs/x/details",
        "/registrymanagement/v1.0/registries/azureml/discovery",
        "/_emu/status",
    ],
)
@pytest.mark.parametrize("token", ["", "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjk5OTk5OTk5OTl9.c2ln", "nonsense"])
def test_without_a_token_of_ours_nobody_gets_in(emulator: Emulated, path: str, token: str) -> None:
    with emulator.client(token) as client:
        answer = client.get(path)
    assert (answer.status_code, answer.headers["x-ms-response-type"]) == (401, "error")


def test_a_users_token_is_no_admin_token(client: httpx.Client) -> None:
    assert client.get("/_emu/status").status_code == 401
    assert client.post("/_emu/shutdown").status_code == 401


def test_tokens_need_the_identity_header(client: httpx.Client) -> None:
    asked = {"resource": "https://management.azure.com"}
    assert client.get("/_identity/token", params=asked).status_code == 401
    answer = client.get("/_identity/token", params=asked, headers={"X-IDENTITY-HEADER": "guess"})
    assert answer.status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "localhost", "localhost:1", "127.0.0.1.nip.io"])
def test_a_foreign_host_is_refused(client: httpx.Client, host: str) -> None:
    assert client.get("/metadata/endpoints", headers={"Host": host}).status_code == 400


def test_no_other_site_may_read_answers(client: httpx.Client) -> None:
    answer = client.options("/metadata/endpoints", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 501
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_body_that_is_too_large_is_refused(client: httpx.Client) -> None:
    answer = client.put(f"{WORKSPACE}/computes/gpu", content=b" " * (5 * 1024 * 1024))
    assert answer.status_code == 413


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"text"', b"{}", b'{"properties": 5}'])
def test_a_body_that_is_no_resource_is_refused(client: httpx.Client, body: bytes) -> None:
    answer = client.put(f"{WORKSPACE}/computes/gpu", content=body)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) >= {"code", "message", "details", "additionalInfo"}


def test_a_log_url_opens_one_blob_and_only_for_reading(emulator: Emulated, client: httpx.Client) -> None:
    store = client.get(f"{WORKSPACE}/datastores/workspaceblobstore").json()["properties"]
    sas = client.post(f"{WORKSPACE}/datastores/workspaceblobstore/listSecrets").json()["sasToken"]
    url = f"https://{store['accountName']}.blob.local/{store['containerName']}/a"
    block = {"x-ms-blob-type": "BlockBlob"}
    with emulator.client() as anonymous:
        assert anonymous.put(url, content=b"x", headers=block).status_code == 403
        assert anonymous.put(f"{url}?{sas}", content=b"x", headers=block).status_code == 201
        assert anonymous.get(f"{url}?{sas.replace('sr=c', 'sr=b')}").status_code == 403
        assert anonymous.get(f"{url.replace('azureml-blobstore', 'other')}?{sas}").status_code == 403
        assert anonymous.get(f"{url}?{sas}").content == b"x"


def test_jobs_cannot_be_scripted_outside_of_test_mode(emulator: Emulated) -> None:
    answer = emulator.admin("POST", "/_emu/jobs/script", end="Completed")
    assert answer.status_code == 403


def test_it_listens_on_loopback_only(emulator: Emulated) -> None:
    own = next((a[4][0] for a in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)), "127.0.0.1")
    if str(own).startswith("127."):
        pytest.skip("this machine has no other address")
    with socket.socket() as probe:
        assert probe.connect_ex((str(own), emulator.info["port"])) != 0


def test_its_authority_is_trusted_for_loopback_only(emulator: Emulated) -> None:
    context = ssl.create_default_context(cafile=emulator.info["ca_file"])
    assert len(context.get_ca_certs()) == 1
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{emulator.url}/metadata/endpoints", trust_env=False)


def test_the_authoritys_key_is_nowhere(emulator: Emulated) -> None:
    keys = [
        path.name
        for path in Path(emulator.state).iterdir()
        if path.is_file() and b"PRIVATE KEY" in path.read_bytes()
    ]
    assert keys == ["leaf-key.pem"]
