"""`gc` lists what is alive under our tags, and deletes, with proof, only what was asked for."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runner import opening as openings
from runner.cli import main
from runner.clock import SystemClock
from runner.facts import ComputeState, Provisioning, Resource, ResourceKind
from runner.journal import FILE_NAME, Event, Journal, Json
from runner.steps import STEPS
from tests.unit.bench import AZURE, SUCCEEDED, FakeStep

RUN = "20261121T082300Z-small-1a2b"
OLD = "20251121T082300Z-small-0000"
A100 = "Standard_NC24ads_A100_v4"
RECIPE = """\
version: 1
name: small
model: {name: Phi-4}
workspace: {subscription_id: s, resource_group: r, workspace_name: w}
"""


class Sky:
    """A workspace with a cluster, an endpoint with one deployment, and a job that runs."""

    target = AZURE

    def __init__(self) -> None:
        self.tier = "low_priority"
        self.listing = {
            "gpu": thing(ResourceKind.COMPUTE, "gpu", instance_type=A100, instance_count=4),
            "e": thing(ResourceKind.ENDPOINT, "e"),
            "demo": thing(ResourceKind.DEPLOYMENT, "demo", parent="e", instance_type=A100, instance_count=2),
            "job": thing(ResourceKind.JOB, "job"),
        }

    @property
    def computes(self) -> "_Kind":
        return _Kind(self, ResourceKind.COMPUTE)

    @property
    def endpoints(self) -> "_Kind":
        return _Kind(self, ResourceKind.ENDPOINT)

    @property
    def jobs(self) -> "_Kind":
        return _Kind(self, ResourceKind.JOB)


class _Kind:
    def __init__(self, sky: Sky, kind: ResourceKind) -> None:
        self.sky, self.kind = sky, kind

    def all(self) -> tuple[Resource, ...]:
        return tuple(each for each in self.sky.listing.values() if each.kind is self.kind)

    def running(self) -> tuple[Resource, ...]:
        return self.all()

    def deployment_listed(self, endpoint: str, name: str) -> bool:
        return name in {each.name for each in self.deployments(endpoint)}

    def deployments(self, endpoint: str) -> tuple[Resource, ...]:
        return tuple(each for each in self.sky.listing.values() if each.parent == endpoint)

    def listed(self, name: str) -> bool:
        return name in self.sky.listing

    def get(self, name: str) -> ComputeState:
        return ComputeState(
            id=name,
            name=name,
            kind="amlcompute",
            size=A100,
            tier=self.sky.tier,
            max_instances=4,
            provisioning=Provisioning.SUCCEEDED,
        )


def thing(kind: ResourceKind, name: str, **others: Any) -> Resource:  # noqa: ANN401 - a resource's other fields
    tags = {"runner.recipe": "small", "runner.run": OLD}
    return Resource(kind=kind, name=name, id=f"/{name}", status="Succeeded", tags=tags, **others)


@pytest.fixture
def sky(monkeypatch: pytest.MonkeyPatch) -> Sky:
    """Put a workspace under the command line, whose deletions take away what they are asked for."""
    sky = Sky()
    monkeypatch.setattr(openings, "connected", lambda *_: sky)
    for step, name in {"compute": "gpu", "endpoint": "e", "deployment": "demo", "finetune": "job"}.items():
        tags = sky.listing[name].tags
        fake = FakeStep(name, [SUCCEEDED], traits=STEPS[step].traits, tags=tags)
        fake.on_delete = partial(sky.listing.pop, name)
        monkeypatch.setitem(STEPS, step, fake)
    return sky


def gc(folder: Path, *words: str) -> int:
    recipe = folder / "small.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    return main(["gc", str(recipe), "--runs-dir", str(folder / "runs"), *words])


def found(capsys: pytest.CaptureFixture[str]) -> dict[str, Mapping[str, Json]]:
    return {each["name"]: each for each in json.loads(capsys.readouterr().out)["found"]}


def test_by_default_it_only_lists_with_prices(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gc(tmp_path) == 0
    assert set(sky.listing) == {"gpu", "e", "demo", "job"}
    told = capsys.readouterr().out
    assert "e/demo" in told
    assert "7.35 USD an hour" in told  # twice the 3.673 of one instance
    assert "delete what is in no run here with --delete" in told


def test_a_list_price_is_not_taken_for_a_low_priority_node(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str]
) -> None:
    gc(tmp_path, "--output", "json")
    assert found(capsys)["gpu"]["hourly"]["amount"] is None
    sky.tier = "dedicated"
    gc(tmp_path, "--output", "json")
    assert found(capsys)["gpu"]["hourly"]["basis"] == "each node that is up"


def test_what_is_deleted_is_told_as_proven(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gc(tmp_path, "--delete", "--output", "json") == 0
    assert set(sky.listing) == {"demo"}  # it goes with its endpoint, which fakes do not
    assert {name: each["deleted"] for name, each in found(capsys).items()} == {
        "gpu": True,
        "e": True,
        "demo": None,
        "job": True,
    }


def test_what_is_not_proven_gone_ends_with_9(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = thing(ResourceKind.DEPLOYMENT, "theirs", parent="e")
    sky.listing["theirs"] = replace(foreign, tags={})
    sky.listing["gpu"] = replace(sky.listing["gpu"], tags={**sky.listing["gpu"].tags, "runner.run": RUN})
    assert gc(tmp_path, "--delete") == 9
    said = capsys.readouterr()
    assert said.err.startswith("error: not proven gone: compute gpu\n")
    assert "compute gpu may still be there: it is another run's by now" in said.out
    assert "kept: e: it holds what is not ours: theirs" in said.out
    assert {"gpu", "e"} <= set(sky.listing)


def test_what_was_kept_is_counted_where_nothing_is_deleted(
    tmp_path: Path, sky: Sky, capsys: pytest.CaptureFixture[str]
) -> None:
    del sky.listing["gpu"], sky.listing["job"], sky.listing["demo"]
    sky.listing["theirs"] = replace(thing(ResourceKind.DEPLOYMENT, "theirs", parent="e"), tags={})
    assert gc(tmp_path, "--delete") == 0
    assert capsys.readouterr().out.endswith("\nnothing was deleted; 1 were kept\n")


def test_only_what_one_run_made_is_taken_if_that_is_asked_for(tmp_path: Path, sky: Sky) -> None:
    assert gc(tmp_path, "--delete", "--run", "2026") == 0
    assert set(sky.listing) == {"gpu", "e", "demo", "job"}


@pytest.fixture
def listing(tmp_path: Path, opening: Mapping[str, Json], sky: Sky) -> Sky:
    """Have a run here that lists the endpoint, which is past its time."""
    folder = tmp_path / "runs" / OLD
    folder.mkdir(parents=True)
    target = {"kind": "azure", "subscription_id": "s", "resource_group": "r", "workspace_name": "w"}
    made = {"action": "create", "intent": {"name": "e"}, "kind": "endpoint", "bills": True}
    with Journal(folder / FILE_NAME, SystemClock(), new=True) as journal:
        opened = {**opening, "run_id": OLD, "target": {**opening["target"], **target}}
        journal.append(Event.RUN_OPENED, data=opened)
        journal.append(Event.STEP_STARTED, step="endpoint", data={"action": "create"})
        journal.append(Event.INTENT, step="endpoint", data=made)
    tags = {**sky.listing["e"].tags, "runner.expires": "2025-11-22T08:23:00Z"}
    sky.listing["e"] = replace(sky.listing["e"], tags=tags)
    return sky


def test_what_a_run_here_lists_goes_only_past_its_time_and_asked_for(tmp_path: Path, listing: Sky) -> None:
    assert gc(tmp_path, "--delete") == 0
    assert "e" in listing.listing
    assert gc(tmp_path, "--delete", "--expired") == 0
    assert "e" not in listing.listing


def test_what_is_past_its_time_is_said_to_be(
    tmp_path: Path, listing: Sky, capsys: pytest.CaptureFixture[str]
) -> None:
    del listing.listing["gpu"], listing.listing["job"], listing.listing["demo"]
    assert gc(tmp_path) == 0
    told = capsys.readouterr().out
    assert "in a run here, past its endpoint_ttl" in told
    assert "--delete --expired" in told
    assert "in no run here with" not in told


def test_which_workspace_of_azure_is_meant_has_to_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gc", "--target", "azure"]) == 2
    assert "hint: runner gc RECIPE" in capsys.readouterr().err
