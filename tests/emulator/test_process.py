"""The emulator as a process: one a folder, ended by idleness, a signal or a kill, never a child left."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.emulator.emulated import FAKE_TRAINER, ROOT, Emulated, command, running

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
REGION = "/subscriptions/s/providers/Microsoft.MachineLearningServices/locations/eastus"
MODEL = "azureml://registries/azureml/models/Phi-3-tiny-4k-instruct/versions/1"
COMPONENT = "azureml://registries/azureml/components/chat_completion_pipeline/versions/0.0.82"
FAKE = ("--test-mode", "--trainer", FAKE_TRAINER)


def upload(emulated: Emulated, text: str) -> str:
    """Put a training file, and return its URI."""
    with emulated.client(emulated.token()) as client:
        store = client.get(f"{WORKSPACE}/datastores/workspaceblobstore").json()["properties"]
        sas = client.post(f"{WORKSPACE}/datastores/workspaceblobstore/listSecrets").json()["sasToken"]
        url = f"https://{store['accountName']}.blob.local/{store['containerName']}/train.jsonl?{sas}"
        assert client.put(url, content=text, headers={"x-ms-blob-type": "BlockBlob"}).status_code == 201
    return "azureml://datastores/workspaceblobstore/paths/train.jsonl"


def submit(emulated: Emulated, text: str, name: str = "run-1") -> None:
    """Submit a job whose training file says what the trainer shall do."""
    train = upload(emulated, text)
    inputs = {
        "mlflow_model_path": {"uri": MODEL, "job_input_type": "mlflow_model"},
        "train_file_path": {"uri": train, "job_input_type": "uri_file"},
        "instance_type_finetune": {"value": "Standard_NC24ads_A100_v4", "job_input_type": "literal"},
    }
    output = {"mlflow_model_folder": {"value": "${{parent.outputs.trained_model}}", "type": "literal"}}
    node = {"componentId": COMPONENT, "inputs": inputs, "outputs": output}
    properties = {
        "jobType": "Pipeline",
        "jobs": {"chat": node},
        "outputs": {"trained_model": {"jobOutputType": "mlflow_model"}},
    }
    headers = {"x-azureml-token": emulated.token("https://ml.azure.localhost")}
    with emulated.client(emulated.token()) as client:
        answer = client.put(f"{WORKSPACE}/jobs/{name}", json={"properties": properties}, headers=headers)
    assert answer.status_code == 201, answer.text


def job(emulated: Emulated, name: str = "run-1") -> dict[str, str]:
    with emulated.client(emulated.token()) as client:
        return dict(client.get(f"{WORKSPACE}/jobs/{name}").json()["properties"])


def wait_for_end(emulated: Emulated) -> str:
    while (status := job(emulated)["status"]) not in {"Completed", "Failed", "Canceled"}:
        time.sleep(0.05)
    return status


def deploy(emulated: Emulated, model: str = MODEL) -> None:
    """Create an endpoint with a deployment that has all traffic."""
    endpoint = f"{WORKSPACE}/onlineEndpoints/chat"
    made = {
        "sku": {"capacity": 1},
        "properties": {"model": model, "instanceType": "Standard_NC24ads_A100_v4"},
    }
    with emulated.client(emulated.token()) as client:
        follow(client.put(endpoint, json={"properties": {"authMode": "Key"}}), client)
        follow(client.put(f"{endpoint}/deployments/demo", json=made), client)
        sent = {"properties": {"authMode": "Key", "traffic": {"demo": 100}}}
        follow(client.put(endpoint, json=sent), client)


def follow(answer: httpx.Response, client: httpx.Client) -> None:
    assert answer.status_code == 201, answer.text
    while (body := client.get(answer.headers["Azure-AsyncOperation"]).json())["status"] == "Updating":
        time.sleep(0.05)
    assert body["status"] == "Succeeded", body


def score(emulated: Emulated) -> int:
    endpoint = f"{WORKSPACE}/onlineEndpoints/chat"
    with emulated.client(emulated.token()) as client:
        uri = client.get(endpoint).json()["properties"]["scoringUri"]
        key = client.post(f"{endpoint}/listKeys").json()["primaryKey"]
        return client.post(uri, json={}, headers={"Authorization": f"Bearer {key}"}).status_code


def children(pid: int) -> list[int]:
    """Return the live processes that this one started."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]


