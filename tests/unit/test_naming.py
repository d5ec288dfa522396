"""Names follow from the recipe, the run and the workspace, and fit what Azure ML takes."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from runner import naming
from runner.facts import Target, TargetKind
from runner.recipe import Endpoint, Limits, Model, Recipe


def recipe(name: str, *, endpoint: str | None = None) -> Recipe:
    return Recipe(
        version=1,
        name=name,
        experiment=name,
        tags={"cost_center": "lab", "runner.run": "forged"},
        model=Model(name="Phi-4"),
        endpoint=Endpoint(name=endpoint),
    )


def target(workspace: str) -> Target:
    return Target(kind=TargetKind.AZURE, subscription_id="sub", resource_group="rg", workspace_name=workspace)


def test_a_run_is_named_by_when_what_and_four_hex_digits() -> None:
    moment = datetime(2026, 11, 21, 8, 23, tzinfo=UTC)
    assert re.fullmatch(r"20261121T082300Z-small-[0-9a-f]{4}", naming.run_id(recipe("small"), moment))
    assert len({naming.run_id(recipe("small"), moment) for _ in range(20)}) > 1


def test_a_job_is_named_by_its_run_and_attempt() -> None:
    assert naming.job("run") == "run-1"
    assert naming.job("run", attempt=2) == "run-2"


def test_equal_content_is_one_version_of_a_data_asset() -> None:
    assert naming.data_asset(recipe("small"), "train") == "small-train"
    assert naming.data_version("ab" * 32) == "ab" * 8


def test_an_endpoint_keeps_the_name_the_recipe_gives() -> None:
    assert naming.endpoint(recipe("small", endpoint="mine"), target("ws")) == "mine"


@pytest.mark.parametrize("name", ["a", "small", "a" * 63, "a-" * 24 + "abcdefghijklmno", "abcd-" * 12 + "e"])
def test_an_endpoint_without_a_name_gets_one_that_azure_takes(name: str) -> None:
    made = naming.endpoint(recipe(name), target("ws"))
    assert re.fullmatch(r"[a-z](-?[a-z0-9]+)*", made)
    assert 3 <= len(made) <= 32


def test_two_workspaces_do_not_want_the_same_endpoint() -> None:
    first, same, other = (naming.endpoint(recipe("small"), target(name)) for name in ("ws", "WS", "ws2"))
    assert first == same
    assert first != other


def test_our_tags_cannot_be_forged_by_the_recipes_own() -> None:
    assert naming.tags(recipe("small"), "run-1", "compute") == {
        "cost_center": "lab",
        "runner.recipe": "small",
        "runner.run": "run-1",
        "runner.intent": "run-1/compute/1",
    }


def test_what_carries_another_recipes_tag_or_none_is_not_ours() -> None:
    assert naming.is_ours("small", {"runner.recipe": "small"})
    assert not naming.is_ours("small", {"runner.recipe": "other"})
    assert not naming.is_ours("small", {})


def test_an_endpoint_is_tagged_with_the_end_of_its_time_counted_from_the_runs_beginning() -> None:
    made = recipe("small")
    limited = replace(made, limits=Limits(endpoint_ttl=86_400))
    run = "20261121T082300Z-small-1a2b"
    assert naming.expiry(limited, run) == {"runner.expires": "2026-11-22T08:23:00Z"}
    assert naming.expiry(made, run) == {}
    assert naming.expiry(limited, "odd") == {}
