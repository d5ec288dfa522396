"""The files of a registry's model, by our own reading and by the genuine SDK's download."""

import logging
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.ai.ml import MLClient
from azure.storage.blob import ContainerClient

from runner.azure import model_files
from runner.azure.registry import Registry
from runner.azure.transport import Transport
from runner.emulator.catalog import BASE_MODEL
from runner.errors import CloudUnavailable, NotFound
from runner.redact import MASK, redact
from tests.emulator.emulated import Emulated

MODEL = "Phi-3-tiny-4k-instruct"
PROVIDER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices"
REGISTRY = f"/mferp/managementfrontend{PROVIDER}/registries/azureml"


@pytest.fixture
def ours(registry: MLClient) -> Registry:
    return Registry(registry, "azureml", Transport())


@pytest.fixture(scope="module")
def signed(emulator: Emulated) -> str:
    """Give the URL of the small model's container, with its signature."""
    return str(referred(emulator, MODEL)["credential"]["sasUri"])


def referred(emulator: Emulated, name: str, version: str = "1") -> dict[str, dict[str, str]]:
    asset = f"azureml://registries/azureml/models/{name}/versions/{version}"
    with emulator.client(emulator.token()) as client:
        answer = client.post(f"{REGISTRY}/datarefs/{name}/versions/{version}", json={"assetId": asset})
    assert answer.status_code == 200, answer.text
    told: dict[str, dict[str, str]] = answer.json()["blobReferenceForConsumption"]
    return told


def test_the_tokenizer_and_the_configuration_are_read_and_no_weights(
    emulator: Emulated, ours: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    emulator.admin("DELETE", "/_emu/requests")
    found = ours.model_files(MODEL, "1")

    data = BASE_MODEL / "data"
    tokenizer = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
    expected = {name: (data / "tokenizer" / name).read_bytes() for name in tokenizer}
    assert found == {**expected, "config.json": (data / "model" / "config.json").read_bytes()}
    sent = [each["path"] for each in emulator.admin("GET", "/_emu/requests").json()["requests"]]
    assert not [path for path in sent if path.endswith("safetensors")]
    assert re.findall(r"sig=(?!\[redacted\])[^&\s]{8,}", redact(caplog.text)) == []


def test_another_model_has_its_own_files(ours: Registry) -> None:
    assert set(ours.model_files("Phi-4", "8")) == set(ours.model_files(MODEL, "1"))


def test_a_model_that_is_not_there_has_no_files(ours: Registry) -> None:
    with pytest.raises(NotFound, match="reading the files of model"):
        ours.model_files(MODEL, "99")


def test_what_is_too_large_is_not_fetched(ours: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "MAX_FILE_BYTES", 10_000)
    assert "tokenizer.json" not in ours.model_files(MODEL, "1")


def test_a_signature_is_never_written(ours: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    signed: list[str] = []
    opened = ContainerClient.from_container_url

    def noted(url: str, **options: Any) -> ContainerClient:  # noqa: ANN401 - as the SDK has it
        signed.append(urlsplit(url).query)
        return opened(url.replace("azureml-models-", "azureml-models-0"), **options)

    monkeypatch.setattr(ContainerClient, "from_container_url", noted)
    with pytest.raises(CloudUnavailable) as refused:
        ours.model_files(MODEL, "1")
    value = parse_qs(signed[0])["sig"][0]
    assert redact(f"{value} {signed[0]}") == f"{MASK} {MASK}"
    assert value not in f"{refused.value.message} {refused.value.hint}"


def test_the_sdk_downloads_a_registrys_model(registry: MLClient, tmp_path: Path) -> None:
    registry.models.download(MODEL, "1", download_path=tmp_path)
    got = tmp_path / MODEL / "mlflow_model_folder"
    names = {path.relative_to(BASE_MODEL) for path in BASE_MODEL.rglob("*") if path.is_file()}
    assert {path.relative_to(got) for path in got.rglob("*") if path.is_file()} == names
    assert (got / "MLmodel").read_bytes() == (BASE_MODEL / "MLmodel").read_bytes()


def test_a_reference_of_what_is_not_there_is_an_arm_error(emulator: Emulated) -> None:
    with emulator.client(emulator.token()) as client:
        missing = client.post(f"{REGISTRY}/datarefs/none/versions/1", json={})
        other = client.post(f"{REGISTRY}/datarefs/{MODEL}/versions/1", json={"assetId": "azureml://x"})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "UserError")
    assert other.status_code == 400
    with emulator.client() as anonymous:
        assert anonymous.post(f"{REGISTRY}/datarefs/{MODEL}/versions/1", json={}).status_code == 401


def test_a_signature_reads_and_lists_one_models_container(emulator: Emulated, signed: str) -> None:
    container, query = signed.split("?")
    other = referred(emulator, "Phi-4", "8")["credential"]["sasUri"].split("?")[0]
    file = f"{container}/mlflow_model_folder/MLmodel"
    listing = f"{container}?restype=container&comp=list"
    with emulator.client() as client:
        assert client.get(f"{file}?{query}").content == (BASE_MODEL / "MLmodel").read_bytes()
        assert client.get(f"{file}?{query}", headers={"Range": "bytes=0-3"}).status_code == 206
        assert client.get(f"{listing}&{query}").text.count("<Blob>") == 10
        below = client.get(f"{listing}&prefix=mlflow_model_folder/&delimiter=/&{query}").text
        assert (below.count("<BlobPrefix>"), below.count("<Blob>")) == (1, 4)
        assert client.get(f"{container}/nothing?{query}").status_code == 404
        for refused in (
            client.get(file),
            client.get(f"{other}/mlflow_model_folder/MLmodel?{query}"),
            client.get(f"{listing}&{query.replace('sp=rl', 'sp=racwdl')}"),
            client.put(f"{file}?{query}", content=b"x", headers={"x-ms-blob-type": "BlockBlob"}),
            client.delete(f"{file}?{query}"),
        ):
            assert (refused.status_code, "<Code>Auth" in refused.text) == (403, True)
