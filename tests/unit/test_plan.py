"""The plan: the sections that are there, in an order in which they can be done."""

from datetime import date
from pathlib import Path

import pytest

from runner import catalog
from runner.facts import ComputeState, DeploymentState, EndpointState, Facts, Provisioning, TargetKind
from runner.load import load_bytes
from runner.plan import graph, plan
from runner.recipe import STEP_SECTIONS, Recipe
from runner.steps import STEPS
from runner.steps.step import Action

A100 = "Standard_NC24ads_A100_v4"
SECTIONS = {
    "compute": "{name: gpu, size: Standard_NC24ads_A100_v4, gpus_per_node: 1, max_instances: 2}",
    "dataset": "{path: data, train: train, test: test, percent: 5}",
    "finetune": "{task: chat_completion}",
    "register": "{name: small-model}",
    "endpoint": "{name: my-chat}",
    "baseline": "{instance_type: Standard_NC24ads_A100_v4}",
    "deployment": "{name: demo, instance_type: Standard_NC24ads_A100_v4}",
    "traffic": "{demo: 100}",
    "sample": "{rows: 2}",
}


def recipe(*sections: str) -> Recipe:
    text = "version: 1\nname: small\nmodel: {name: Phi-4}\n"
    text += "".join(f"{name}: {SECTIONS[name]}\n" for name in sections)
    return load_bytes(text.encode(), Path("recipe.yaml")).recipe


def facts(
    *,
    offline: bool = False,
    compute: ComputeState | None = None,
    endpoint: EndpointState | None = None,
    baseline: DeploymentState | None = None,
    deployment: DeploymentState | None = None,
) -> Facts:
    return Facts(
        target=TargetKind.EMULATOR,
        today=date(2026, 11, 21),
        offline=offline,
        model=catalog.model("azureml", "Phi-4"),
        component=catalog.component("chat_completion"),
        sizes={},
        compute=compute,
        endpoint=endpoint,
        baseline=baseline,
        deployment=deployment,
    )


def test_a_recipe_without_steps_has_an_empty_plan() -> None:
    assert plan(recipe(), facts(), None).changes == ()


@pytest.mark.parametrize("count", [2, 3, 4, 9])
def test_a_plan_has_the_sections_that_are_there_and_no_others(count: int) -> None:
    sections = STEP_SECTIONS[:count]
    assert {change.step for change in plan(recipe(*sections), facts(), None).changes} == set(sections)


def test_everything_comes_after_what_it_needs() -> None:
    changes = plan(recipe(*STEP_SECTIONS), facts(), None).changes
    order = [change.step for change in changes]
    assert all(order.index(need) < order.index(change.step) for change in changes for need in change.needs)


def test_rows_cluster_and_endpoint_wait_for_nothing() -> None:
    needs = graph(recipe(*STEP_SECTIONS))
    assert [step for step, needed in needs.items() if not needed] == ["dataset", "compute", "endpoint"]


def test_a_recipe_with_no_more_than_an_endpoint_needs_nothing() -> None:
    assert [change.needs for change in plan(recipe("endpoint"), facts(), None).changes] == [()]


def test_the_steps_are_the_sections() -> None:
    assert tuple(STEPS) == STEP_SECTIONS


def test_what_is_there_is_reused_or_updated_and_the_rest_created() -> None:
    there = facts(
        compute=ComputeState(
            id="/gpu",
            name="gpu",
            kind="amlcompute",
            size="STANDARD_NC24ADS_A100_V4",
            tier="dedicated",
            max_instances=1,
            provisioning=Provisioning.SUCCEEDED,
        ),
        endpoint=EndpointState(
            id="/e", name="my-chat", provisioning=Provisioning.SUCCEEDED, traffic={"demo": 100, "old": 0}
        ),
        baseline=DeploymentState(id="/b", name="base", provisioning=Provisioning.SUCCEEDED, model="/other"),
        deployment=DeploymentState(id="/d", name="demo", provisioning=Provisioning.SUCCEEDED),
    )
    actions = {change.step: change.action for change in plan(recipe(*STEP_SECTIONS), there, None).changes}
    assert actions == {
        "compute": Action.REUSE,
        "dataset": Action.CREATE,
        "finetune": Action.CREATE,
        "register": Action.CREATE,
        "endpoint": Action.REUSE,
        "baseline": Action.UPDATE,
        "deployment": Action.UPDATE,
        "traffic": Action.REUSE,
        "sample": Action.READ,
    }


def test_every_change_says_what_and_why() -> None:
    changes = {change.step: change for change in plan(recipe(*STEP_SECTIONS), facts(), None).changes}
    assert changes["compute"].reason == ("it is not there: Standard_NC24ads_A100_v4, 0 to 2 nodes, dedicated")
    assert changes["dataset"].reason == "5% of data, unless equal content is there"
    assert changes["traffic"].name == "demo 100%"
    assert changes["endpoint"].name == "my-chat"
    assert all(change.reason for change in changes.values())


def test_the_base_model_is_served_while_the_training_goes_on_and_alone_changes_the_endpoint() -> None:
    needs = graph(recipe(*STEP_SECTIONS))
    assert needs["baseline"] == ("endpoint",)
    assert "baseline" in needs["deployment"]
    assert needs["sample"] == ("dataset", "baseline", "traffic")


def test_without_a_baseline_nothing_is_planned_of_it() -> None:
    changes = plan(recipe(*(each for each in STEP_SECTIONS if each != "baseline")), facts(), None).changes
    assert "base" not in str([(each.step, each.needs, each.reason) for each in changes])


@pytest.mark.parametrize(("size", "action"), [(A100, Action.REUSE), ("Standard_Other", Action.UPDATE)])
def test_the_base_model_of_an_earlier_run_is_reused_on_the_same_size(size: str, action: Action) -> None:
    phi4 = catalog.model("azureml", "Phi-4")
    assert phi4 is not None
    there = DeploymentState(
        id="/b",
        name="base",
        provisioning=Provisioning.SUCCEEDED,
        model=phi4.id.upper(),
        instance_type=size.upper(),
    )
    (change,) = [
        each
        for each in plan(recipe(*STEP_SECTIONS), facts(baseline=there), None).changes
        if each.step == "baseline"
    ]
    assert (change.action, change.kind, change.name) == (action, "deployment", "base")


def test_a_plan_made_offline_says_that_nobody_looked() -> None:
    changes = {c.step: c for c in plan(recipe(*STEP_SECTIONS), facts(offline=True), None).changes}
    assert "not looked: offline" in changes["compute"].reason
    assert "not looked: offline" in changes["endpoint"].reason