def wait_for_children(pid: int) -> list[int]:
    end = time.monotonic() + 5
    while not (found := children(pid)) and time.monotonic() < end:
        time.sleep(0.02)
    assert found
    return found


def are_gone(pids: list[int], seconds: float = 5) -> bool:
    """Say whether the processes end in time; a zombie has ended."""
    end = time.monotonic() + seconds
    while any(_is_alive(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(_is_alive(pid) for pid in pids)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_announces_itself_and_takes_it_back(tmp_path: Path) -> None:
    with running(tmp_path / "state") as emulated:
        assert emulated.info["pid"] == emulated.process.pid
        assert emulated.info["format"] == 1
        with emulated.client() as client:
            assert client.get("/metadata/endpoints").json()["resourceManager"] == emulated.url
        assert emulated.end() == 0
    assert not (emulated.state / "emulator.json").exists()


def test_it_starts_quickly(tmp_path: Path) -> None:
    began = time.monotonic()
    with running(tmp_path):
        assert time.monotonic() - began < 3


def test_only_its_owner_can_read_its_folder(tmp_path: Path) -> None:
    with running(tmp_path / "state") as emulated:
        assert emulated.state.stat().st_mode & 0o777 == 0o700
        files = [path for path in emulated.state.iterdir() if path.is_file()]
        assert len(files) >= 8
        assert {path.name: path.stat().st_mode & 0o077 for path in files if path.stat().st_mode & 0o077} == {}


def test_a_second_start_on_the_same_folder_says_so(tmp_path: Path) -> None:
    with running(tmp_path):
        second = subprocess.run(
            command(tmp_path), capture_output=True, text=True, timeout=20, check=False, cwd=ROOT
        )
    assert (second.returncode, second.stdout) == (3, "")
    assert "another emulator holds" in second.stderr


def test_a_stale_announcement_is_replaced(tmp_path: Path) -> None:
    with running(tmp_path) as emulated:
        emulated.process.kill()
        emulated.process.wait()
        assert (tmp_path / "emulator.json").exists()
        with running(tmp_path) as again:
            assert again.info["pid"] != emulated.info["pid"]


def test_it_ends_when_nobody_asks(tmp_path: Path) -> None:
    with running(tmp_path, "--idle-timeout", "1") as emulated:
        assert emulated.process.wait(5) == 0
    assert not (tmp_path / "emulator.json").exists()


def test_requests_and_jobs_keep_it_alive(tmp_path: Path) -> None:
    with running(tmp_path, "--idle-timeout", "1", *FAKE) as emulated:
        emulated.script("Completed", 2.5)
        submit(emulated, "")
        time.sleep(2)
        assert emulated.process.poll() is None
        assert emulated.process.wait(5) == 0


def test_it_ends_when_asked_by_its_owner(tmp_path: Path) -> None:
    with running(tmp_path) as emulated:
        assert emulated.admin("POST", "/_emu/shutdown").status_code == 202
        assert emulated.process.wait(5) == 0


def test_sigterm_leaves_no_child(tmp_path: Path) -> None:
    with running(tmp_path, *FAKE) as emulated:
        submit(emulated, "HANG validate")
        deploy(emulated)
        pids = wait_for_children(emulated.process.pid)
        assert len(pids) == 2
        assert emulated.end() == 0
        assert are_gone(pids)


def test_a_kill_leaves_no_child(tmp_path: Path) -> None:
    with running(tmp_path, *FAKE) as emulated:
        submit(emulated, "HANG validate")
        deploy(emulated)
        pids = wait_for_children(emulated.process.pid)
        assert len(pids) == 2
        os.kill(emulated.process.pid, signal.SIGKILL)
        emulated.process.wait()
        assert are_gone(pids)


def test_a_job_that_ran_during_a_kill_is_failed_afterwards(tmp_path: Path) -> None:
    with running(tmp_path, *FAKE) as emulated:
        submit(emulated, "HANG finetune")
        emulated.process.kill()
    with running(tmp_path, *FAKE) as emulated:
        assert job(emulated)["status"] == "Failed"
        with emulated.client(emulated.token()) as client:
            details = client.get(f"/history/v1.0{WORKSPACE}/runs/run-1/details").json()
        assert details["error"]["error"]["code"] == "EmulatorEnded"


def test_what_was_made_outlives_the_process(tmp_path: Path) -> None:
    compute = f"{WORKSPACE}/computes/gpu"
    cluster = {"computeType": "AmlCompute", "properties": {"vmSize": "Standard_NC24ads_A100_v4"}}
    with running(tmp_path, *FAKE) as emulated:
        with emulated.client(emulated.token()) as client:
            assert client.put(compute, json={"properties": cluster}).status_code == 201
        submit(emulated, "")
        assert wait_for_end(emulated) == "Completed"
        register(emulated)
        deploy(emulated, f"{WORKSPACE}/models/tuned/versions/1")
        assert score(emulated) == 200
        emulated.process.kill()
    with running(tmp_path, *FAKE) as emulated:
        with emulated.client(emulated.token()) as client:
            assert client.get(compute).json()["properties"]["provisioningState"] == "Succeeded"
        assert job(emulated)["status"] == "Completed"
        assert score(emulated) == 200


def register(emulated: Emulated) -> None:
    model = {"modelUri": "azureml://jobs/run-1/outputs/trained_model", "modelType": "mlflow_model"}
    with emulated.client(emulated.token()) as client:
        answer = client.put(f"{WORKSPACE}/models/tuned/versions/1", json={"properties": model})
    assert answer.status_code == 201, answer.text


def test_a_limit_that_a_test_left_behind_does_not_outlive_test_mode(tmp_path: Path) -> None:
    family = "standardNCADSA100v4Family"

    def dedicated(emulated: Emulated) -> set[int]:
        with emulated.client(emulated.token()) as client:
            lines = client.get(f"{REGION}/usages").json()["value"]
        return {line["limit"] for line in lines if line["name"]["value"] == family}

    with running(tmp_path / "state", *FAKE) as emulated:
        assert emulated.admin("POST", "/_emu/quota", name=family, limit=1).status_code == 200
        assert 1 in dedicated(emulated)
    with running(tmp_path / "state") as emulated:
        assert 1 not in dedicated(emulated)


def test_two_emulators_do_not_meet(tmp_path: Path) -> None:
    with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        assert one.info["port"] != two.info["port"]
        with two.client(one.token()) as client:
            assert client.get(WORKSPACE).status_code == 401


def test_polling_can_be_left_to_the_client(tmp_path: Path) -> None:
    with running(tmp_path, "--no-fast-polling") as emulated, emulated.client(emulated.token()) as client:
        answer = client.put(f"{WORKSPACE}/onlineEndpoints/chat", json={"properties": {}})
        status = client.get(answer.headers["Azure-AsyncOperation"])
    assert status.json()["status"] == "Updating"
    assert "x-ms-retry-after-ms" not in status.headers


@pytest.mark.parametrize("flags", [("--trainer", FAKE_TRAINER), ("--port", "x")])
def test_a_wrong_call_is_told(tmp_path: Path, flags: tuple[str, ...]) -> None:
    wrong = subprocess.run(
        command(tmp_path, *flags), capture_output=True, text=True, timeout=20, check=False, cwd=ROOT
    )
    assert wrong.returncode == 2


def test_the_announcement_is_json_that_a_script_can_use(tmp_path: Path) -> None:
    with running(tmp_path) as emulated:
        info = json.loads((tmp_path / "emulator.json").read_text(encoding="utf-8"))
        assert info == emulated.info
        assert {"ARM_CLOUD_METADATA_URL", "IDENTITY_ENDPOINT", "AZURE_SUBSCRIPTION_ID"} <= set(info["env"])
        assert Path(info["env"]["REQUESTS_CA_BUNDLE"]).read_text(encoding="utf-8").count("BEGIN CERT") > 100
