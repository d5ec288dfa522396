"""How near a run came to the one that it reproduces, level by level."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from runner.compare import Level, Verdict, judge
from runner.compare.verdict import as_json
from runner.manifest import Manifest, RunStatus, StepRecord, StepStatus

SHA, OTHER_SHA = "a" * 64, "b" * 64
MD5, OTHER_MD5 = "c" * 22 + "==", "d" * 22 + "=="
VALUES = {"finetune.parameters.lora_r": 8, "model.version": "latest"}
PINS = {
    "model": {"id": "m", "version": "1", "tags": {"a": "b"}},
    "component": {"id": "c", "name": "c", "version": "1", "inputs_sha256": SHA},
    "dataset": {
        "source": "rows",
        "revision": None,
        "files": {"train": {"sha256": SHA, "rows": 8, "bytes": 100}},
    },
}
WEIGHTS = "data/model.safetensors"


def run(  # noqa: PLR0913 - what a manifest tells of a run
    name: str = "first",
    *,
    values: Mapping[str, Any] = VALUES,
    pins: Mapping[str, Any] = PINS,
    metrics: Mapping[str, float] | None = None,
    files: Mapping[str, Mapping[str, Any]] | None = None,
    losses: str | None = SHA,
    versions: Mapping[str, Any] | None = None,
    target: str = "emulator",
    trains: bool = True,
    points: int = 1,
    **outputs: Any,  # noqa: ANN401 - a step puts out any JSON
) -> Manifest:
    files = {WEIGHTS: {"bytes": 9, "sha256": SHA}} if files is None else files
    table = {"table": {"file": "metrics.csv", "points": points, "sha256": losses}} if losses else {}
    training = StepRecord(
        status=StepStatus.SUCCEEDED,
        action="create",
        started="",
        outputs={"files": files, **table, **outputs},
        metrics={"loss": 1.0, "train_runtime": 7.0} if metrics is None else metrics,
    )
    return Manifest(
        format=2,
        run_id=name,
        status=RunStatus.SUCCEEDED,
        started="",
        ended="",
        recipe={"values": values},
        target={"kind": target},
        versions=versions or {"runner": "1", "libraries": {"torch": "2"}, "git": {"commit": name}},
        pins=pins,
        parameters=[],
        steps={"finetune": training} if trains else {},
    )


def verdict(again: Manifest, original: Manifest | None = None, **how: Any) -> Verdict:  # noqa: ANN401
    return judge(original or run(), again, **{"tolerance": 0.01, **how})


def named(differs: Any) -> list[tuple[str, Any, Any]]:  # noqa: ANN401
    return [(each.key, each.was, each.now) for each in differs]


def test_the_same_again_is_reproduced_on_all_levels() -> None:
    found = verdict(run("second"), exact=True)
    assert [found.inputs.level, found.metrics.level, found.outputs.level] == [Level.IDENTICAL] * 3
    assert (found.reproduced, found.warnings) == (True, ())
    assert as_json(found)["inputs"] == {"level": "identical", "reason": "", "differs": []}


def test_a_value_that_was_set_otherwise_is_named_with_both_values() -> None:
    found = verdict(run("second", values={**VALUES, "finetune.parameters.lora_r": 16}))
    assert named(found.inputs.differs) == [("finetune.parameters.lora_r", 8, 16)]
    assert (found.inputs.level, found.reproduced) == (Level.DIFFERENT, False)


def test_what_only_serves_may_be_left_out_whole() -> None:
    served = {**VALUES, "endpoint.name": "e", "deployment.name": "demo", "sample.rows": 1}
    found = verdict(run("second"), run(values=served))
    assert (found.inputs.level, found.reproduced) == (Level.IDENTICAL, True)
    told = "left out this time, and no input of the training: endpoint, deployment, sample"
    assert found.warnings == (told,)
    other = {**served, "deployment.name": "other"}
    assert named(verdict(run("second", values=other), run(values=served)).inputs.differs) == [
        ("deployment.name", "demo", "other")
    ]
    assert not verdict(run("second", values=served)).reproduced


def test_other_rows_another_version_and_another_cloud_are_other_inputs() -> None:
    pins: Any = deepcopy(PINS)
    pins["dataset"]["files"]["train"]["sha256"] = OTHER_SHA
    pins["model"]["version"] = "2"
    found = verdict(run("second", pins=pins, target="azure"))
    assert named(found.inputs.differs) == [
        ("target", "emulator", "azure"),
        ("model.version", "1", "2"),
        ("dataset.files.train.sha256", SHA, OTHER_SHA),
    ]


@pytest.mark.parametrize("then", [{}, {"FinetuneRetirementDate": "2027-01-01"}])
def test_a_tag_that_trains_nothing_is_no_input_but_told(then: Mapping[str, str]) -> None:
    pins: Any = deepcopy(PINS)
    pins["model"]["tags"] = {**pins["model"]["tags"], **then}
    dated: Any = deepcopy(PINS)
    dated["model"]["tags"]["FinetuneRetirementDate"] = "2027-06-01"
    found = verdict(run("second", pins=dated), run(pins=pins))
    assert (found.inputs.level, found.reproduced) == (Level.IDENTICAL, True)
    assert found.warnings == ("the model's tag FinetuneRetirementDate is not what it was",)
    dated["model"]["tags"]["model_specific_defaults"] = "{'lora_r': 9}"
    assert not verdict(run("second", pins=dated), run(pins=pins)).reproduced


def test_what_the_original_did_not_pin_is_unknown_and_said() -> None:
    pins: Any = deepcopy(PINS)
    del pins["component"]["inputs_sha256"]
    found = verdict(run("second"), run(pins=pins))
    assert (found.inputs.level, found.reproduced) == (Level.UNKNOWN, False)
    assert "component.inputs_sha256" in found.inputs.reason
    assert verdict(run("second"), run(values={})).inputs.level is Level.UNKNOWN


@pytest.mark.parametrize(
    ("was", "now", "tolerance", "level"),
    [
        (1.0, 1.01, 0.01, Level.IDENTICAL),
        (1.0, 1.02, 0.01, Level.DIFFERENT),
        (1.0, 1.02, 0.05, Level.IDENTICAL),
        (-1.0, -1.02, 0.01, Level.DIFFERENT),
        (0.0, 0.0, 0.0, Level.IDENTICAL),
        (0.0, 1e-9, 0.01, Level.DIFFERENT),
    ],
)
def test_a_metric_may_be_off_by_a_share_of_the_larger_value(
    was: float, now: float, tolerance: float, level: Level
) -> None:
    found = verdict(run("second", metrics={"loss": now}), run(metrics={"loss": was}), tolerance=tolerance)
    assert found.metrics.level is level
    expected = [] if level is Level.IDENTICAL else [("loss", was, now)]
    assert (named(found.metrics.differs), found.reproduced) == (expected, not expected)


def test_how_long_it_took_is_no_metric_and_one_that_is_missing_differs() -> None:
    again = run("second", metrics={"loss": 1.0, "train_runtime": 99.0, "eval_loss": 2.0})
    assert named(verdict(again).metrics.differs) == [("eval_loss", None, 2.0)]


def test_metrics_that_were_not_recorded_are_unknown() -> None:
    found = verdict(run("second", metrics={}))
    assert (found.metrics.level, found.reproduced) == (Level.UNKNOWN, False)
    assert "second" in found.metrics.reason


def test_trainings_that_both_logged_nothing_are_alike() -> None:
    silent = run(metrics={}, points=0)
    found = verdict(run("second", metrics={}, points=0), silent)
    assert (found.metrics.level, found.reproduced) == (Level.IDENTICAL, True)
    assert verdict(run("second", metrics={}), silent).metrics.level is Level.UNKNOWN
    assert verdict(run("second", metrics={}, losses=None), silent).metrics.level is Level.UNKNOWN


def test_rows_that_only_a_workspace_names_are_other_ones_in_another() -> None:
    unread: Any = deepcopy(PINS)
    unread["dataset"]["files"] = {}
    there = replace(run("second", pins=unread), target={"kind": "emulator", "workspace_name": "other"})
    was = run(pins=unread)
    found = verdict(there, was)
    assert named(found.inputs.differs) == [("target.workspace_name", None, "other")]
    assert not found.reproduced
    assert verdict(run("second", pins=unread), was).reproduced
    assert verdict(replace(there, pins=PINS)).reproduced


def test_where_nothing_is_trained_there_are_no_metrics_to_wait_for() -> None:
    found = verdict(run("second", trains=False), run(trains=False))
    assert (found.metrics.level, found.outputs.level, found.reproduced) == (
        Level.UNKNOWN,
        Level.UNKNOWN,
        True,
    )


def test_other_weights_and_losses_count_only_where_the_same_are_demanded() -> None:
    again = run("second", files={WEIGHTS: {"bytes": 9, "sha256": OTHER_SHA}}, losses=OTHER_SHA)
    found = verdict(again)
    assert named(found.outputs.differs) == [(WEIGHTS, SHA, OTHER_SHA), ("losses", SHA, OTHER_SHA)]
    assert (found.outputs.level, found.reproduced) == (Level.DIFFERENT, True)
    assert not verdict(again, exact=True).reproduced


def test_files_other_than_weights_may_name_a_time() -> None:
    files = {WEIGHTS: {"bytes": 9, "sha256": SHA}, "MLmodel": {"bytes": 1, "sha256": OTHER_SHA}}
    assert verdict(run("second", files=files)).outputs.level is Level.IDENTICAL


@pytest.mark.parametrize(
    ("was", "now", "level"),
    [
        ({"md5": MD5}, {"md5": MD5}, Level.IDENTICAL),
        ({"md5": MD5}, {"md5": OTHER_MD5}, Level.DIFFERENT),
        ({"sha256": SHA}, {"md5": MD5}, Level.UNKNOWN),
        ({}, {}, Level.UNKNOWN),
        ({}, {"bytes": 8}, Level.DIFFERENT),
    ],
)
def test_weights_are_the_same_only_by_a_digest(
    was: Mapping[str, Any], now: Mapping[str, Any], level: Level
) -> None:
    files, others = ({WEIGHTS: {"bytes": 9, **each}} for each in (was, now))
    found = verdict(run("second", files=others), run(files=files))
    assert found.outputs.level is level
    assert (WEIGHTS in found.outputs.reason) is (level is Level.UNKNOWN)


def test_why_the_outputs_are_unknown_is_said() -> None:
    found = verdict(run("second", files={}, losses=None, files_unknown="HTTP 403"))
    assert found.outputs.level is Level.UNKNOWN
    assert "no weights are known of second (HTTP 403)" in found.outputs.reason
    assert "no table of losses is known of second" in found.outputs.reason


def test_weights_that_only_one_of_two_models_has_differ() -> None:
    files = {"data/adapter.safetensors": {"bytes": 9, "sha256": SHA}}
    found = verdict(run("second", files=files))
    assert named(found.outputs.differs) == [
        ("data/adapter.safetensors", None, SHA),
        (WEIGHTS, SHA, None),
    ]


def test_other_versions_are_warned_of_and_no_input() -> None:
    again = run("second", versions={"runner": "2", "libraries": {"torch": "2", "peft": "1"}})
    found = verdict(again)
    assert found.warnings == (
        "runner 2; the original ran with 1",
        "peft 1; the original ran with not recorded",
    )
    assert found.reproduced
