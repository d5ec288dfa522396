"""What Azure tells of sizes, quota and models, read as the SDK of 1.35.2 hands it out."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from azure.ai.ml._restclient.arm_ml_service.models import ModelVersion
from azure.core.exceptions import HttpResponseError

from runner.azure.compute import Computes
from runner.azure.quota import quota
from runner.azure.registry import Registry, moved_lists
from runner.azure.transport import Transport
from runner.errors import RunnerError
from runner.facts import CorePool

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

SUBSCRIPTION = "/subscriptions/0/usages"
WORKSPACE = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/Mine"
TYPE = "Microsoft.MachineLearningServices"


def row(
    name: str, kind: str, *, limit: int | None, used: int | None = 0, of: str = SUBSCRIPTION
) -> dict[str, Any]:
    return {
        "id": of,
        "type": f"{TYPE}/{kind}/usages",
        "currentValue": used,
        "limit": limit,
        "name": {"value": name, "localizedValue": f"shown {name}"},
    }


def computes(**operations: object) -> Computes:
    return Computes(
        cast("MLClient", SimpleNamespace(compute=SimpleNamespace(**operations), workspace_name="ws"))
    )


@pytest.mark.parametrize(
    ("name", "kind", "family", "pool"),
    [
        ("standardNCADSA100v4Family", "vmFamily/dedicatedCores", "standardncadsa100v4family", "dedicated"),
        (
            "standardNCADSA100v4Family",
            "vmFamily/lowPriorityCores",
            "standardncadsa100v4family",
            "low priority",
        ),
        ("Standard NC Family Cluster Dedicated vCPUs", "vmFamily", "standardncfamily", "dedicated"),
        ("Standard NC Family Cluster LowPriority vCPUs", "vmFamily", "standardncfamily", "low priority"),
        ("TotalDedicatedCores", "dedicatedCores", "", "dedicated"),
        ("Total Cluster Dedicated Regional vCPUs", "dedicatedCores", "", "dedicated"),
        ("TotalLowPriorityCores", "lowPriorityCores", "", "low priority"),
        ("Total Cluster LowPriority Regional vCPUs", "lowPriorityCores", "", "low priority"),
    ],
)
def test_a_line_is_known_by_the_services_names_and_by_the_references(
    name: str, kind: str, family: str, pool: str
) -> None:
    (found,) = quota([row(name, kind, limit=100, used=30)], "mine")
    assert (found.family, found.pool, found.limit, found.used, found.free) == (family, pool, 100, 30, 70)


@pytest.mark.parametrize(
    "told",
    [
        row("standardNCFamily", "vmFamily/lowPriorityCores", limit=-1),
        row("standardNCFamily", "vmFamily/dedicatedCores", limit=20, used=None),
        row("TotalClusters", "totalCores", limit=200),
        row("standardNCFamily", "dedicatedCores", limit=1, of=f"{WORKSPACE}2/usages/x"),
        row("standardNCFamily", "dedicatedCores", limit=1, of=f"{WORKSPACE}/computes/gpu/usages/x"),
        {"id": SUBSCRIPTION},
    ],
)
def test_what_limits_nothing_here_is_left_out(told: dict[str, Any]) -> None:
    assert quota([told], "mine") == ()


def test_a_limit_of_this_workspace_counts() -> None:
    name = "Standard NC Family Cluster Dedicated vCPUs"
    (found,) = quota([row(name, "workspaces", limit=6, of=f"{WORKSPACE}/usages/x")], "mine")
    assert (found.pool, found.limit) == (CorePool.DEDICATED, 6)


def test_more_in_use_than_allowed_leaves_none() -> None:
    (found,) = quota([row("TotalDedicatedCores", "dedicatedCores", limit=10, used=12)], "mine")
    assert found.free == 0


def test_a_size_is_read_where_the_sdk_has_left_the_services_own_words() -> None:
    told = SimpleNamespace(
        name="STANDARD_NEW_V9",
        family="standardNewFamily",
        gpus=2,
        v_cp_us=None,
        memory_gb=None,
        vCPUs=48,
        memoryGB=440.0,
        maxResourceVolumeMB=131072,
        lowPriorityCapable=False,
    )
    size = computes(list_sizes=lambda: [told]).sizes()["standard_new_v9"]
    assert (size.vcpus, size.memory_gb, size.gpus, size.disk_gb) == (48, 440.0, 2, 128)
    assert size.low_priority is False


def test_what_the_service_does_not_tell_of_a_size_is_the_catalogs() -> None:
    told = SimpleNamespace(name="Standard_NC24ads_A100_v4", family=None, gpus=1, maxResourceVolumeMB=0)
    size = computes(list_sizes=lambda: [told]).sizes()["standard_nc24ads_a100_v4"]
    assert (size.family, size.vcpus, size.memory_gb, size.disk_gb) == (
        "standardNCADSA100v4Family",
        24,
        220,
        64,
    )
    assert size.skip_20pct_quota_reservation is True


@pytest.mark.parametrize(
    ("name", "told", "gpus"),
    [
        ("Standard_NV6ads_A10_v5", 1, 0.1667),
        ("Standard_NV18ads_A10_v5", 0, 0.5),
        ("Standard_NV36ads_A10_v5", 1, 1),
        ("Standard_NC96ads_A100_v4", 2, 2),
    ],
)
def test_only_of_a_shared_card_the_catalog_knows_better(name: str, told: int, gpus: float) -> None:
    size = SimpleNamespace(name=name, family=None, gpus=told, maxResourceVolumeMB=0)
    assert computes(list_sizes=lambda: [size]).sizes()[name.lower()].gpus == gpus


def test_a_refused_look_at_the_quota_is_an_error_that_can_be_told() -> None:
    def refuse() -> None:
        response = cast(
            "Any", SimpleNamespace(status_code=403, reason="Forbidden", headers={}, text=lambda: "")
        )
        raise HttpResponseError("AuthorizationFailed", response=response)

    with pytest.raises(RunnerError, match="reading the region's quota: HTTP 403"):
        computes(list_usage=refuse).quota()


@pytest.mark.parametrize("spelling", ["system_metadata", "systemMetadata"])
def test_lists_that_moved_are_read_as_the_tags_they_were(spelling: str) -> None:
    told = {
        spelling: {"supportedComputes": {"finetuning": ["A"], "inference": ["B", "C"], "evaluation": ["D"]}}
    }
    assert moved_lists(told) == {
        "finetune_compute_allow_list": ["A"],
        "inference_compute_allow_list": ["B", "C"],
    }


@pytest.mark.parametrize(
    "metadata", [None, {}, "text", {"supportedComputes": ["A"]}, {"supportedComputes": {"inference": "A"}}]
)
def test_lists_of_another_shape_are_left_alone(metadata: object) -> None:
    assert moved_lists({"system_metadata": metadata}) == {}


def test_lists_that_moved_are_found_in_the_sdks_own_answer() -> None:
    """The SDK's Model drops what it does not know; the answer that it is made of keeps it."""
    properties = {
        "isArchived": True,
        "tags": {"finetune_compute_allow_list": "['of the tag']"},
        "system_metadata": {"supportedComputes": {"finetune": ["of the metadata"], "inference": ["B"]}},
    }
    answer = cast("Any", ModelVersion)._deserialize({"name": "8", "properties": properties}, [])  # noqa: SLF001 - as the SDK does
    model = SimpleNamespace(name="Phi-4", version="8", tags=properties["tags"], properties={})
    models = SimpleNamespace(get=lambda *_, **__: model, _get=lambda *_: answer)
    client = cast("MLClient", SimpleNamespace(models=models))
    found = Registry(client, "azureml", Transport()).model("Phi-4", "latest")
    assert found is not None
    assert found.is_archived is True
    assert found.tags == {
        "finetune_compute_allow_list": "['of the tag']",
        "inference_compute_allow_list": ["B"],
    }
