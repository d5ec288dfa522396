"""Faults on request: each happens to exactly the request that its rule names, and to no other."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.emulator.bench import TEST_MODE, events, fault, fired, hurry, requests, set_clock, workspace_path
from tests.emulator.emulated import Emulated, running

ENDPOINT = "/onlineEndpoints/chat"
SLEEPER = "import time; print('up', flush=True); time.sleep(60)"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    with running(tmp_path_factory.mktemp("state"), *TEST_MODE) as emulated:
        hurry(emulated)
        yield emulated


@pytest.fixture
def emulator(shared: Emulated) -> Iterator[Emulated]:
    yield shared
    shared.admin("DELETE", "/_emu/faults")
    shared.admin("DELETE", "/_emu/requests")


@pytest.fixture
def client(emulator: Emulated) -> Iterator[httpx.Client]:
    with emulator.client(emulator.token()) as client:
        yield client


@pytest.fixture
def name() -> str:
    return f"ws-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def put_compute(client: httpx.Client, name: str, compute: str = "gpu") -> httpx.Response:
    inner = {"vmSize": "Standard_NC24ads_A100_v4"}
    body = {"properties": {"computeType": "AmlCompute", "properties": inner}, "tags": {"a": "b"}}
    return client.put(f"{workspace_path(name)}/computes/{compute}", json=body)


def test_a_status_is_answered_once_and_in_place_of_the_request(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    fault(
        emulator,
        "status",
        method="PUT",
        workspace=name,
        args={"status": 429, "headers": {"Retry-After": "7"}},
    )
    refused = put_compute(client, name)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
    assert client.get(f"{workspace_path(name)}/computes/gpu").status_code == 404
    assert put_compute(client, name).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "3"},
        {"Retry-After": "Sat, 21 Nov 2026 10:00:00 GMT"},
        {"x-ms-retry-after-ms": "250"},
        {"Retry-After": "soon"},
        {"Retry-After": "-5"},
        {"Retry-After": "99999999999"},
        {},
    ],
)
def test_a_refusal_may_say_in_any_form_when_to_come_back(
    emulator: Emulated, client: httpx.Client, name: str, headers: dict[str, str]
) -> None:
    fault(emulator, "status", workspace=name, args={"status": 429, "headers": headers})
    answer = client.get(workspace_path(name))
    given = {key: value for key, value in answer.headers.items() if "retry-after" in key}
    assert given == {key.lower(): value for key, value in headers.items()}
    assert answer.json()["error"]["code"] == "Http429"


def test_after_apply_the_state_has_changed_and_the_answer_is_lost(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    fault(emulator, "status", "after_apply", method="PUT", workspace=name, args={"status": 503})
    assert put_compute(client, name).status_code == 503
    assert client.get(f"{workspace_path(name)}/computes/gpu").status_code == 200
    assert events(emulator, name) == [("create", "compute", "gpu")]


def test_rules_go_by_number_name_method_route_and_path(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    home = workspace_path(name)
    route = (
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/"
        "Microsoft.MachineLearningServices/workspaces/{workspace}/computes/{compute}"
    )
    fault(emulator, "status", workspace=name, route=route, nth=2, args={"status": 500})
    fault(emulator, "status", workspace=name, name="other", args={"status": 501})
    fault(emulator, "status", workspace=name, path="/computes/third$", args={"status": 502})
    fault(emulator, "status", workspace="elsewhere", args={"status": 503})
    asked = ["gpu", "gpu", "gpu", "other", "other", "third", "third"]
    assert [client.get(f"{home}/computes/{each}").status_code for each in asked] == [
        404,
        500,
        404,
        501,
        404,
        502,
        404,
    ]
    assert fired(emulator) == [1, 1, 1, 0]


def test_a_fault_may_last_for_more_than_one_request(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    fault(emulator, "status", workspace=name, args={"status": 500, "times": 2})
    assert [client.get(workspace_path(name)).status_code for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize("when", ["before", "after_apply"])
def test_a_reset_is_one_for_the_client(
    emulator: Emulated, client: httpx.Client, name: str, when: str
) -> None:
    fault(emulator, "reset", when, method="PUT", workspace=name)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        put_compute(client, name)
    assert len(events(emulator, name)) == (when == "after_apply")


def test_a_reset_is_one_on_the_wire(emulator: Emulated, name: str) -> None:
    fault(emulator, "reset", workspace=name)
    # By hand: Python's TLS shows a reset and an ordinary end alike.
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=emulator.info["ca_file"])
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", emulator.info["port"])) as wire:
        while not _is_shaken(tls):
            wire.sendall(outgoing.read())
            incoming.write(wire.recv(65536))
        host = f"localhost:{emulator.info['port']}"
        tls.write(f"GET {workspace_path(name)} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        wire.sendall(outgoing.read())
        with pytest.raises(ConnectionResetError):
            _read_to_the_end(wire)


def _read_to_the_end(wire: socket.socket) -> None:
    while wire.recv(65536):
        pass


def _is_shaken(tls: ssl.SSLObject) -> bool:
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def test_half_an_answer_announces_the_whole(emulator: Emulated, client: httpx.Client, name: str) -> None:
    whole = client.get(workspace_path(name)).content
    fault(emulator, "half", "mid_response", workspace=name)
    with client.stream("GET", workspace_path(name)) as answer:
        chunks = answer.iter_raw()
        assert next(chunks) == whole[: len(whole) // 2]
        assert int(answer.headers["content-length"]) == len(whole)
        with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
            next(chunks)


def test_half_of_an_empty_answer_is_incomplete_too(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    put_compute(client, name)
    fault(emulator, "half", "mid_response", method="DELETE", workspace=name)
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        client.delete(f"{workspace_path(name)}/computes/gpu?underlyingResourceAction=Delete")
    assert events(emulator, name)[-1] == ("delete", "compute", "gpu")


def test_a_hanging_answer_ends_when_its_time_on_the_clock_has_come(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    fault(emulator, "hang", workspace=name, args={"seconds": 0.3})
    began = time.monotonic()
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        client.get(workspace_path(name))
    assert 0.3 <= time.monotonic() - began < 20


def test_a_hanging_answer_is_given_up_by_a_client_with_less_patience(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    fault(emulator, "hang", workspace=name, args={"seconds": 600})
    with pytest.raises(httpx.ReadTimeout):
        client.get(workspace_path(name), timeout=0.2)
    assert client.get(workspace_path(name)).status_code == 200


def test_an_answer_may_drip(emulator: Emulated, client: httpx.Client, name: str) -> None:
    whole = client.get(workspace_path(name)).content
    fault(emulator, "drip", "after_apply", workspace=name, args={"seconds": 0.3, "pieces": 3})
    began = time.monotonic()
    assert client.get(workspace_path(name)).content == whole
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("case", [("before", 0), ("after_apply", 1), ("mid_response", 1)])
def test_a_process_is_killed_before_more_is_sent(
    emulator: Emulated,
    client: httpx.Client,
    name: str,
    sleeper: subprocess.Popen[str],
    case: tuple[str, int],
) -> None:
    when, made = case
    fault(emulator, "kill_pid", when, method="PUT", workspace=name, args={"pid": sleeper.pid})
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        put_compute(client, name)
    assert sleeper.poll() == -signal.SIGKILL
    assert len(events(emulator, name)) == made


def test_the_first_to_see_a_kill_is_its_victim(
    emulator: Emulated, name: str, sleeper: subprocess.Popen[str]
) -> None:
    fault(emulator, "kill_pid", "mid_response", workspace=name, args={"pid": sleeper.pid})
    with emulator.client(emulator.token()) as client, client.stream("GET", workspace_path(name)) as answer:
        assert answer.status_code == 200
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            answer.read()
    assert sleeper.poll() == -signal.SIGKILL


@pytest.mark.parametrize("pid", [0, 1, -1, -500, True, "12", None, 2.5, "own"])
def test_what_is_no_other_process_is_not_killed(emulator: Emulated, pid: object) -> None:
    pid = emulator.process.pid if pid == "own" else pid
    rule = {"action": "kill_pid", "args": {"pid": pid}}
    answer = emulator.admin("POST", "/_emu/faults", rules=[rule])
    assert (answer.status_code, "args.pid" in answer.text) == (400, True)
    os.kill(emulator.process.pid, 0)


def test_reads_are_hidden_behind_the_services_own_404(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    url = f"{workspace_path(name)}{ENDPOINT}"
    missing = client.get(url).json()["error"]["message"]
    fault(emulator, "hide_reads", "after_apply", method="PUT", workspace=name, args={"reads": 2})
    assert client.put(url, json={"properties": {"authMode": "Key"}}).status_code == 201
    answers = [client.get(url) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 200]
    assert answers[0].json()["error"]["message"] == missing


@pytest.mark.parametrize(("when", "statuses"), [("before", [401, 401]), ("after_apply", [200, 401])])
def test_tokens_expire_as_azures_do(
    emulator: Emulated, client: httpx.Client, name: str, when: str, statuses: list[int]
) -> None:
    fault(emulator, "expire_tokens", when, workspace=name)
    answers = [client.get(workspace_path(name)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == statuses
    assert answers[1].json()["error"]["code"] == "ExpiredAuthenticationToken"
    assert 'error="invalid_token"' in answers[1].headers["www-authenticate"]
    with emulator.client(emulator.token()) as renewed:
        assert renewed.get(workspace_path(name)).status_code == 200


CORRUPTIONS: dict[str, Callable[[httpx.Response], bool]] = {
    "html": lambda answer: answer.headers["content-type"].startswith("text/html"),
    "content_type": lambda answer: bool(answer.json()) and "octet" in answer.headers["content-type"],
    "truncated": lambda answer: _is_broken(answer.text),
    "empty": lambda answer: answer.content == b"",
}


def _is_broken(text: str) -> bool:
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
    return True


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_an_answer_may_be_none_of_azures(
    emulator: Emulated, client: httpx.Client, name: str, kind: str
) -> None:
    fault(emulator, "corrupt", "after_apply", workspace=name, args={"kind": kind})
    answer = client.get(workspace_path(name))
    assert answer.status_code == 200
    assert CORRUPTIONS[kind](answer)


def test_a_redirect_leads_to_another_host(emulator: Emulated, client: httpx.Client, name: str) -> None:
    fault(emulator, "redirect", workspace=name)
    answer = client.get(workspace_path(name))
    assert answer.status_code == 307
    assert answer.headers["location"] == f"https://elsewhere.invalid{workspace_path(name)}"


@pytest.mark.parametrize("when", ["before", "after_apply"])
def test_a_write_may_be_lost_though_it_was_answered(
    emulator: Emulated, client: httpx.Client, name: str, when: str
) -> None:
    fault(emulator, "drop_write", when, method="PUT", workspace=name)
    lost = put_compute(client, name)
    assert lost.status_code == 201
    assert client.get(lost.headers["Azure-AsyncOperation"]).status_code == 200
    time.sleep(0.2)  # longer than the work that goes with it takes
    assert client.get(f"{workspace_path(name)}/computes/gpu").status_code == 404
    assert events(emulator, name) == []


def test_a_change_may_be_lost_though_it_was_answered(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    url = f"{workspace_path(name)}/onlineEndpoints/{name}"
    body = {"properties": {"authMode": "Key"}}
    client.put(url, json=body)
    time.sleep(0.2)  # longer than making an endpoint takes
    fault(emulator, "drop_write", method="PUT", workspace=name)
    assert client.put(url, json={**body, "tags": {"a": "b"}}).status_code == 201
    time.sleep(0.2)
    assert client.get(url).json()["tags"] == {}
    assert events(emulator, name) == [("create", "endpoint", name)]


def states_of(client: httpx.Client, url: str, count: int) -> list[str]:
    return [client.get(url).json()["status"] for _ in range(count)]


@pytest.mark.parametrize(
    "case",
    [
        ({"states": ["Updating", "Failed"]}, ["Updating", "Failed", "Failed"], "Failed"),
        ({"states": ["Canceled"]}, ["Canceled", "Canceled", "Canceled"], "Canceled"),
        ({"states": ["Updating"]}, ["Updating", "Updating", "Updating"], "Creating"),
        (
            {"states": ["Succeeded", "Updating", "Succeeded"]},
            ["Succeeded", "Updating", "Succeeded"],
            "Succeeded",
        ),
        ({"states": ["Frobnicating"]}, ["Frobnicating"] * 3, "Creating"),
        ({"states": ["Succeeded"], "resource": "Failed"}, ["Succeeded"] * 3, "Failed"),
        ({"states": ["Failed"], "resource": "Succeeded"}, ["Failed"] * 3, "Succeeded"),
    ],
)
def test_an_operation_goes_by_its_script(
    emulator: Emulated,
    client: httpx.Client,
    case: tuple[dict[str, Any], list[str], str],
    name: str,
) -> None:
    args, operation, resource = case
    url = f"{workspace_path(name)}/onlineEndpoints/{name}"
    fault(emulator, "lro_script", method="PUT", workspace=name, args=args)
    answer = client.put(url, json={"properties": {"authMode": "Key"}})
    assert states_of(client, answer.headers["Azure-AsyncOperation"], 3) == operation
    time.sleep(0.2)  # longer than making an endpoint takes
    assert client.get(url).json()["properties"]["provisioningState"] == resource


@pytest.mark.parametrize("kind", ["computes", "onlineEndpoints"])
def test_what_has_failed_stays_failed_over_a_kill(tmp_path: Path, kind: str) -> None:
    path = f"{workspace_path('w')}/{kind}/gpu"
    compute = {"computeType": "AmlCompute", "properties": {"vmSize": "Standard_NC24ads_A100_v4"}}
    with running(tmp_path, *TEST_MODE) as emulated, emulated.client(emulated.token()) as client:
        fault(emulated, "lro_script", method="PUT", args={"states": ["Failed"]})
        assert client.put(path, json={"properties": {"authMode": "Key", **compute}}).status_code == 201
        time.sleep(0.1)  # by now it has failed
        emulated.process.kill()
    with running(tmp_path, *TEST_MODE) as emulated, emulated.client(emulated.token()) as client:
        assert client.get(path).json()["properties"]["provisioningState"] == "Failed"


def test_rules_for_one_workspace_are_taken_back_alone(emulator: Emulated) -> None:
    for workspace in ("one", "two"):
        fault(emulator, "reset", workspace=workspace)
    emulator.admin("DELETE", "/_emu/faults?workspace=one")
    left = emulator.admin("GET", "/_emu/faults").json()["rules"]
    assert [rule["match"]["workspace"] for rule in left] == ["two"]
    assert emulator.admin("GET", "/_emu/faults?workspace=one").json()["rules"] == []


def test_a_resource_may_go_backwards(emulator: Emulated, client: httpx.Client, name: str) -> None:
    url = f"{workspace_path(name)}/onlineEndpoints/{name}"
    wanted = ["Updating", "Creating", "Frobnicating", "Succeeded"]
    fault(emulator, "lro_script", method="PUT", args={"states": ["Updating"], "resource": wanted})
    set_clock(emulator, rate=0.3)  # each state lasts long enough to be seen
    client.put(url, json={"properties": {"authMode": "Key"}})
    seen: list[str] = []
    end = time.monotonic() + 20
    while "Succeeded" not in seen and time.monotonic() < end:
        state = client.get(url).json()["properties"]["provisioningState"]
        seen += [state] if state not in seen[-1:] else []
    set_clock(emulator, rate=1)
    assert seen[-4:] == wanted


def test_requests_are_listed_in_their_order(emulator: Emulated, client: httpx.Client, name: str) -> None:
    put_compute(client, name)
    client.get(f"{workspace_path(name)}/computes/none")
    store = client.get(f"{workspace_path(name)}/datastores/workspaceblobstore").json()["properties"]
    sas = client.post(f"{workspace_path(name)}/datastores/workspaceblobstore/listSecrets").json()["sasToken"]
    client.put(
        f"https://{store['accountName']}.blob.local/{store['containerName']}/a/b.txt?{sas}",
        content=b"x",
        headers={"x-ms-blob-type": "BlockBlob"},
    )
    seen = requests(emulator, name)
    assert [(each["n"], each["method"], each["name"], each["status"]) for each in seen] == [
        (1, "PUT", "gpu", 201),
        (2, "GET", "none", 404),
        (3, "GET", "workspaceblobstore", 200),
        (4, "POST", "workspaceblobstore", 200),
        (5, "PUT", "a/b.txt", 201),
    ]
    assert seen[0]["route"].endswith("/workspaces/{workspace}/computes/{compute}")
    assert not [each for each in seen if "sig=" in json.dumps(each)]


def test_the_list_of_requests_begins_anew(emulator: Emulated, client: httpx.Client, name: str) -> None:
    client.get(workspace_path(name))
    client.get(workspace_path(f"{name}-b"))
    emulator.admin("DELETE", f"/_emu/requests?workspace={name}")
    assert requests(emulator, name) == []
    assert len(requests(emulator, f"{name}-b")) == 1


def test_the_number_in_the_list_is_the_number_of_a_rule(
    emulator: Emulated, client: httpx.Client, name: str
) -> None:
    def ask() -> list[int]:
        return [client.get(f"{workspace_path(name)}/computes/{each}").status_code for each in "abcd"]

    assert ask() == [404] * 4
    number = next(each["n"] for each in requests(emulator, name) if each["name"] == "c")
    fault(emulator, "status", workspace=name, nth=number, args={"status": 500})
    assert ask() == [404, 404, 500, 404]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"action": "explode"}, "explode"),
        ({"action": "half"}, "half needs an answer"),
        ({"action": "status", "when": "mid_response", "args": {"status": 500}}, "middle of a response"),
        ({"action": "status"}, "args.status"),
        ({"action": "reset", "when": "later"}, "later"),
        ({"action": "reset", "match": {"pth": "x"}}, "pth"),
        ({"action": "reset", "match": {"path": "("}}, "rule 1"),
        ({"action": "reset", "match": {"nth": 0}}, "nth"),
        ({"action": "reset", "args": {"times": 0}}, "times"),
        ({"action": "hang", "args": {"seconds": -1}}, "args.seconds"),
        ({"action": "lro_script", "args": {"states": []}}, "args.states"),
        ({"action": "reset", "extra": 1}, "extra"),
        ("reset", "a list of objects"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(emulator: Emulated, rule: object, told: str) -> None:
    answer = emulator.admin("POST", "/_emu/faults", rules=[rule])
    assert answer.status_code == 400
    assert told in answer.json()["error"]["message"]
    assert fired(emulator) == []


TEST_MODE_ROUTES = [
    ("GET", "/_emu/faults"),
    ("POST", "/_emu/faults"),
    ("DELETE", "/_emu/faults"),
    ("GET", "/_emu/ledger"),
    ("GET", "/_emu/requests"),
    ("DELETE", "/_emu/requests"),
    ("GET", "/_emu/clock"),
    ("POST", "/_emu/clock"),
    ("POST", "/_emu/latencies"),
    ("POST", "/_emu/jobs/script"),
    ("DELETE", "/_emu/jobs/script"),
    ("POST", "/_emu/quota"),
    ("DELETE", "/_emu/quota"),
    ("POST", "/_emu/registry"),
    ("DELETE", "/_emu/registry"),
]


def test_without_test_mode_there_are_no_faults(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("state")) as emulated:
        for method, path in TEST_MODE_ROUTES:
            assert emulated.admin(method, path).status_code == 403, path
        assert not (emulated.state / "clock.json").exists()


@pytest.mark.parametrize(("method", "path"), TEST_MODE_ROUTES)
def test_a_users_token_makes_no_faults(client: httpx.Client, method: str, path: str) -> None:
    assert client.request(method, path).status_code == 401
