"""A survey goes on without what it may do without: quota that may not be read, rows that are not here."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from runner.dataset import Size
from runner.errors import CloudUnavailable, RunnerError, StepFailed
from runner.facts import CorePool, Quota, Target, TargetKind
from runner.load import load_bytes
from runner.survey import survey, survey_offline

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

RECIPE = b"""\
version: 1
name: small
model: {name: Phi-4}
compute: {name: gpu, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}
dataset: {path: rows, train: train, test: test, percent: 50}
finetune: {task: chat_completion}
"""
TODAY = date(2026, 11, 21)
LINE = Quota(name="Total", family="", pool=CorePool.DEDICATED, limit=10, used=4)
TARGET = Target(kind=TargetKind.AZURE, subscription_id="sub", resource_group="rg", workspace_name="ws")


def cloud(quota: tuple[Quota, ...] | RunnerError) -> "Cloud":
    def told() -> tuple[Quota, ...]:
        if isinstance(quota, RunnerError):
            raise quota
        return quota

    nothing = SimpleNamespace(model=lambda *_: None, component=lambda *_: None)
    computes = SimpleNamespace(sizes=dict, get=lambda _: None, quota=told)
    return cast("Cloud", SimpleNamespace(target=TARGET, location="here", registry=nothing, computes=computes))


def test_the_quota_is_among_the_facts() -> None:
    facts = survey(load_bytes(RECIPE, Path("recipe.yaml")).recipe, cloud((LINE,)), TODAY)
    assert facts.quota == (LINE,)
    assert facts.quota_refusal == ""


@pytest.mark.parametrize("error", [StepFailed("HTTP 403: AuthorizationFailed"), CloudUnavailable("HTTP 503")])
def test_a_quota_that_may_not_be_read_is_none_with_the_reason(error: RunnerError) -> None:
    facts = survey(load_bytes(RECIPE, Path("recipe.yaml")).recipe, cloud(error), TODAY)
    assert facts.quota is None
    assert facts.quota_refusal == error.message


def test_rows_are_counted_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "train.jsonl").write_text("{}\n" * 8, encoding="utf-8")
    recipe = load_bytes(RECIPE, Path("recipe.yaml")).recipe
    assert survey(recipe, cloud(()), TODAY, folder=tmp_path).rows == {"train": 4}
    assert survey_offline(recipe, TargetKind.AZURE, None, TODAY, folder=tmp_path).rows == {"train": 4}
    assert survey_offline(recipe, TargetKind.AZURE, None, TODAY).rows == {}


def test_the_footers_of_parquet_files_are_read_where_there_is_a_cloud_to_ask_anyway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []

    def noted(*_: object, footers: bool) -> dict[str, Size]:
        asked.append(footers)
        return {}

    monkeypatch.setattr("runner.survey.sizes", noted)
    recipe = load_bytes(RECIPE, Path("recipe.yaml")).recipe
    survey(recipe, cloud(()), TODAY, folder=Path())
    survey_offline(recipe, TargetKind.AZURE, None, TODAY, folder=Path())
    assert asked == [True, False]


def test_both_deployments_are_looked_at_by_their_names_as_the_service_has_them() -> None:
    served = b"""\
register: {name: m}
endpoint: {name: my-chat}
baseline: {name: Base, instance_type: Standard_NC24ads_A100_v4}
deployment: {name: Demo, instance_type: Standard_NC24ads_A100_v4}
traffic: {demo: 100}
sample: {rows: 1}
"""
    endpoints = SimpleNamespace(
        get=lambda name: SimpleNamespace(name=name), deployment=lambda endpoint, name: f"{endpoint}/{name}"
    )
    known = cast("Cloud", SimpleNamespace(**vars(cloud((LINE,))), endpoints=endpoints))
    facts = survey(load_bytes(RECIPE + served, Path("recipe.yaml")).recipe, known, TODAY)
    assert [str(found) for found in (facts.baseline, facts.deployment)] == ["my-chat/base", "my-chat/demo"]
