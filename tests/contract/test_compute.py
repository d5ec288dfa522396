"""Compute through the genuine SDK: created slowly, read back as Azure spells it, refused as Azure does."""

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import AmlCompute
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

SIZE = "Standard_NC24ads_A100_v4"


def test_a_cluster_is_created_and_read_back(workspace: MLClient) -> None:
    wanted = AmlCompute(
        name="gpu", size=SIZE, tier="low_priority", max_instances=3, idle_time_before_scale_down=90
    )
    workspace.compute.begin_create_or_update(wanted).result()
    found = workspace.compute.get("gpu")
    assert (found.provisioning_state, found.size, found.tier) == ("Succeeded", SIZE.upper(), "low_priority")
    assert (found.max_instances, found.min_instances, found.idle_time_before_scale_down) == (3, 0, 90)


def test_a_missing_cluster_is_not_found(workspace: MLClient) -> None:
    with pytest.raises(ResourceNotFoundError):
        workspace.compute.get("nowhere")


def test_a_cluster_is_being_created_until_its_operation_ends(workspace: MLClient) -> None:
    poller = workspace.compute.begin_create_or_update(AmlCompute(name="gpu", size=SIZE))
    assert workspace.compute.get("gpu").provisioning_state == "Creating"
    poller.wait()
    assert [compute.name for compute in workspace.compute.list()] == ["gpu"]


def test_a_cluster_can_grow_but_not_change_its_size(workspace: MLClient) -> None:
    workspace.compute.begin_create_or_update(AmlCompute(name="gpu", size=SIZE, max_instances=1)).wait()
    workspace.compute.begin_create_or_update(AmlCompute(name="gpu", size=SIZE, max_instances=4)).wait()
    assert workspace.compute.get("gpu").max_instances == 4
    with pytest.raises(HttpResponseError, match="vmSize of an existing cluster cannot be changed"):
        workspace.compute.begin_create_or_update(AmlCompute(name="gpu", size="Standard_DS3_v2"))


@pytest.mark.parametrize("name", ["gpu-cluster-1", "1gpu", "ab", "a" * 25, "gpu_one"])
def test_a_name_that_azure_refuses_is_refused(workspace: MLClient, name: str) -> None:
    with pytest.raises(HttpResponseError, match="compute name"):
        workspace.compute.begin_create_or_update(AmlCompute(name=name, size=SIZE))


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (AmlCompute(name="gpu", size="Standard_Nonsense"), "not offered"),
        (AmlCompute(name="gpu", size=SIZE, min_instances=2, max_instances=1), "scaleSettings"),
        (AmlCompute(name="gpu", size=SIZE, max_instances=101), "scaleSettings"),
    ],
)
def test_a_cluster_that_azure_refuses_is_refused(
    workspace: MLClient, wanted: AmlCompute, message: str
) -> None:
    with pytest.raises(HttpResponseError, match=message):
        workspace.compute.begin_create_or_update(wanted)


def test_a_deleted_cluster_is_gone_and_deleting_it_again_is_no_error(workspace: MLClient) -> None:
    workspace.compute.begin_create_or_update(AmlCompute(name="gpu", size=SIZE)).wait()
    workspace.compute.begin_delete("gpu").wait()
    with pytest.raises(ResourceNotFoundError):
        workspace.compute.get("gpu")
    workspace.compute.begin_delete("gpu").wait()
