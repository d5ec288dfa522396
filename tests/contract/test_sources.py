"""Rows that lie in a workspace, found by the genuine SDK and read in parts by our own blob client."""

import hashlib
import shutil
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Data
from azure.identity import DefaultAzureCredential
from azure.storage.blob import ContainerClient

from runner.azure import sources
from runner.azure.cloud import Cloud, connect
from runner.azure.credential import RenewableCredential
from runner.dataset import PreparedSplit, preparing
from runner.errors import Diagnostic, RecipeInvalid, RunnerError
from runner.facts import Target, TargetKind
from runner.recipe import Dataset, Model, Recipe
from runner.steps.dataset import DatasetStep, restore
from runner.steps.step import Context, Status
from tests.emulator.emulated import Emulated

ROWS = b'{"messages":[]}\n' * 4
FOLDER = "azureml://datastores/workspaceblobstore/paths/rows"


@pytest.fixture
def target(emulator: Emulated, workspace: MLClient) -> Target:
    return Target(
        kind=TargetKind.EMULATOR,
        subscription_id=emulator.info["env"]["AZURE_SUBSCRIPTION_ID"],
        resource_group=emulator.info["env"]["AZURE_RESOURCE_GROUP"],
        workspace_name=str(workspace.workspace_name),
        resource_manager=emulator.url,
    )


@pytest.fixture
def cloud(target: Target) -> Cloud:
    return connect(target, "azureml", RenewableCredential(DefaultAzureCredential))


@pytest.fixture
def container(workspace: MLClient) -> ContainerClient:
    store = workspace.datastores.get_default(include_secrets=True)
    url = f"https://{store.account_name}.blob.{store.endpoint}"
    return ContainerClient(url, store.container_name, credential=store.credentials.sas_token)


def put(container: ContainerClient, **files: bytes) -> None:
    for name, content in files.items():
        container.upload_blob(f"rows/{name.replace('__', '.').replace('_in_', '/')}", content, overwrite=True)


def asset(workspace: MLClient, name: str, path: str, version: str = "1", kind: str = "uri_file") -> None:
    workspace.data.create_or_update(Data(name=name, version=version, path=path, type=kind))


def refused(cloud: Cloud, azureml: str, version: str | None = None, split: str = "train") -> Diagnostic:
    with pytest.raises(RecipeInvalid) as caught:
        cloud.sources.split(azureml, version, "train", split)
    (found,) = caught.value.diagnostics
    return found


