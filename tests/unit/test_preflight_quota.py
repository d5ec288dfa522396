"""Quota is held against what a run takes, each need at its line, and what is not told is said to be so."""

from dataclasses import replace
from pathlib import Path

import pytest

from runner import preflight
from runner.errors import Diagnostic, Severity
from runner.facts import CorePool, DeploymentState, Facts, Provisioning, Quota
from runner.load import load_bytes
from tests.unit.test_preflight import RECIPE, cluster, facts, line

T4 = "Standard_NC4as_T4_v3"
TRAINING = "  size: Standard_NC24ads_A100_v4"
SERVING = "  instance_type: Standard_NC24ads_A100_v4"
LOW = RECIPE.replace("  gpus_per_node: 1", "  gpus_per_node: 1\n  tier: low_priority")


def findings(known: Facts, text: str = RECIPE) -> list[Diagnostic]:
    loaded = load_bytes(text.encode(), Path("recipe.yaml"))
    found = preflight.check(loaded, known, preflight.merge(loaded, known))
    return [each for each in found if each.code.startswith("quota")]


def with_quota(*lines: Quota) -> Facts:
    return replace(facts(), quota=lines)


def total(free: int, pool: CorePool = CorePool.DEDICATED) -> Quota:
    return line(free, family="", pool=pool)


def places(found: list[Diagnostic], text: str = RECIPE) -> list[tuple[str, str]]:
    return [(each.code, text.splitlines()[each.line - 1]) for each in found]


def test_a_family_without_cores_refuses_training_and_serving_at_their_lines() -> None:
    found = findings(with_quota(line(0), total(1000)))
    assert places(found) == [("quota", TRAINING), ("quota", SERVING)]
    assert {each.severity for each in found} == {Severity.ERROR}
    assert found[0].message == (
        "Standard_NC24ads_A100_v4 needs 24 cores (1 node of 24 cores);"
        " standardncadsa100v4family dedicated has 0 free (10 of 10 in use)"
    )
    assert "Usage + quotas" in found[0].mend


def test_a_total_without_cores_refuses_them_too() -> None:
    assert places(findings(with_quota(line(1000), total(23)))) == [("quota", TRAINING), ("quota", SERVING)]


@pytest.mark.parametrize(("free", "found"), [(48, []), (47, ["quota-together"]), (24, ["quota-together"])])
def test_what_fits_alone_but_not_together_is_a_warning(free: int, found: list[str]) -> None:
    told = findings(with_quota(line(free), total(1000)))
    assert [each.code for each in told] == found
    assert {each.severity for each in told} <= {Severity.WARNING}


@pytest.mark.parametrize(("nodes", "free", "found"), [(2, 48, 0), (2, 47, 1), (3, 71, 1)])
def test_each_node_that_trains_counts(nodes: int, free: int, found: int) -> None:
    text = RECIPE.replace("  gpus_per_node: 1", "  gpus_per_node: 1\n  max_instances: 4").replace(
        "    num_train_epochs: 1", f"    num_nodes_finetune: {nodes}"
    )
    told = findings(with_quota(line(free), total(1000)), text)
    assert [each.key for each in told if each.code == "quota"] == ["compute.size"] * found


@pytest.mark.parametrize(
    ("size", "family", "count", "needed"),
    [
        (T4, "standardncasv3t4family", 1, 2 * 4),
        (T4, "standardncasv3t4family", 5, 6 * 4),
        (T4, "standardncasv3t4family", 10, 12 * 4),
        (T4, "standardncasv3t4family", 11, 14 * 4),
        ("Standard_NC24ads_A100_v4", "standardncadsa100v4family", 10, 10 * 24),
    ],
)
def test_a_deployment_takes_a_fifth_more_unless_its_size_is_spared(
    size: str, family: str, count: int, needed: int
) -> None:
    text = RECIPE.replace(SERVING, f"  instance_type: {size}\n  instance_count: {count}")
    exact = with_quota(line(needed, family=family), total(5000))
    short = with_quota(line(needed - 1, family=family), total(5000))
    assert "quota" not in {each.code for each in findings(exact, text) if each.key.startswith("deployment")}
    assert [each.code for each in findings(short, text) if each.key.startswith("deployment")] == ["quota"]


def test_a_deployment_that_is_there_needs_only_what_it_grows_by() -> None:
    there = DeploymentState(
        id="/d",
        name="demo",
        provisioning=Provisioning.SUCCEEDED,
        instance_type="STANDARD_NC24ADS_A100_V4",
        instance_count=2,
        tags={"runner.recipe": "small"},
    )
    known = replace(with_quota(line(24), total(1000)), deployment=there, compute=cluster())
    grown = RECIPE.replace(SERVING, f"{SERVING}\n  instance_count: 4")
    assert [each.code for each in findings(known)] == []
    assert [each.key for each in findings(known, grown) if each.code == "quota"] == [
        "deployment.instance_type"
    ]


def test_nodes_of_a_cluster_that_is_there_may_be_up_already() -> None:
    found = findings(replace(with_quota(line(10), total(1000)), compute=cluster()))
    weights = {each.key: each.severity for each in found if each.code == "quota"}
    assert weights == {"compute.size": Severity.WARNING, "deployment.instance_type": Severity.ERROR}
    assert "unless its nodes are up already" in found[0].message


def test_low_priority_has_a_total_of_its_own() -> None:
    plenty = (line(1000), total(1000))
    short = findings(with_quota(*plenty, total(23, CorePool.LOW_PRIORITY)), LOW)
    assert places(short, LOW) == [("quota", TRAINING)]
    assert findings(with_quota(*plenty, total(24, CorePool.LOW_PRIORITY)), LOW) == []


def test_a_quota_that_is_not_told_is_no_error() -> None:
    refused = replace(facts(), quota=None, quota_refusal="reading the region's quota: HTTP 403")
    (found,) = findings(refused)
    assert (found.code, found.severity) == ("quota-unknown", Severity.NOTICE)
    assert "HTTP 403" in found.message
    assert "locations/usages/read" in found.mend


def test_a_family_that_is_not_listed_is_said_to_be_so() -> None:
    found = findings(with_quota(total(1000)))
    assert [(each.code, each.severity) for each in found] == [("quota-unknown", Severity.NOTICE)] * 2


def test_offline_nothing_is_said_of_quota() -> None:
    assert findings(replace(facts(), offline=True, quota=None)) == []
