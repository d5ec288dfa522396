"""What keeps a run from being made again is told before anything is made: as gone, or as changed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner import catalog, dataset, survey
from runner.compare.verdict import SERVING
from runner.dataset.reading.refusals import refusal
from runner.errors import Diagnostic, PreflightRefused
from runner.facts import DeploymentState, EndpointState, Facts, Provisioning, TargetKind
from runner.journal import Json
from runner.lifecycle import repeatable
from runner.lifecycle.repeatable import Original
from runner.load import load_bytes
from runner.manifest import Manifest, RunStatus
from runner.recipe import Recipe
from runner.survey import survey_offline
from tests.unit.hub_server import COMMIT
from tests.unit.test_lock import RECIPE, Sky
from tests.unit.test_resume import session

CHANGES = "changes-what-is-there"


def refused(folder: Path, source: str, revision: str) -> list[str]:
    """Try to make a run again whose rows were there; give what was told of them."""
    found = told(folder, source, rows_of(source, revision))
    return [f"{each.key}: {each.message}" for each in found if each.key.startswith("dataset.")]


def told(folder: Path, source: str, said: Manifest, text: str = RECIPE) -> tuple[Diagnostic, ...]:
    """Try to make a run again that the target refuses; give all that was told."""
    return tuple(refusal_of(folder, source, said, text).diagnostics)


def rows_of(source: str, revision: str) -> Manifest:
    return ended({"dataset": {"source": source, "revision": revision, "files": {}}})


def refusal_of(folder: Path, source: str, said: Manifest, text: str = RECIPE) -> PreflightRefused:
    component, model = catalog.component("chat_completion"), catalog.model("azureml", "Phi-4")
    assert component
    assert model
    sky = Sky({"8": model}, {component.version: component})
    cloud: Any = SimpleNamespace(**vars(sky.cloud))
    cloud.registry.is_component_archived = lambda *_: False
    cloud.sources = SimpleNamespace(revision=lambda _azureml, revision, _splits: revision or "1")
    loaded = load_bytes(text.replace("path: rows", source).encode(), folder / "small.yaml")
    with pytest.raises(PreflightRefused) as caught:
        repeatable.repeated(session(), Original(said=said), loaded, cloud, folder)
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
    refusal = refusal_of(tmp_path, "path: rows", rows_of("path: rows", ""))
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


def test_a_data_set_that_the_hub_has_lost_is_told_with_all_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its commit is asked for before its rows are."""

    def commit_of(*_: object) -> str:
        raise refusal("lab/chat", "huggingface", "no-such-dataset", "the Hub has no such data set")

    monkeypatch.setattr(dataset, "commit_of", commit_of)
    said = replace(ended({}), versions={"runner": "0.0"})
    found = told(tmp_path, "huggingface: lab/chat", said)
    assert [each.message for each in found if each.key == "dataset.huggingface"] == [
        "the Hub has no such data set"
    ]
    assert "other-versions" in [each.code for each in found]


def test_what_trains_on_this_machine_is_no_library_that_azure_lacks(tmp_path: Path) -> None:
    libraries = {"torch": "0.1", "azure-core": "0.1"}
    said = replace(rows_of("chat", "3"), target={"kind": "emulator"}, versions={"libraries": libraries})
    (others,) = [
        each.message for each in told(tmp_path, "azureml: chat", said) if each.code == "other-versions"
    ]
    assert "azure-core" in others
    assert "torch" not in others


SERVED = (
    RECIPE
    + """\
register: {name: small-chat}
endpoint: {name: small-chat}
deployment: {name: demo, instance_type: Standard_NC24ads_A100_v4}
traffic: {demo: 100}
sample: {rows: 2}
"""
)
DEMO = DeploymentState(id="/d", name="demo", provisioning=Provisioning.SUCCEEDED)


@pytest.mark.parametrize(
    ("deployment", "traffic", "expected"),
    [
        (DEMO, {"demo": 100}, "deployment demo is updated in place and its traffic is moved"),
        (DEMO, {}, "deployment demo is updated in place"),
        (None, {"other": 100}, "its traffic is moved"),
        (None, {}, None),
    ],
)
def test_what_is_there_is_not_changed_without_a_warning(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    deployment: DeploymentState | None,
    traffic: Mapping[str, int],
    expected: str | None,
) -> None:
    """A run that is made again months later must not take an endpoint from its users unsaid."""
    endpoint = EndpointState(id="/e", name="small-chat", provisioning=Provisioning.SUCCEEDED, traffic=traffic)

    def surveyed(recipe: Recipe, *_: object, **__: object) -> Facts:
        facts = survey_offline(recipe, TargetKind.AZURE, None, date(2026, 11, 21), folder=tmp_path)
        return replace(facts, endpoint=endpoint, deployment=deployment)

    monkeypatch.setattr(survey, "survey", surveyed)
    found = [
        each for each in told(tmp_path, "azureml: chat", rows_of("chat", "3"), SERVED) if each.code == CHANGES
    ]
    assert [each.message.partition(": ")[2] for each in found] == ([expected] if expected else [])
    away = "--set endpoint=null --set deployment=null --set traffic=null --set sample=null"
    assert all(each.mend.startswith(away) for each in found)


def test_the_settings_that_the_warning_names_leave_the_training_as_it_was(tmp_path: Path) -> None:
    text = SERVED + "baseline: {name: base, instance_type: Standard_NC24ads_A100_v4}\n"
    away = [f"{name}=null" for name in SERVING]
    short = load_bytes(text.encode(), tmp_path / "small.yaml", settings=away).recipe
    assert {getattr(short, name) for name in SERVING} == {None}
    whole = load_bytes(text.encode(), tmp_path / "small.yaml").recipe
    nothing: Any = dict.fromkeys(SERVING)
    assert replace(whole, **nothing) == short