def test_a_file_of_an_asset_is_read_in_parts(
    cloud: Cloud, workspace: MLClient, container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_PIECE", 10)
    put(container, a__jsonl=ROWS)
    asset(workspace, "chat-train", f"{FOLDER}/a.jsonl", "3")
    found = cloud.sources.split("chat", "3", "train", "train")
    (file,) = found.files
    assert (found.source, found.revision, file.name, file.size) == ("chat-train:3", "3", "a.jsonl", len(ROWS))
    assert list(file.stream(5, 30)) == [ROWS[5:15], ROWS[15:25], ROWS[25:30]]
    again = cloud.sources.split("chat", "3", "train", "train").files[0].identity
    put(container, a__jsonl=ROWS * 2)
    changed = cloud.sources.split("chat", "3", "train", "train").files[0].identity
    assert file.identity == again != changed
    assert "sig=" not in file.identity


def test_a_file_that_is_changed_while_it_is_read_is_not_read_on(
    cloud: Cloud, workspace: MLClient, container: ContainerClient
) -> None:
    put(container, a__jsonl=ROWS)
    asset(workspace, "chat-train", f"{FOLDER}/a.jsonl")
    (file,) = cloud.sources.split("chat", "1", "train", "train").files
    put(container, a__jsonl=ROWS * 2)
    with pytest.raises(RunnerError, match="was changed while it was read") as changed:
        list(file.stream(0, 8))
    assert type(changed.value) is RunnerError  # no other try would help


def test_the_newest_versions_are_fixed_once(
    cloud: Cloud, workspace: MLClient, container: ContainerClient
) -> None:
    put(container, a__jsonl=ROWS)
    for name, made in (("chat-train", "1"), ("chat-train", "2"), ("chat-test", "1")):
        asset(workspace, name, f"{FOLDER}/a.jsonl", made)
    splits = {"train": "train", "test": "test"}
    assert cloud.sources.revision("chat", None, splits) == "train=2,test=1"
    assert cloud.sources.revision("chat", "latest", {"train": "train"}) == "2"
    assert cloud.sources.revision("chat", "7", splits) == "7"
    pinned = cloud.sources.split("chat", "train=1,test=1", "train", "train")
    assert (pinned.source, pinned.revision) == ("chat-train:1", "1")
    assert not cloud.sources.revision(FOLDER, None, splits)
    cases: tuple[tuple[str, str | None, str], ...] = (
        ("other", None, "no-such-asset"),
        (FOLDER, "2", "no-revision"),
    )
    for azureml, version, code in cases:
        with pytest.raises(RecipeInvalid) as caught:
            cloud.sources.revision(azureml, version, splits)
        assert caught.value.diagnostics[0].code == code


def test_a_folder_is_an_asset_or_holds_the_splits_itself(
    cloud: Cloud, workspace: MLClient, container: ContainerClient
) -> None:
    put(container, train_in_b10__jsonl=ROWS, train_in_b9__jsonl=b"", train_in_README__md=b"-", test__csv=b"a")
    asset(workspace, "chat-train", f"{FOLDER}/train", kind="uri_folder")
    files = cloud.sources.split("chat", None, "train", "train").files
    assert [(file.name, file.size) for file in files] == [("b9.jsonl", 0), ("b10.jsonl", len(ROWS))]
    assert b"".join(files[1].stream(0, files[1].size)) == ROWS
    by_name = cloud.sources.split(f"{FOLDER}/", None, "test", "test")
    assert (by_name.source, by_name.revision) == (f"{FOLDER}/test.csv", None)
    assert list(by_name.files[0].stream(0, 1)) == [b"a"]


def test_the_long_form_is_of_this_workspace_alone(
    cloud: Cloud, target: Target, container: ContainerClient
) -> None:
    put(container, train__jsonl=ROWS)
    ids = target.workspace_id.replace("/providers/Microsoft.MachineLearningServices", "")
    long = FOLDER.replace("azureml://", f"azureml:/{ids.replace('resourceGroups', 'resourcegroups')}/")
    assert cloud.sources.split(long, None, "train", "train").source == f"{FOLDER}/train.jsonl"
    found = refused(cloud, long.replace(target.workspace_name, "ws-of-others"))
    assert (found.code, found.key) == ("other-workspace", "dataset.azureml")


def test_what_cannot_be_read_is_told(cloud: Cloud, workspace: MLClient, container: ContainerClient) -> None:
    put(container, a__bin=b"x", MLTable=b"x")
    asset(workspace, "binary-train", f"{FOLDER}/a.bin")
    asset(workspace, "folder-train", FOLDER, kind="uri_folder")
    assert refused(cloud, "none").code == "no-such-asset"
    assert refused(cloud, "binary").code == "unreadable-format"
    assert refused(cloud, "folder").code == "unreadable-format"
    assert refused(cloud, "binary", "2").code == "no-such-asset"
    assert refused(cloud, f"{FOLDER}-of-nobody").code == "no-such-split"
    assert refused(cloud, FOLDER.replace("workspaceblobstore", "nowhere")).code == "no-such-datastore"
    assert refused(cloud, "azureml://jobs/j/outputs/o").code == "not-in-a-datastore"
    container.delete_blob("rows/a.bin")
    asset(workspace, "gone-train", f"{FOLDER}/MLTable")
    assert refused(cloud, "gone").code == "unreadable-format"


def test_a_table_is_refused(
    cloud: Cloud, emulator: Emulated, target: Target, container: ContainerClient
) -> None:
    put(container, MLTable=b"paths: []")
    properties = {"dataType": "mltable", "dataUri": FOLDER}
    with emulator.client(emulator.token()) as client:
        made = client.put(
            f"{target.workspace_id}/data/chat-train/versions/1", json={"properties": properties}
        )
    assert made.status_code == 201
    found = refused(cloud, "chat")
    assert (found.code, found.expected) == ("unreadable-asset", "uri_file or uri_folder")


def test_a_datastore_of_another_kind_is_refused(
    cloud: Cloud, workspace: MLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        type(workspace.datastores), "get", lambda *_, **__: SimpleNamespace(type="azure_file")
    )
    found = refused(cloud, FOLDER)
    assert (found.code, found.message) == (
        "no-blob-storage",
        "datastore workspaceblobstore is no blob storage",
    )


def test_a_signature_is_renewed_before_it_ends(
    cloud: Cloud, emulator: Emulated, workspace: MLClient, container: ContainerClient
) -> None:
    put(container, train__jsonl=ROWS)
    now = 0.0
    own = sources.Sources(workspace, DefaultAzureCredential(), cloud.wire, cloud.target, clock=lambda: now)
    (file,) = own.split(FOLDER, None, "train", "train").files

    def asked() -> int:
        name = str(workspace.workspace_name)
        list(file.stream(0, 4))
        sent = emulator.admin("GET", f"/_emu/requests?workspace={name}").json()["requests"]
        return len([each for each in sent if each["path"].lower().endswith("/listsecrets")])

    before = asked()
    assert asked() == before
    now = 1201.0
    assert asked() == before + 1


def prepared(folder: Path, role: str, content: bytes) -> PreparedSplit:
    path = folder / f"{role}.jsonl"
    path.write_bytes(content)
    return PreparedSplit(
        role=role,
        source="chat",
        revision="1",
        path=path,
        source_rows=4,
        rows=4,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        turns=0,
        characters=0,
    )


def test_an_asset_of_equal_content_is_the_jobs_input_and_any_other_is_made(
    cloud: Cloud, workspace: MLClient, container: ContainerClient, tmp_path: Path
) -> None:
    put(container, a__jsonl=ROWS, b__jsonl=ROWS[::-1])
    asset(workspace, "chat-train", f"{FOLDER}/a.jsonl", "5")
    asset(workspace, "chat-test", f"{FOLDER}/b.jsonl", "5")
    run = tmp_path / "run"
    run.mkdir()
    recipe = Recipe(
        version=1,
        name="small",
        experiment="small",
        model=Model(name="Phi-4"),
        dataset=Dataset(azureml="chat", revision="5", train="train", test="test"),
    )
    rows = {role: prepared(tmp_path, role, ROWS) for role in ("train", "test")}
    no_model = SimpleNamespace(model=None)
    context = Context(
        recipe=recipe,
        recipe_folder=tmp_path,
        run_id="r",
        run_folder=run,
        cloud=cloud,
        facts=no_model,  # type: ignore[arg-type]  # nothing else of them is asked
        effective=None,
        outputs={},
        prepared=rows,
    )
    step = DatasetStep()
    intent = step.intend(context)
    train, test = intent["assets"]["train"], intent["assets"]["test"]
    assert (train["name"], train["version"], train["existing"]) == ("chat-train", "5", True)
    assert (test["name"], "existing" in test, intent["revision"]) == ("small-test", False, "5")
    assert (run / train["file"]).read_bytes() == ROWS
    assert step.observe(context, intent).status is Status.ABSENT
    step.create(context, intent)
    assert step.observe(context, intent).status is Status.SUCCEEDED
    assert [blob.name for blob in container.list_blobs(name_starts_with="runner/")] == [
        f"runner/small-test/{test['sha256']}/small-test.jsonl"
    ]
    lost = {**intent, "assets": {"train": {**train, "version": "6"}}}
    assert step.observe(context, lost).status is Status.FAILED


def recipe_of(source: Dataset) -> Recipe:
    return Recipe(version=1, name="small", experiment="small", model=Model(name="Phi-4"), dataset=source)


def context_of(cloud: Cloud, section: Dataset, folder: Path) -> Context:
    run = folder / "run"
    run.mkdir()
    no_model: Any = SimpleNamespace(model=None)
    return Context(
        recipe=recipe_of(section),
        recipe_folder=folder,
        run_id="r",
        run_folder=run,
        cloud=cloud,
        facts=no_model,
        effective=None,
        outputs={},
    )


def chats(count: int) -> list[dict[str, object]]:
    asked = [{"role": "user", "content": f"How much is {number} and 1?"} for number in range(count)]
    answers = [{"role": "assistant", "content": f"{number + 1}, of course."} for number in range(count)]
    return [{"messages": list(pair)} for pair in zip(asked, answers, strict=True)]


def test_rows_of_a_workspace_are_fetched_checked_and_prepared(
    cloud: Cloud,
    workspace: MLClient,
    container: ContainerClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The train split is the asset's own file already; the test split comes out of Parquet."""
    monkeypatch.setattr(preparing, "cache_folder", lambda: tmp_path / "cache")
    rows = chats(6)
    lines = b"".join(orjson.dumps(row) + b"\n" for row in rows[:4])
    parquet = BytesIO()
    pq.write_table(pa.Table.from_pylist(rows[4:]), parquet)
    container.upload_blob("rows/a.jsonl", lines, overwrite=True)
    container.upload_blob("rows/test/part-0.parquet", parquet.getvalue(), overwrite=True)
    asset(workspace, "chat-train", f"{FOLDER}/a.jsonl", "2")
    asset(workspace, "chat-test", f"{FOLDER}/test", "7", kind="uri_folder")
    splits = {"train": "train", "test": "test"}
    pinned = cloud.sources.revision("chat", None, splits)
    section = Dataset(azureml="chat", revision=pinned, train="train", test="test")
    context, step = context_of(cloud, section, tmp_path), DatasetStep()
    intent = step.intend(context)
    train, test = intent["assets"]["train"], intent["assets"]["test"]
    assert (train["name"], train["version"], train["rows"], train["existing"]) == ("chat-train", "2", 4, True)
    assert (test["name"], test["rows"], "existing" in test) == ("small-test", 2, False)
    assert (context.run_folder / test["file"]).read_bytes() == b"".join(
        orjson.dumps(row) + b"\n" for row in rows[4:]
    )
    step.create(context, intent)
    assert step.observe(context, intent).status is Status.SUCCEEDED
    shutil.rmtree(context.run_folder / "data")
    restore(section, intent, tmp_path, context.run_folder, cloud.sources)
    assert (context.run_folder / train["file"]).read_bytes() == lines
