"""What keeps a run from being made again is told before anything is made: as gone, or as changed."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner import catalog, dataset
from runner.dataset.sources import refusal
from runner.errors import PreflightRefused
from runner.journal import Json
from runner.lifecycle import repeatable
from runner.lifecycle.repeatable import Original
from runner.load import load_bytes
from runner.manifest import Manifest, RunStatus
from tests.unit.hub_server import COMMIT
from tests.unit.test_lock import RECIPE, Sky
from tests.unit.test_resume import session


def refused(folder: Path, source: str, revision: str) -> list[str]:
    """Try to make a run again whose rows were there; give what was told of them."""
    told = refusal_of(folder, source, revision).diagnostics
    return [f"{each.key}: {each.message}" for each in told if each.key.startswith("dataset.")]


def refusal_of(folder: Path, source: str, revision: str) -> PreflightRefused:
    component, model = catalog.component("chat_completion"), catalog.model("azureml", "Phi-4")
    assert component
    assert model
    sky = Sky({"8": model}, {component.version: component})
    cloud: Any = SimpleNamespace(**vars(sky.cloud))
    cloud.registry.is_component_archived = lambda *_: False
    pins: Mapping[str, Json] = {"dataset": {"source": source, "revision": revision, "files": {}}}
    loaded = load_bytes(RECIPE.replace("path: rows", source).encode(), folder / "small.yaml")
    with pytest.raises(PreflightRefused) as caught:
        repeatable.repeated(session(), Original(said=ended(pins)), loaded, cloud, folder)
    return caught.value


def ended(pins: Mapping[str, Json]) -> Manifest:
    return Manifest(
        format=2,
        run_id="first",
        status=RunStatus.SUCCEEDED,
        started="",
        ended="",
        recipe={"name": "small"},
        target={"kind": "azure"},
        versions={},
        pins=pins,
        parameters=[],
    )


def test_data_assets_that_the_workspace_has_lost_are_gone(tmp_path: Path) -> None:
    assert refused(tmp_path, "azureml: chat", "3") == [
        "dataset.train: the workspace has no chat-train 3",
        "dataset.test: the workspace has no chat-test 3",
    ]


def test_rows_that_lie_elsewhere_by_now_are_asked_back(tmp_path: Path) -> None:
    refusal = refusal_of(tmp_path, "path: rows", "")
    assert refusal.hint.startswith("rows must lie where the run had them, seen from its folder")
    assert any(each.key == "dataset.train" for each in refusal.diagnostics)


def test_a_commit_that_the_hub_has_lost_is_gone_and_has_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(*_: object, **__: object) -> None:
        raise refusal("lab/chat", "revision", "no-such-revision", "the data set has no such revision")

    monkeypatch.setattr(dataset, "prepare", prepare)
    found = refused(tmp_path, "huggingface: lab/chat", COMMIT)
    assert found == ["dataset.revision: the data set has no such revision"]
