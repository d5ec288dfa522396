"""Serverless compute: what its section may say, what follows from it, and that nothing is made."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NoReturn, cast

import pytest

from runner import catalog, preflight
from runner.errors import Diagnostic, RecipeInvalid
from runner.facts import Facts, Target, TargetKind
from runner.load import Loaded, load_bytes
from runner.plan import plan
from runner.recipe import SERVERLESS, Compute
from runner.steps.step import Action
from runner.survey import survey
from tests.unit.bench import AZURE, Bench

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

A100, T4, NO_GPU = "Standard_NC24ads_A100_v4", "Standard_NC4as_T4_v3", "Standard_D12_v2"
ALONE = f"compute: {{serverless: true, size: {A100}, gpus_per_node: 1}}"
TRAINING = """
dataset: {path: data, train: train, validation: valid, test: test}
finetune:
  task: chat_completion
  parameters: {num_nodes_finetune: 4}
"""


def loaded(sections: str) -> Loaded:
    text = f"version: 1\nname: small\nmodel: {{name: Phi-4}}\n{sections}\n"
    return load_bytes(text.encode(), Path("recipe.yaml"))


def refusal(sections: str) -> list[Diagnostic]:
    with pytest.raises(RecipeInvalid) as caught:
        loaded(sections)
    return list(caught.value.diagnostics)


def facts() -> Facts:
    return Facts(
        target=TargetKind.AZURE,
        today=date(2026, 11, 21),
        offline=False,
        location="westeurope",
        model=catalog.model("azureml", "Phi-4"),
        component=catalog.component("chat_completion"),
        sizes={size.name.lower(): size for size in catalog.vm_sizes()},
    )


def codes(sections: str) -> list[tuple[str, str]]:
    found = loaded(sections)
    merged = preflight.merge(found, facts())
    return [(each.code, each.key) for each in preflight.check(found, facts(), merged)]


def test_a_size_and_its_gpus_are_all_there_is_to_say() -> None:
    assert loaded(ALONE).recipe.compute == Compute(
        serverless=True, name=SERVERLESS, size=A100, gpus_per_node=1
    )


@pytest.mark.parametrize(
    "line",
    [
        "name: gpu",
        "min_instances: 0",
        "max_instances: 2",
        "tier: low_priority",
        "tier: dedicated",
        "idle_time_before_scale_down: 60",
    ],
)
def test_what_only_a_cluster_has_is_refused_at_its_key(line: str) -> None:
    (found,) = refusal(f"compute:\n  serverless: true\n  size: {A100}\n  gpus_per_node: 1\n  {line}")
    assert (found.line, found.column, found.code) == (8, 3, "not-with-serverless")
    assert found.key == f"compute.{line.partition(':')[0]}"


@pytest.mark.parametrize("serverless", ["", "serverless: false, "])
def test_without_serverless_a_name_is_needed(serverless: str) -> None:
    (found,) = refusal(f"compute: {{{serverless}size: {A100}, gpus_per_node: 1}}")
    assert (found.code, found.key) == ("missing-key", "compute.name")
    assert "serverless: true" in found.mend


def test_serverless_that_is_neither_true_nor_false_is_one_mistake() -> None:
    (found,) = refusal(f"compute: {{serverless: yes, size: {A100}, gpus_per_node: 1}}")
    assert (found.code, found.key) == ("wrong-type", "compute.serverless")


@pytest.mark.parametrize("name", ["serverless", "Serverless"])
def test_a_cluster_cannot_be_called_serverless(name: str) -> None:
    (found,) = refusal(f"compute: {{name: {name}, size: {A100}, gpus_per_node: 1}}")
    assert (found.code, found.key) == ("reserved-name", "compute.name")


def test_the_number_of_nodes_has_no_cluster_to_be_held_against() -> None:
    assert codes(ALONE + TRAINING) == []
    cluster = ALONE.replace("serverless: true", "name: gpu")
    assert [each.code for each in refusal(cluster + TRAINING)] == ["out-of-range"]


def test_the_component_is_told_the_compute_and_its_sizes() -> None:
    effective = preflight.merge(loaded(ALONE + TRAINING), facts())
    assert effective is not None
    told = {name: each for name, each in effective.parameters.items() if each.origin.value == "derived"}
    assert {name: each.value for name, each in told.items()} == {
        "compute_model_import": "serverless",
        "compute_preprocess": "serverless",
        "compute_finetune": "serverless",
        "compute_model_evaluation": "serverless",
        "instance_type_finetune": A100,
        "instance_type_model_evaluation": A100,
        "number_of_gpu_to_use_finetuning": 1,
    }
    assert told["compute_finetune"].detail == "compute.serverless"
    assert told["instance_type_finetune"].detail == "compute.size"
    assert effective.value("instance_type_preprocess") == "Standard_d12_v2"


def test_a_cluster_leaves_the_component_its_own_sizes() -> None:
    cluster = "compute: {name: gpu, size: Standard_NC24ads_A100_v4, gpus_per_node: 1, max_instances: 4}"
    effective = preflight.merge(loaded(cluster + TRAINING), facts())
    assert effective is not None
    assert effective.value("compute_finetune") == "gpu"
    assert effective.parameters["instance_type_finetune"].origin.value == "component_default"


@pytest.mark.parametrize(
    ("size", "code", "key"),
    [
        ("Standard_NC9999_v9", "size-unknown", "compute.size"),
        ("Standard_NC6s_v3", "size-retired", "compute.size"),
        (T4, "size-not-allowed", "compute.size"),
        (NO_GPU, "gpus-per-node", "compute.gpus_per_node"),
    ],
)
def test_the_size_is_checked_as_a_clusters(size: str, code: str, key: str) -> None:
    assert (code, key) in codes(ALONE.replace(A100, size) + TRAINING)


@pytest.mark.parametrize("offline", [False, True])
def test_the_plan_reads_for_there_is_nothing_to_create(*, offline: bool) -> None:
    (change,) = plan(loaded(ALONE).recipe, replace(facts(), offline=offline), None).changes
    assert (change.action, change.name, change.reason) == (
        Action.READ,
        SERVERLESS,
        "serverless: nothing to create",
    )


def test_no_cluster_is_looked_for() -> None:
    def asked(_name: str) -> NoReturn:
        pytest.fail("a cluster was looked for")

    cloud = SimpleNamespace(
        target=Target(kind=TargetKind.AZURE, subscription_id="s", resource_group="g", workspace_name="w"),
        location="westeurope",
        computes=SimpleNamespace(get=asked, sizes=dict, quota=tuple),
        registry=SimpleNamespace(model=lambda *_: None),
    )
    assert survey(loaded(ALONE).recipe, cast("Cloud", cloud), date(2026, 11, 21)).compute is None


def test_the_step_is_done_at_once_bills_nothing_and_has_nothing_to_take_back(bench: Bench) -> None:
    bench.on(SimpleNamespace(target=AZURE), ALONE)  # a cloud without clusters: asking for one would fail
    bench.forward()
    told = bench.told("compute")
    assert (told["action"], told["bills"]) == ("read", False)
    assert told["outputs"] == {"name": SERVERLESS, "size": A100}
    assert bench.run.manifest.alive == []
    assert bench.backward(down=True) == ()
