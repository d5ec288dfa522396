"""Faults as the genuine SDK meets them, and the service's own refusals where the quota is short."""

import time
import uuid
from collections.abc import Iterator

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import AmlCompute, ManagedOnlineDeployment, ManagedOnlineEndpoint
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from runner.azure.compute import Computes
from runner.facts import CorePool, family_key
from tests.contract.chat_pipeline import MODEL, SIZE
from tests.emulator.bench import events, fault, fired, requests
from tests.emulator.emulated import Emulated

FAMILY = "standardNCADSA100v4Family"


@pytest.fixture(autouse=True)
def _cleared(emulator: Emulated) -> Iterator[None]:
    yield
    emulator.admin("DELETE", "/_emu/faults")
    emulator.admin("DELETE", "/_emu/quota")
    emulator.admin("POST", "/_emu/latencies", compute=0.3)


def name_of(workspace: MLClient) -> str:
    return str(workspace.workspace_name)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_the_sdk_asks_again_where_a_fault_is_over(
    workspace: MLClient, emulator: Emulated, status: int
) -> None:
    args = {"status": status, "headers": {"x-ms-retry-after-ms": "10"}}
    fault(emulator, "status", method="GET", workspace=name_of(workspace), args=args)
    assert list(workspace.online_endpoints.list()) == []
    assert [each["status"] for each in requests(emulator, name_of(workspace))] == [status, 200]


def test_the_sdk_makes_once_what_was_answered_by_a_reset(workspace: MLClient, emulator: Emulated) -> None:
    fault(emulator, "reset", "after_apply", method="PUT", workspace=name_of(workspace))
    workspace.compute.begin_create_or_update(AmlCompute(name="gpu", size=SIZE)).result()
    made = [event for event in events(emulator, name_of(workspace)) if event[0] == "create"]
    assert made == [("create", "compute", "gpu")]


def test_the_sdk_reads_an_expired_token_as_azures(workspace: MLClient, emulator: Emulated) -> None:
    fault(emulator, "expire_tokens", workspace=name_of(workspace))
    with pytest.raises(HttpResponseError, match="ExpiredAuthenticationToken") as told:
        workspace.workspaces.get(name_of(workspace))
    assert told.value.status_code == 401


def test_the_sdk_does_not_find_what_is_hidden(workspace: MLClient, emulator: Emulated) -> None:
    fault(emulator, "hide_reads", "after_apply", method="PUT", workspace=name_of(workspace))
    emulator.admin("POST", "/_emu/latencies", compute=2)  # else the poller might be the first to look
    poller = workspace.compute.begin_create_or_update(AmlCompute(name="gpu", size=SIZE))
    with pytest.raises(ResourceNotFoundError):
        workspace.compute.get("gpu")
    poller.wait()
    assert workspace.compute.get("gpu").name == "gpu"


def test_the_sdks_poller_believes_an_operation_whose_resource_has_failed(
    workspace: MLClient, emulator: Emulated
) -> None:
    args = {"states": ["Succeeded"], "resource": "Failed"}
    fault(emulator, "lro_script", method="PUT", workspace=name_of(workspace), args=args)
    poller = workspace.compute.begin_create_or_update(AmlCompute(name="gpu", size=SIZE))
    time.sleep(0.1)
    assert poller.result().provisioning_state == "Failed"
    assert fired(emulator) == [1]


def test_the_sdk_tells_why_an_operation_failed(workspace: MLClient, emulator: Emulated) -> None:
    args = {"states": ["Failed"], "error": {"code": "OutOfQuota", "message": "Not enough cluster CPU quota."}}
    fault(emulator, "lro_script", method="PUT", workspace=name_of(workspace), args=args)
    with pytest.raises(HttpResponseError, match="OutOfQuota"):
        workspace.compute.begin_create_or_update(AmlCompute(name="gpu", size=SIZE)).result()


def set_limit(emulator: Emulated, name: str, limit: int, pool: str = "dedicatedCores") -> None:
    answer = emulator.admin("POST", "/_emu/quota", name=name, limit=limit, pool=pool)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "case",
    [
        (FAMILY, "dedicatedCores", "dedicated", "Standard NCADSA100v4 family vCPU quota of 23"),
        ("TotalDedicatedCores", "dedicatedCores", "dedicated", "total vCPU quota of 23"),
        ("TotalLowPriorityCores", "lowPriorityCores", "low_priority", "total vCPU quota of 23"),
    ],
)
def test_a_cluster_of_which_no_node_fits_is_refused(
    workspace: MLClient, emulator: Emulated, case: tuple[str, str, str, str]
) -> None:
    limited, pool, tier, told = case
    set_limit(emulator, limited, 23, pool)
    wanted = AmlCompute(name="gpu", size=SIZE, tier=tier, min_instances=0, max_instances=1)
    with pytest.raises(HttpResponseError, match=told) as refused:
        workspace.compute.begin_create_or_update(wanted)
    assert "ClusterMinNodesExceedCoreQuota" in str(refused.value)
    with pytest.raises(ResourceNotFoundError):
        workspace.compute.get("gpu")
    set_limit(emulator, limited, 24, pool)
    workspace.compute.begin_create_or_update(wanted).wait()


def test_a_deployment_needs_a_fifth_more_than_its_instances(workspace: MLClient, emulator: Emulated) -> None:
    endpoint = f"q-{uuid.uuid4().hex[:8]}"
    workspace.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=endpoint)).wait()
    deployment = ManagedOnlineDeployment(
        name="demo", endpoint_name=endpoint, model=MODEL, instance_type=SIZE, instance_count=1
    )
    others = used(workspace)
    set_limit(emulator, FAMILY, others + 47)
    with pytest.raises(HttpResponseError, match="Not enough quota available") as refused:
        workspace.online_deployments.begin_create_or_update(deployment)
    text = str(refused.value)
    assert "InferencingClientCreateDeploymentFailed" in text
    assert f"Current usage/limit: {others}/{others + 47}. Additional needed: 48" in text
    set_limit(emulator, FAMILY, others + 48)
    workspace.online_deployments.begin_create_or_update(deployment).wait()
    workspace.online_deployments.begin_create_or_update(deployment).wait()  # it gives back its own cores
    workspace.online_endpoints.begin_delete(endpoint).wait()


def used(workspace: MLClient) -> int:
    """Return the cores that other tests hold."""
    lines = {(line.family, line.pool): line for line in Computes(workspace).quota()}
    line = lines[family_key(FAMILY), CorePool.DEDICATED]
    return line.limit - line.free
