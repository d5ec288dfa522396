"""Who may score: for each mode of an endpoint the one kind of credential, while it lasts, and no other."""

import time
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from runner.emulator.app import create_app
from runner.emulator.cloud import Cloud
from runner.emulator.settings import AML_AUDIENCE, Settings
from runner.emulator.store import Kind

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
MODES = ("Key", "AMLToken", "AADToken")
ENTRA = "https://ml.azure.com"
NO_TRAFFIC, REFUSED = 404, 401  # whoever gets in finds that the endpoint has no deployment


def path(mode: str) -> str:
    return f"{WORKSPACE}/onlineEndpoints/ep-{mode.lower()}"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Have an endpoint of each mode on an emulator inside this process."""
    app = create_app(Settings(state=tmp_path_factory.mktemp("state"), port=9443))
    with TestClient(app, base_url="https://localhost:9443") as client:
        client.headers["Authorization"] = f"Bearer {cloud(client).tokens.issue('https://arm')[0]}"
        for mode in MODES:
            made = client.put(path(mode), json={"properties": {"authMode": mode}})
            assert made.status_code == 201
        yield client


def cloud(client: TestClient) -> Cloud:
    found: Cloud = client.app.state.cloud  # type: ignore[attr-defined] # it is our own application
    return found


def credentials(client: TestClient, mode: str) -> dict[str, str]:
    """Give everything that somebody might show an endpoint."""
    tokens = cloud(client).tokens
    assert client.portal is not None  # the store answers its own thread only
    keys = client.portal.call(cloud(client).store.get, Kind.KEYS, path(mode)) or {}
    return {
        "key": keys["primaryKey"],
        "other key": keys["secondaryKey"],
        "own token": tokens.issue(path(mode).lower())[0],
        "another endpoint's token": tokens.issue(path("other").lower())[0],
        "Entra token": tokens.issue(ENTRA)[0],
        "Entra token of this cloud": tokens.issue(AML_AUDIENCE)[0],
        "Entra token for another service": tokens.issue("https://management.azure.com")[0],
        "nothing": "",
        "nonsense": "nonsense",
    }


def score(client: TestClient, mode: str, credential: str) -> int:
    address = f"/ep-{mode.lower()}.eastus.inference.local/score"
    answer = client.post(address, json={}, headers={"Authorization": f"Bearer {credential}"})
    return answer.status_code


@pytest.mark.parametrize(
    ("mode", "welcome"),
    [
        ("Key", {"key", "other key"}),
        ("AMLToken", {"own token"}),
        ("AADToken", {"Entra token", "Entra token of this cloud"}),
    ],
)
def test_an_endpoint_takes_one_kind_of_credential(client: TestClient, mode: str, welcome: set[str]) -> None:
    answers = {name: score(client, mode, each) for name, each in credentials(client, mode).items()}
    assert answers == {name: NO_TRAFFIC if name in welcome else REFUSED for name in answers}


@pytest.mark.parametrize(("mode", "audience"), [("AMLToken", path("AMLToken").lower()), ("AADToken", ENTRA)])
def test_a_token_is_good_until_it_expires(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, mode: str, audience: str
) -> None:
    token, expires = cloud(client).tokens.issue(audience)
    assert score(client, mode, token) == NO_TRAFFIC
    monkeypatch.setattr("runner.emulator.clock.time.time", lambda: expires + 1)
    assert score(client, mode, token) == REFUSED


@pytest.mark.parametrize(
    ("mode", "keys", "token"), [("Key", 200, 400), ("AMLToken", 400, 200), ("AADToken", 400, 400)]
)
def test_only_what_the_mode_goes_by_is_handed_out(
    client: TestClient, mode: str, keys: int, token: int
) -> None:
    assert client.post(f"{path(mode)}/listKeys").status_code == keys
    assert client.post(f"{path(mode)}/token").status_code == token


def test_a_token_says_when_it_ends_and_when_to_ask_again(client: TestClient) -> None:
    told = client.post(f"{path('AMLToken')}/token").json()
    assert told["tokenType"] == "Bearer"
    assert time.time() < told["refreshAfterTimeUtc"] < told["expiryTimeUtc"]
