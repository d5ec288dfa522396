"""The system registry through the genuine SDK: labels, tags as text, the component with all its inputs."""

import ast
from collections.abc import Callable, Iterator

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.exceptions import ValidationException
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential

from runner.azure.registry import Registry
from runner.azure.transport import Transport
from tests.emulator.emulated import Emulated


def test_latest_is_the_newest_version_of_a_model(registry: MLClient) -> None:
    model = registry.models.get("Phi-3-mini-4k-instruct", label="latest")
    assert model.id == "azureml://registries/azureml/models/Phi-3-mini-4k-instruct/versions/15"
    versions = [found.version for found in registry.models.list("Phi-3-mini-4k-instruct")]
    assert versions == ["13", "14", "15"]


@pytest.mark.parametrize(("name", "archived"), [("Phi-3-mini-4k-instruct", True), ("Phi-4", False)])
def test_an_archived_model_is_known_though_the_sdk_does_not_say(
    registry: MLClient, name: str, *, archived: bool
) -> None:
    assert not hasattr(registry.models.get(name, label="latest"), "is_archived")
    found = Registry(registry, "azureml", Transport()).model(name, "latest")
    assert found is not None
    assert found.is_archived is archived


def test_tags_hold_literals_as_text(registry: MLClient) -> None:
    tags = registry.models.get("Phi-3-mini-4k-instruct", version="15").tags
    assert "Standard_NC24ads_A100_v4" in ast.literal_eval(tags["finetune_compute_allow_list"])
    assert ast.literal_eval(tags["model_specific_defaults"])["learning_rate_min"] == "5e-7"


def test_the_small_model_is_there(registry: MLClient) -> None:
    model = registry.models.get("Phi-3-tiny-4k-instruct", label="latest")
    assert (model.version, model.tags["task"]) == ("1", "chat-completion")


def test_the_component_has_all_its_inputs(registry: MLClient) -> None:
    component = registry.components.get("chat_completion_pipeline", label="latest")
    assert len(component.inputs) == 69
    assert component.version == "0.0.82"
    assert component.inputs["lr_scheduler_type"]["enum"][0] == "linear"


def test_older_versions_of_the_component_can_be_had(registry: MLClient) -> None:
    versions = [found.version for found in registry.components.list("chat_completion_pipeline")]
    assert versions == ["0.0.57", "0.0.80", "0.0.81", "0.0.82"]
    old = registry.components.get("chat_completion_pipeline", version="0.0.57")
    assert "no" in old.inputs["evaluation_strategy"]["enum"]


def test_what_the_registry_lacks_is_not_found(registry: MLClient) -> None:
    with pytest.raises(ResourceNotFoundError):
        registry.models.get("Phi-3-mini-4k-instruct", version="99")
    with pytest.raises(ValidationException, match="does not exist in registry azureml"):
        registry.models.get("No-such-model", label="latest")


def test_another_registry_is_not_found() -> None:
    with pytest.raises(ResourceNotFoundError):
        MLClient(DefaultAzureCredential(), registry_name="HuggingFace")


MODEL, COMPONENT = "Phi-3-tiny-4k-instruct", "chat_completion_pipeline"


@pytest.fixture
def moved(emulator: Emulated) -> Iterator[Callable[..., list[str]]]:
    """Have the registry move on, and come back after the test."""

    def move(kind: str, name: str, version: str, change: str, **more: object) -> list[str]:
        body = {"kind": kind, "name": name, "version": version, "change": change, **more}
        answer = emulator.admin("POST", "/_emu/registry", **body)
        assert answer.status_code == 200, answer.text
        versions: list[str] = answer.json()["versions"]
        return versions

    yield move
    assert emulator.admin("DELETE", "/_emu/registry").status_code == 204


def test_a_test_has_newer_versions_published(registry: MLClient, moved: Callable[..., list[str]]) -> None:
    assert moved("model", MODEL, "2", "add", tags={"author": "b", "license": None}) == ["1", "2"]
    assert moved("component", COMPONENT, "0.0.83", "add", inputs={"lora_r": None})[-1] == "0.0.83"
    model = registry.models.get(MODEL, label="latest")
    assert (model.version, model.tags["author"], "license" in model.tags) == ("2", "b", False)
    assert "license" in registry.models.get(MODEL, version="1").tags
    component = registry.components.get(COMPONENT, label="latest")
    assert (component.version, "lora_r" in component.inputs) == ("0.0.83", False)
    assert "lora_r" in registry.components.get(COMPONENT, version="0.0.82").inputs


def test_a_test_has_versions_archived_and_removed(
    registry: MLClient, moved: Callable[..., list[str]]
) -> None:
    ours = Registry(registry, "azureml", Transport())
    moved("model", MODEL, "1", "archive")
    found = ours.model(MODEL, "1")
    assert found is not None
    assert found.is_archived
    assert moved("component", COMPONENT, "0.0.82", "remove")[-1] == "0.0.81"
    assert moved("model", MODEL, "1", "remove") == []
    assert (ours.model(MODEL, "1"), ours.component(COMPONENT, "0.0.82")) == (None, None)


def test_a_change_of_the_registry_that_cannot_be_is_refused(emulator: Emulated) -> None:
    change = {"kind": "model", "name": MODEL, "version": "1"}
    for wrong in (
        {**change, "change": "add"},
        {**change, "change": "remove", "version": "7"},
        {**change, "change": "add", "name": "nothing"},
        {**change, "change": "publish"},
        {**change, "change": "edit", "tags": ["a"]},
        {**change, "change": "edit", "tag": {}},
    ):
        assert emulator.admin("POST", "/_emu/registry", **wrong).status_code == 400, wrong
