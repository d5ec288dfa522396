"""A job's output file by file, by our own looks at run history and at what blob storage answers."""

import base64
import hashlib
from pathlib import Path
from threading import Event

import pytest
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential
from azure.storage.blob import ContainerClient

from runner.azure import contents
from runner.azure.cloud import Cloud, connect
from runner.azure.credential import RenewableCredential
from runner.errors import StepFailed
from runner.facts import StoredFile, Target, TargetKind
from tests.emulator.emulated import Emulated

FOLDER = "azureml/job-1/trained_model"


@pytest.fixture
def cloud(emulator: Emulated, workspace: MLClient) -> Cloud:
    target = Target(
        kind=TargetKind.EMULATOR,
        subscription_id=emulator.info["env"]["AZURE_SUBSCRIPTION_ID"],
        resource_group=emulator.info["env"]["AZURE_RESOURCE_GROUP"],
        workspace_name=str(workspace.workspace_name),
        resource_manager=emulator.url,
    )
    return connect(target, "azureml", RenewableCredential(DefaultAzureCredential))


@pytest.fixture
def container(workspace: MLClient) -> ContainerClient:
    store = workspace.datastores.get_default(include_secrets=True)
    url = f"https://{store.account_name}.blob.{store.endpoint}"
    return ContainerClient(url, store.container_name, credential=store.credentials.sas_token)


@pytest.fixture
def written(emulator: Emulated, workspace: MLClient) -> Path:
    """Give the folder into which a job's last stage would write its model."""
    store = workspace.datastores.get_default()
    account = str(store.account_name).rpartition("/")[2]
    folder = emulator.state / "blobs" / account / str(store.container_name) / FOLDER
    folder.mkdir(parents=True)
    return folder


def read(cloud: Cloud, slash: str = "/") -> dict[str, StoredFile]:
    home = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/workspaceblobstore"
    uri = f"{home}/paths/{FOLDER}{slash}"
    return dict(cloud.storage.contents(uri, Event()))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_each_file_has_its_size_and_its_digests(
    cloud: Cloud, container: ContainerClient, written: Path
) -> None:
    (written / "data").mkdir()
    (written / "data" / "model.safetensors").write_bytes(b"weights")
    (written / "empty").write_bytes(b"")
    container.upload_blob(f"{FOLDER}/MLmodel", b"flavors")
    container.upload_blob(f"{FOLDER}-of-another/MLmodel", b"others")

    md5 = base64.b64encode(hashlib.md5(b"flavors", usedforsecurity=False).digest()).decode()
    assert read(cloud) == {
        "MLmodel": StoredFile(bytes=7, md5=md5, sha256=sha256(b"flavors")),
        "data/model.safetensors": StoredFile(bytes=7, sha256=sha256(b"weights")),
        "empty": StoredFile(bytes=0, sha256=sha256(b"")),
    }
    assert read(cloud, slash="") == read(cloud)


def test_what_is_large_is_not_fetched_for_its_digest(
    cloud: Cloud, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "MAX_FILE_BYTES", 8)
    monkeypatch.setattr(contents, "MAX_TOTAL_BYTES", 12)
    for name, size in {"a.safetensors": 9, "b.safetensors": 8, "c.json": 4, "d.json": 4}.items():
        (written / name).write_bytes(b"x" * size)

    found = read(cloud)

    assert {name: file.bytes for name, file in found.items()} == {
        "a.safetensors": 9,
        "b.safetensors": 8,
        "c.json": 4,
        "d.json": 4,
    }
    assert [name for name, file in found.items() if file.sha256] == ["b.safetensors", "c.json"]


def test_too_many_files_are_not_written_down(
    cloud: Cloud, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "MAX_FILES", 1)
    for name in ("a", "b"):
        (written / name).write_bytes(b"x")
    with pytest.raises(StepFailed, match="more than 1 files"):
        read(cloud)


def test_a_run_that_is_stopped_does_not_wait_for_a_digest(cloud: Cloud, written: Path) -> None:
    (written / "a").write_bytes(b"x")
    stop = Event()
    stop.set()
    with pytest.raises(StepFailed, match="stopped"):
        cloud.storage.contents(f"azureml://datastores/workspaceblobstore/paths/{FOLDER}", stop)


def test_an_output_beside_every_datastore_is_not_looked_for(cloud: Cloud) -> None:
    with pytest.raises(StepFailed, match="in no datastore"):
        cloud.storage.contents("https://elsewhere.example/model", Event())


def test_run_history_tells_where_an_asset_lies(cloud: Cloud) -> None:
    asset = "azureml://locations/eastus/workspaces/w/data/azureml_job-1_output_data_trained_model/versions/1"
    uri = cloud.history.output_uri(asset)
    assert uri is not None
    assert uri.endswith(f"/datastores/workspaceblobstore/paths/{FOLDER}/")
    assert cloud.history.output_uri("azureml://locations/eastus/nothing") is None
