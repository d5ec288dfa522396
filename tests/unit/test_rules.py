"""Azure ML's rules for names and numbers, at their very edges; each says in the schema where it is from."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.errors import RecipeInvalid
from runner.load import load_bytes

SCHEMA = Path(__file__).parents[2] / "schemas" / "recipe.schema.json"
RECIPE = """\
version: 1
name: small
model: {name: Phi-4}
dataset: {path: rows, train: train, test: test}
finetune: {task: chat_completion}
register: {name: "%(model)s"}
compute: {name: "%(compute)s", size: Standard_NC24ads_A100_v4, gpus_per_node: 1}
endpoint: {name: "%(endpoint)s"}
deployment:
  name: "%(deployment)s"
  instance_type: Standard_NC24ads_A100_v4
  instance_count: %(instance_count)s
  request_timeout_ms: %(request_timeout_ms)s
  liveness_probe: {initial_delay: %(initial_delay)s, success_threshold: %(success_threshold)s}
"""
RIGHT: Mapping[str, object] = {
    "model": "m",
    "compute": "gpu",
    "endpoint": "chat",
    "deployment": "demo",
    "instance_count": 1,
    "request_timeout_ms": 90000,
    "initial_delay": 600,
    "success_threshold": 1,
}
SOURCED = {
    "compute.name",
    "compute.tier",
    "register.name",
    "deployment.instance_count",
    "deployment.request_timeout_ms",
    "$defs.endpoint_name",
    "$defs.probe",
}


def refused(**changed: object) -> set[str]:
    """Give the keys at which a recipe with these values is refused."""
    text = RECIPE % {**RIGHT, **changed}
    try:
        load_bytes(text.encode(), Path("recipe.yaml"))
    except RecipeInvalid as error:
        return {each.key for each in error.diagnostics}
    return set()


def test_the_recipe_itself_is_right() -> None:
    assert refused() == set()


@pytest.mark.parametrize("name", ["abc", "g" * 24, "gpu-cluster-1a", "gpu-1-cluster", "gpu1", "a--b"])
def test_a_cluster_may_be_called_so(name: str) -> None:
    assert refused(compute=name) == set()


@pytest.mark.parametrize(
    "name", ["ab", "g" * 25, "gpu-cluster-1", "gpu-1", "1gpu", "-gpu", "gpu_one", "gpu.one"]
)
def test_a_cluster_may_not_be_called_so(name: str) -> None:
    assert refused(compute=name) == {"compute.name"}


@pytest.mark.parametrize("section", ["endpoint", "deployment"])
@pytest.mark.parametrize("name", ["abc", "e" * 32, "a-b-c", "a1-2"])
def test_an_endpoint_and_a_deployment_may_be_called_so(section: str, name: str) -> None:
    assert refused(**{section: name}) == set()


@pytest.mark.parametrize("section", ["endpoint", "deployment"])
@pytest.mark.parametrize("name", ["ab", "e" * 33, "a--b", "abc-", "1ab", "a_b", "a.b"])
def test_an_endpoint_and_a_deployment_may_not_be_called_so(section: str, name: str) -> None:
    assert refused(**{section: name}) == {f"{section}.name"}


@pytest.mark.parametrize(
    ("name", "right"), [("m" * 255, True), ("m" * 256, False), ("a.b", False), ("_a", False)]
)
def test_a_registered_model_is_called_as_a_workspace_allows(name: str, *, right: bool) -> None:
    assert refused(model=name) == (set() if right else {"register.name"})


@pytest.mark.parametrize(
    ("key", "value", "right"),
    [
        ("instance_count", 0, False),
        ("instance_count", 50, True),
        ("instance_count", 51, False),
        ("request_timeout_ms", 0, False),
        ("request_timeout_ms", 180000, True),
        ("request_timeout_ms", 180001, False),
        ("initial_delay", 0, False),
        ("initial_delay", 1, True),
        ("success_threshold", 2, False),
    ],
)
def test_a_number_is_held_to_azures_limits(key: str, value: int, *, right: bool) -> None:
    assert {each.rpartition(".")[2] for each in refused(**{key: value})} == (set() if right else {key})


def test_a_rule_of_azures_says_where_and_when_it_was_read() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    sources = dict(_comments(schema["properties"], "")) | dict(_comments(schema["$defs"], "$defs."))
    assert set(sources) >= SOURCED
    assert [key for key in SOURCED if not re.search(r"20\d\d-\d\d", sources[key])] == []


def _comments(properties: Mapping[str, Any], under: str) -> list[tuple[str, str]]:
    found = []
    for name, schema in properties.items():
        if "x-source" in schema:
            found.append((under + name, schema["x-source"]))
        found += _comments(schema.get("properties", {}), f"{under}{name}.")
    return found
