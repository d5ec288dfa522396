"""What a region offers and what is left of it, through the genuine SDK: sizes, and quota in Azure's form.

The rows are held against the answer in Azure's REST reference (Usages - List, 2025-06-01): the same keys, a
type for each way to buy cores, -1 for no limit.
"""

import re
from typing import Any

import pytest
from azure.ai.ml import MLClient

from runner.azure.compute import Computes
from runner.facts import CorePool, family_key
from tests.emulator.emulated import Emulated

# A family that no other test deploys on: usage is counted over a subscription, and they share one.
FAMILY = "standardNDSv2Family"
ROW_KEYS = {"id", "type", "unit", "currentValue", "limit", "name"}
HOME = re.compile(r"/subscriptions/[0-9a-f-]{36}/usages")


def usages(workspace: MLClient) -> list[dict[str, Any]]:
    """Give the rows as they came: the SDK leaves the service's own words beside its attributes."""
    rows = [vars(usage) for usage in workspace.compute.list_usage()]
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def of(rows: list[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    """Give the rows of a name by the kind in their type."""
    found = [row for row in rows if row["name"]["value"] == name]
    return {row["type"].removeprefix("Microsoft.MachineLearningServices/"): row for row in found}


def test_sizes_tell_their_figures(workspace: MLClient) -> None:
    sizes = Computes(workspace).sizes()
    large, small = sizes["standard_nc96ads_a100_v4"], sizes["standard_ds3_v2"]
    assert (large.gpus, large.vcpus, large.memory_gb, large.disk_gb) == (4, 96, 880, 256)
    assert (small.gpus, small.vcpus, small.memory_gb) == (0, 4, 14)
    assert large.low_priority is True
    told = {size.name: vars(size) for size in workspace.compute.list_sizes()}
    assert told["Standard_NC96ads_A100_v4"]["maxResourceVolumeMB"] == 256 * 1024


def test_a_shared_card_is_a_whole_number_on_the_wire_and_a_fraction_here(workspace: MLClient) -> None:
    told = {size.name: vars(size)["gpus"] for size in workspace.compute.list_sizes()}
    assert {type(count) for count in told.values()} == {int}
    assert (told["Standard_NV6ads_A10_v5"], told["Standard_NV72ads_A10_v5"]) == (1, 2)
    assert (told["Standard_DS3_v2"], told["Standard_NC96ads_A100_v4"]) == (0, 4)
    assert Computes(workspace).sizes()["standard_nv6ads_a10_v5"].gpus == pytest.approx(1 / 6, abs=0.001)


def test_the_sdk_leaves_its_own_attributes_of_a_size_empty(workspace: MLClient) -> None:
    """If this fails, the SDK has learned to read them, and the runner may."""
    size = next(iter(workspace.compute.list_sizes()))
    assert (size.v_cp_us, size.memory_gb) == (None, None)
    assert vars(size)["vCPUs"]


def test_a_usage_has_the_form_of_the_reference(workspace: MLClient) -> None:
    rows = usages(workspace)
    assert len(rows) > 20
    for row in rows:
        assert set(row) == ROW_KEYS
        assert set(row["name"]) == {"value", "localizedValue"}
        assert row["unit"] == "Count"
        assert HOME.match(row["id"])


def test_a_family_has_a_row_for_each_way_to_buy_cores(workspace: MLClient) -> None:
    rows = of(usages(workspace), FAMILY)
    assert {row["name"]["localizedValue"] for row in rows.values()} == {
        "Standard NDSv2 Family Cluster Dedicated vCPUs",
        "Standard NDSv2 Family Cluster LowPriority vCPUs",
    }
    assert {kind: (row["currentValue"], row["limit"]) for kind, row in rows.items()} == {
        "vmFamily/dedicatedCores/usages": (0, 1000),
        "vmFamily/lowPriorityCores/usages": (0, -1),
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("TotalClusters", "totalCores/usages"),
        ("TotalDedicatedCores", "dedicatedCores/usages"),
        ("TotalLowPriorityCores", "lowPriorityCores/usages"),
    ],
)
def test_the_totals_are_told(workspace: MLClient, name: str, kind: str) -> None:
    assert set(of(usages(workspace), name)) == {kind}


def test_a_limit_that_a_test_sets_is_told_and_read(workspace: MLClient, emulator: Emulated) -> None:
    set_limit(emulator, FAMILY, 7)
    try:
        lines = Computes(workspace).quota()
        told = {(line.family, line.pool): (line.limit, line.free) for line in lines}
        assert told[family_key(FAMILY), CorePool.DEDICATED] == (7, 7)
        assert told["", CorePool.DEDICATED][0] == 1000
        assert (family_key(FAMILY), CorePool.LOW_PRIORITY) not in told
    finally:
        emulator.admin("DELETE", "/_emu/quota")


@pytest.mark.parametrize("limit", [-2, "7", None])
def test_a_limit_that_is_none_is_refused(emulator: Emulated, limit: object) -> None:
    assert emulator.admin("POST", "/_emu/quota", name=FAMILY, limit=limit).status_code == 400


def test_a_family_that_is_none_is_refused(emulator: Emulated) -> None:
    assert emulator.admin("POST", "/_emu/quota", name="standardNoFamily", limit=1).status_code == 400


def set_limit(emulator: Emulated, name: str, limit: int) -> None:
    assert emulator.admin("POST", "/_emu/quota", name=name, limit=limit).status_code == 200
