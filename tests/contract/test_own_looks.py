"""What takes its time in the cloud, followed by our own looks: no poller of the SDK's asks for it."""

import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

from runner import recipe
from runner.azure.cloud import Cloud, connect
from runner.azure.credential import RenewableCredential
from runner.facts import Provisioning, Target, TargetKind
from tests.contract.chat_pipeline import MODEL, SIZE, build
from tests.emulator.emulated import Emulated


@pytest.fixture(scope="module")
def connected(emulator: Emulated) -> Cloud:
    target = Target(
        kind=TargetKind.EMULATOR,
        subscription_id=emulator.info["env"]["AZURE_SUBSCRIPTION_ID"],
        resource_group=emulator.info["env"]["AZURE_RESOURCE_GROUP"],
        workspace_name=f"ws-{uuid.uuid4().hex[:12]}",
        resource_manager=emulator.url,
    )
    return connect(target, "azureml", RenewableCredential(DefaultAzureCredential))


@pytest.fixture
def cloud(connected: Cloud) -> Cloud:
    return connected


@pytest.fixture
def endpoint(cloud: Cloud) -> str:
    name = f"ep-{uuid.uuid4().hex[:12]}"
    cloud.endpoints.create(name, recipe.Endpoint(name=name), description=None, tags={"runner.run": "r"})
    until(lambda: _state(cloud.endpoints.get(name)) is Provisioning.SUCCEEDED)
    return name


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def _state(seen: object) -> object:
    return getattr(seen, "provisioning", None)


def looking() -> list[str]:
    """Give the names of the SDK's pollers that are still at it."""
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("LROPoller")]
    time.sleep(0.2)
    alive = {thread.name for thread in threading.enumerate()}
    return [name for name in names if name in alive]


def test_l2_a_cluster_comes_and_goes(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    section = recipe.Compute(name="gpu", size=SIZE, gpus_per_node=1)
    cloud.computes.create(section, description=None, tags={"runner.run": "r"})
    assert looking() == []
    until(lambda: _state(cloud.computes.get("gpu")) is Provisioning.SUCCEEDED)
    (listed,) = cloud.computes.all()
    assert (listed.name, listed.tags["runner.run"], listed.instance_count) == ("gpu", "r", 1)
    cloud.computes.delete("gpu")
    assert looking() == []
    until(lambda: cloud.computes.get("gpu") is None and not cloud.computes.listed("gpu"))
    assert capsys.readouterr().out == ""


def test_l2_an_endpoint_its_deployment_and_its_traffic_come_and_go(
    cloud: Cloud, endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    section = recipe.Deployment(name="demo", instance_type=SIZE)
    cloud.endpoints.deploy(endpoint, section, model=MODEL, description=None, tags={"runner.run": "r"})
    until(lambda: _state(cloud.endpoints.deployment(endpoint, "demo")) is Provisioning.SUCCEEDED)
    cloud.endpoints.route(endpoint, {"demo": 100})
    until(lambda: _traffic(cloud, endpoint) == {"demo": 100})
    (listed,) = cloud.endpoints.deployments(endpoint)
    assert (listed.name, listed.parent, listed.instance_type, listed.instance_count) == (
        "demo",
        endpoint,
        SIZE,
        1,
    )
    assert listed.created
    assert endpoint in {each.name for each in cloud.endpoints.all() if each.created}
    assert {"demo": 100} in [each.traffic for each in cloud.endpoints.all() if each.name == endpoint]
    cloud.endpoints.route(endpoint, {})
    until(lambda: _traffic(cloud, endpoint) in ({}, {"demo": 0}))
    cloud.endpoints.undeploy(endpoint, "demo")
    until(lambda: not cloud.endpoints.deployment_listed(endpoint, "demo"))
    cloud.endpoints.delete(endpoint)
    until(lambda: cloud.endpoints.get(endpoint) is None and not cloud.endpoints.listed(endpoint))
    assert looking() == []
    assert capsys.readouterr().out == ""


def _traffic(cloud: Cloud, endpoint: str) -> object:
    seen = cloud.endpoints.get(endpoint)
    return seen.traffic if seen and seen.provisioning is Provisioning.SUCCEEDED else None


def test_l1_a_job_that_was_cancelled_ends_as_that(
    cloud: Cloud, registry: MLClient, emulator: Emulated, tmp_path: Path
) -> None:
    train = tmp_path / "train.jsonl"
    train.write_text("{}\n", encoding="utf-8")
    section = recipe.Compute(name="gpu", size=SIZE, gpus_per_node=1)
    cloud.computes.create(section, description=None, tags={})
    until(lambda: _state(cloud.computes.get("gpu")) is Provisioning.SUCCEEDED)
    emulator.script("Completed", 60)
    workspace = cloud.jobs._workspace  # noqa: SLF001 - submitted as the notebook does, looked at as we do
    workspace.jobs.create_or_update(build(registry, "run-1", train))
    assert cloud.jobs.listed("run-1")
    assert [each.name for each in cloud.jobs.running()] == ["run-1"]
    cloud.jobs.cancel("run-1")
    assert looking() == []
    until(lambda: _state(cloud.jobs.get("run-1")) is Provisioning.FAILED)
    seen = cloud.jobs.get("run-1")
    assert seen is not None
    assert (seen.status, seen.queued, seen.preempted) == ("Canceled", False, False)
    assert cloud.jobs.running() == ()


def test_a_new_token_is_fetched_past_what_the_credential_keeps(emulator: Emulated) -> None:
    """A real managed identity, whose MSAL would hand out the token it keeps: only a new one forgets it."""
    credential = RenewableCredential(DefaultAzureCredential)
    scope = f"{emulator.url}/.default"
    first = credential.get_token(scope).token
    time.sleep(1.1)  # the emulator's tokens of one second are alike
    assert credential.get_token(scope).token == first
    second = credential.renewed(first)
    assert second
    assert second != first
