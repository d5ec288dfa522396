"""Data assets and blobs through the genuine SDK and azure-storage-blob: uploaded once, fixed by version."""

from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Data
from azure.ai.ml.exceptions import AssetPathException
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.storage.blob import ContainerClient, ContentSettings

from tests.emulator.emulated import Emulated


def asset(path: Path, version: str = "1", **more: Any) -> Data:  # noqa: ANN401 - the SDK's own fields
    return Data(name="chats", version=version, path=str(path), type="uri_file", **more)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"messages": []}\n', encoding="utf-8")
    return path


@pytest.fixture
def container(workspace: MLClient) -> ContainerClient:
    """Open the default datastore's container as the SDK does, with blocks so small that a test has many."""
    store = workspace.datastores.get_default(include_secrets=True)
    url = f"https://{store.account_name}.blob.{store.endpoint}"
    sas = store.credentials.sas_token
    return ContainerClient(
        url,
        store.container_name,
        credential=sas,
        max_single_put_size=1024,
        max_block_size=1024,
        retry_total=0,
    )


def test_a_file_becomes_a_data_asset(workspace: MLClient, rows: Path) -> None:
    created = workspace.data.create_or_update(asset(rows, tags={"a": "b"}))
    found = workspace.data.get("chats", version="1")
    assert (found.type, found.tags, found.path) == ("uri_file", {"a": "b"}, created.path)
    assert workspace.data.get("chats", label="latest").version == "1"


def test_a_folder_is_uploaded_file_by_file(
    workspace: MLClient, tmp_path: Path, container: ContainerClient
) -> None:
    for name in ("a.txt", "sub/b.txt"):
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    workspace.data.create_or_update(
        Data(name="f", version="1", path=str(tmp_path / "folder"), type="uri_folder")
    )
    names = [blob.name.split("/", 2)[2] for blob in container.list_blobs()]
    assert names == ["folder/a.txt", "folder/sub/b.txt"]


def test_a_version_cannot_point_elsewhere(workspace: MLClient, rows: Path) -> None:
    workspace.data.create_or_update(asset(rows))
    rows.write_text('{"other": 1}\n', encoding="utf-8")
    with pytest.raises((AssetPathException, HttpResponseError)):
        workspace.data.create_or_update(asset(rows))


def test_tags_of_a_version_can_change(workspace: MLClient, rows: Path) -> None:
    workspace.data.create_or_update(asset(rows))
    workspace.data.create_or_update(asset(rows, tags={"seen": "yes"}))
    assert workspace.data.get("chats", version="1").tags == {"seen": "yes"}


def test_an_archived_version_leaves_the_list(workspace: MLClient, rows: Path) -> None:
    workspace.data.create_or_update(asset(rows))
    workspace.data.create_or_update(asset(rows, version="2"))
    workspace.data.archive("chats", version="1")
    assert [data.version for data in workspace.data.list("chats")] == ["2"]
    assert [data.name for data in workspace.data.list()] == ["chats"]


def test_a_missing_version_is_not_found(workspace: MLClient) -> None:
    with pytest.raises(ResourceNotFoundError):
        workspace.data.get("nothing", version="1")


def test_a_name_with_a_dot_is_refused(workspace: MLClient, rows: Path) -> None:
    with pytest.raises(HttpResponseError, match=r"data name 'a\.b' is invalid"):
        workspace.data.create_or_update(Data(name="a.b", version="1", path=str(rows), type="uri_file"))


def test_an_asset_of_nothing_is_refused(workspace: MLClient) -> None:
    missing = "azureml://datastores/workspaceblobstore/paths/nothing/here.jsonl"
    with pytest.raises(ResourceNotFoundError, match="There is nothing at"):
        workspace.data.create_or_update(Data(name="x", version="1", path=missing, type="uri_file"))


def test_many_blocks_make_one_blob(container: ContainerClient) -> None:
    content = bytes(range(256)) * 20
    blob = container.upload_blob("deep/er/name with space.bin", content, metadata={"rows": "20"})
    assert blob.download_blob().readall() == content
    assert blob.download_blob(offset=1000, length=3).readall() == content[1000:1003]
    assert blob.get_blob_properties().metadata == {"rows": "20"}


def test_a_blob_is_not_overwritten_unless_asked(container: ContainerClient) -> None:
    container.upload_blob("a", b"one")
    with pytest.raises(ResourceExistsError):
        container.upload_blob("a", b"two")
    container.upload_blob("a", b"three", overwrite=True)
    assert container.download_blob("a").readall() == b"three"


def test_an_empty_blob_can_be_read(container: ContainerClient) -> None:
    container.upload_blob("empty", b"")
    assert container.download_blob("empty").readall() == b""


def test_metadata_and_deletion(container: ContainerClient) -> None:
    blob = container.upload_blob("a", b"one")
    blob.set_blob_metadata({"upload_status": "completed"})
    assert [found.metadata for found in container.list_blobs(include=["metadata"])] == [
        {"upload_status": "completed"}
    ]
    blob.delete_blob()
    assert not blob.exists()


def digests(container: ContainerClient) -> dict[str, bytes | None]:
    """Give the MD5 of each blob as the list has it, which a look at the blob and a download confirm."""
    found = {}
    for listed in container.list_blobs():
        digest = listed.content_settings.content_md5
        blob = container.get_blob_client(listed.name)
        for again in (blob.get_blob_properties(), blob.download_blob().properties):
            assert again.content_settings.content_md5 == digest
        found[str(listed.name)] = bytes(digest) if digest else None
    return found


def test_the_digest_of_a_blob_is_kept_where_blob_storage_keeps_one(container: ContainerClient) -> None:
    whole, blocks = b"one", bytes(range(256)) * 20
    container.upload_blob("whole", whole).set_blob_metadata({"a": "b"})
    container.upload_blob("in blocks", blocks)
    given = ContentSettings(content_md5=bytearray(_md5(blocks)))
    container.upload_blob("in blocks, given", blocks, content_settings=given)

    assert digests(container) == {"whole": _md5(whole), "in blocks": None, "in blocks, given": _md5(blocks)}

    container.upload_blob("in blocks, given", whole, overwrite=True)
    assert digests(container)["in blocks, given"] == _md5(whole)


def _md5(content: bytes) -> bytes:
    return md5(content, usedforsecurity=False).digest()


def test_what_a_job_writes_has_no_digest(
    container: ContainerClient, workspace: MLClient, emulator: Emulated
) -> None:
    store = workspace.datastores.get_default()
    account = str(store.account_name).rpartition("/")[2]
    folder = emulator.state / "blobs" / account / str(store.container_name) / "azureml" / "job" / "model"
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_bytes(b"one")

    assert digests(container) == {"azureml/job/model/weights.bin": None}


def test_a_blob_beside_its_container_is_refused(container: ContainerClient) -> None:
    with pytest.raises(HttpResponseError):
        container.upload_blob("a/../../../escaped", b"x")


def test_a_wrong_signature_opens_nothing(container: ContainerClient) -> None:
    wrong = ContainerClient(
        container.primary_endpoint.rpartition("/")[0],
        container.container_name,
        credential="sv=2023-11-03&sr=c&sp=racwdl&sig=0000",
        retry_total=0,
    )
    with pytest.raises((ClientAuthenticationError, HttpResponseError), match="signature is wrong"):
        wrong.upload_blob("a", b"x")
