"""What the target would refuse is told before it costs, at the line it is about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from runner import catalog, parameters, preflight
from runner.catalog import RegistryModel, VmSize
from runner.errors import Diagnostic, Severity
from runner.facts import (
    ComputeState,
    CorePool,
    DeploymentState,
    EndpointState,
    Facts,
    Provisioning,
    Quota,
    TargetKind,
    family_key,
)
from runner.load import load_bytes

RECIPE = """\
version: 1
name: small
model:
  name: Phi-4
compute:
  name: gpu
  size: Standard_NC24ads_A100_v4
  gpus_per_node: 1
dataset:
  path: data
  train: train
  validation: valid
  test: test
finetune:
  task: chat_completion
  parameters:
    learning_rate: 1e-5
    num_train_epochs: 1
register:
  name: small-model
endpoint:
  name: my-chat
deployment:
  name: demo
  instance_type: Standard_NC24ads_A100_v4
traffic:
  demo: 100
sample:
  rows: 1
"""
A100, T4, K80, V100 = (
    "Standard_NC24ads_A100_v4",
    "Standard_NC4as_T4_v3",
    "Standard_NC6",
    "Standard_NC6s_v3",
)
OURS = {"runner.recipe": "small"}


LISTS = {"finetune_compute_allow_list": [A100, V100], "inference_compute_allow_list": [A100, V100]}


def model(
    tags: Mapping[str, object] | None = None, *, name: str = "Ours", archived: str | None = None
) -> RegistryModel:
    """Make a model whose own lists allow two sizes, unless `tags` say otherwise; its shape is unknown."""
    return RegistryModel(
        registry="azureml",
        name=name,
        version="8",
        tags=LISTS | dict(tags or {}),
        properties={},
        archived=archived,
    )


def untagged(name: str = "Phi-4") -> RegistryModel:
    return replace(model(name=name), tags={})


def line(
    free: int, *, family: str = "standardncadsa100v4family", pool: CorePool = CorePool.DEDICATED
) -> Quota:
    return Quota(name=f"{family or 'total'} {pool}", family=family, pool=pool, limit=free + 10, used=10)


PLENTY = tuple(
    line(1000, family=family, pool=pool)
    for pool in CorePool
    for family in {"", *(family_key(size.family) for size in catalog.vm_sizes())}
)


def facts() -> Facts:
    return Facts(
        target=TargetKind.AZURE,
        today=date(2026, 11, 21),
        offline=False,
        location="westeurope",
        model=model(),
        component=catalog.component("chat_completion"),
        sizes={size.name.lower(): size for size in catalog.vm_sizes()},
        quota=PLENTY,
    )


def cluster(*, size: str = A100.upper(), tier: str = "Dedicated", kind: str = "amlcompute") -> ComputeState:
    return ComputeState(
        id="/gpu",
        name="gpu",
        kind=kind,
        size=size,
        tier=tier,
        max_instances=1,
        provisioning=Provisioning.SUCCEEDED,
    )


def endpoint(tags: Mapping[str, str]) -> EndpointState:
    return EndpointState(id="/e", name="my-chat", provisioning=Provisioning.SUCCEEDED, tags=tags)


def deployment(tags: Mapping[str, str]) -> DeploymentState:
    return DeploymentState(id="/d", name="demo", provisioning=Provisioning.SUCCEEDED, tags=tags)


def findings(known: Facts, text: str = RECIPE) -> tuple[Diagnostic, ...]:
    loaded = load_bytes(text.encode(), Path("recipe.yaml"))
    return preflight.check(loaded, known, preflight.merge(loaded, known))


def with_sizes(known: Facts, *gone: str) -> Facts:
    return replace(known, sizes={name: size for name, size in known.sizes.items() if name not in gone})


def with_figures(**figures: object) -> Callable[[Facts], Facts]:
    """Give facts in which the one size used has other figures than in the catalog."""

    def known(before: Facts) -> Facts:
        size = replace(before.sizes[A100.lower()], **figures)  # type: ignore[arg-type]
        return replace(before, sizes={**before.sizes, A100.lower(): size})

    return known


def asking(**properties: str) -> Callable[[Facts], Facts]:
    named = {name.replace("_", "-"): value for name, value in properties.items()}
    return lambda known: replace(known, model=replace(model(), properties=named))


def counted(rows: int) -> Callable[[Facts], Facts]:
    return lambda known: replace(known, rows={"train": rows})


def with_few_bits(known: Facts, precision: str) -> Facts:
    """Let the component take few bits, as earlier versions did, and the model ask for them."""
    component = known.component
    assert component is not None
    accepted = replace(component.inputs["precision"], enum=("32", "16", "8", "4"))
    return replace(
        tagged(model_specific_defaults={"precision": precision})(known),
        component=replace(component, inputs={**component.inputs, "precision": accepted}),
    )


def tagged(**tags: object) -> Callable[[Facts], Facts]:
    return lambda known: replace(known, model=model(tags))


def existing(
    *,
    compute: ComputeState | None = None,
    endpoint: EndpointState | None = None,
    deployment: DeploymentState | None = None,
) -> Callable[[Facts], Facts]:
    return lambda known: replace(known, compute=compute, endpoint=endpoint, deployment=deployment)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Facts, and a recipe, of which one thing is to be said at one line."""

    code: str
    line: str
    known: Callable[[Facts], Facts] = field(default=lambda known: known)
    old: str = ""
    new: str = ""
    severity: Severity = Severity.ERROR
    on_emulator: Severity = Severity.ERROR


CASES = (
    Case(code="model-not-found", line="  name: Phi-4", known=lambda known: replace(known, model=None)),
    Case(
        code="model-not-in-catalog",
        line="  name: Phi-4",
        known=lambda known: replace(known, model=None, offline=True),
        severity=Severity.NOTICE,
        on_emulator=Severity.NOTICE,
    ),
    Case(
        code="model-retired",
        line="  name: Phi-4",
        known=lambda known: replace(known, model=model(archived="2026-06-02")),
        on_emulator=Severity.WARNING,
    ),
    Case(
        code="model-retired",
        line="  name: Phi-3-mini-4k-instruct",
        known=lambda known: replace(known, model=model(name="Phi-3-mini-4k-instruct")),
        old="  name: Phi-4",
        new="  name: Phi-3-mini-4k-instruct",
        on_emulator=Severity.WARNING,
    ),
    Case(
        code="model-retired",
        line="  name: Phi-4",
        known=tagged(FinetuneRetirementDate="2025-08-30"),
        on_emulator=Severity.WARNING,
    ),
    Case(
        code="model-retired",
        line="  name: Phi-4",
        known=tagged(InferenceRetirementDate="2025-08-30"),
        on_emulator=Severity.WARNING,
    ),
    Case(
        code="model-retired",
        line="  name: Phi-4",
        known=lambda known: replace(known, model=replace(model(), is_archived=True)),
        on_emulator=Severity.WARNING,
    ),
    Case(
        code="model-retires",
        line="  name: Phi-4",
        known=tagged(InferenceRetirementDate="2027-01-01"),
        severity=Severity.WARNING,
        on_emulator=Severity.WARNING,
    ),
    Case(
        code="size-retired",
        line=f"  size: {V100}",
        old=f"  size: {A100}",
        new=f"  size: {V100}",
        on_emulator=Severity.WARNING,
    ),
    Case(
        code="size-retired",
        line=f"  instance_type: {V100}",
        old=f"  instance_type: {A100}",
        new=f"  instance_type: {V100}",
        on_emulator=Severity.WARNING,
    ),
    Case(
        code="size-unknown",
        line=f"  size: {A100}",
        known=lambda known: with_sizes(known, A100.lower()),
    ),
    Case(
        code="size-unknown",
        line="  size: Standard_NC9999_v9",
        old=f"  size: {A100}",
        new="  size: Standard_NC9999_v9",
        known=lambda known: replace(known, offline=True),
        severity=Severity.WARNING,
        on_emulator=Severity.WARNING,
    ),
    Case(
        code="size-retires",
        line="  instance_type: Standard_DS3_v2",
        old=f"  instance_type: {A100}",
        new="  instance_type: Standard_DS3_v2",
        known=lambda known: replace(known, today=date(2027, 11, 4)),
        severity=Severity.WARNING,
        on_emulator=Severity.WARNING,
    ),
    Case(
        code="size-retired",
        line="  instance_type: Standard_DS3_v2",
        old=f"  instance_type: {A100}",
        new="  instance_type: Standard_DS3_v2",
        known=lambda known: replace(known, today=date(2028, 5, 1)),
        on_emulator=Severity.WARNING,
    ),
    Case(
        code="size-not-for-endpoints",
        line="  instance_type: Standard_D12_v2",
        old=f"  instance_type: {A100}",
        new="  instance_type: Standard_D12_v2",
    ),
    Case(
        code="size-too-small",
        line=f"  size: {A100}",
        known=asking(finetune_min_sku_spec="24|2|220|64"),
    ),
    Case(
        code="size-too-small",
        line=f"  instance_type: {A100}",
        known=asking(inference_min_sku_spec="24|1|220|65"),
    ),
    Case(
        code="size-not-low-priority",
        line="  tier: low_priority",
        known=with_figures(low_priority=False),
        old="  gpus_per_node: 1",
        new="  gpus_per_node: 1\n  tier: low_priority",
    ),
    Case(
        code="low-priority",
        line="  tier: low_priority",
        old="  gpus_per_node: 1",
        new="  gpus_per_node: 1\n  tier: low_priority",
        severity=Severity.NOTICE,
        on_emulator=Severity.NOTICE,
    ),
    Case(
        code="bills-around-the-clock",
        line="  min_instances: 1",
        old="  gpus_per_node: 1",
        new="  gpus_per_node: 1\n  min_instances: 1",
        severity=Severity.WARNING,
        on_emulator=Severity.WARNING,
    ),
    Case(
        code="allow-list-from-catalog",
        line=f"  size: {A100}",
        known=lambda known: replace(known, model=untagged()),
        severity=Severity.NOTICE,
        on_emulator=Severity.NOTICE,
    ),
    Case(
        code="gpus-per-node",
        line="  gpus_per_node: 2",
        old="  gpus_per_node: 1",
        new="  gpus_per_node: 2",
    ),
    Case(
        code="size-not-allowed",
        line=f"  size: {A100}",
        known=tagged(finetune_compute_allow_list=f"['{T4}']"),
    ),
    Case(
        code="size-not-allowed",
        line=f"  instance_type: {A100}",
        known=tagged(inference_compute_allow_list=[T4]),
    ),
    Case(
        code="size-unsupported",
        line=f"  size: {K80}",
        known=lambda known: replace(known, model=untagged("a-model-without-lists")),
        old=f"  size: {A100}",
        new=f"  size: {K80}",
    ),
    Case(
        code="component-not-found",
        line="  task: chat_completion",
        known=lambda known: replace(known, component=None),
    ),
    Case(
        code="clashing-parameters",
        line="    auto_find_batch_size: true",
        old="    num_train_epochs: 1",
        new="    auto_find_batch_size: true\n    apply_deepspeed: true",
    ),
    Case(
        code="default-dropped",
        line="  name: Phi-4",
        known=tagged(model_specific_defaults={"no_such_input": 1}),
        severity=Severity.NOTICE,
        on_emulator=Severity.NOTICE,
    ),
    Case(
        code="learning-rate-range",
        line="    learning_rate: 1e-5",
        known=tagged(model_specific_defaults={"learning_rate_min": "5e-7", "learning_rate_max": "5e-6"}),
        severity=Severity.WARNING,
        on_emulator=Severity.WARNING,
    ),
    Case(
        code="default-overridden",
        line="    num_train_epochs: 1",
        known=tagged(model_specific_defaults={"num_train_epochs": 3}),
        severity=Severity.NOTICE,
        on_emulator=Severity.NOTICE,
    ),
    Case(
        code="compute-too-few-nodes",
        line="  max_instances: 1",
        known=tagged(model_specific_defaults={"num_nodes_finetune": 2}),
        old="  gpus_per_node: 1",
        new="  gpus_per_node: 1\n  max_instances: 1",
    ),
    Case(
        code="too-few-rows",
        line="  train: train",
        known=counted(15),
        old="    num_train_epochs: 1",
        new="    per_device_train_batch_size: 2\n    gradient_accumulation_steps: 8",
        severity=Severity.WARNING,
        on_emulator=Severity.WARNING,
    ),
    Case(code="compute-misfit", line="  name: gpu", known=existing(compute=cluster(size=T4))),
    Case(code="compute-misfit", line="  name: gpu", known=existing(compute=cluster(tier="LowPriority"))),
    Case(code="compute-misfit", line="  name: gpu", known=existing(compute=cluster(kind="aks"))),
    Case(code="not-ours", line="  name: my-chat", known=existing(endpoint=endpoint({}))),
    Case(
        code="not-ours",
        line="  name: demo",
        known=existing(endpoint=endpoint(OURS), deployment=deployment({"runner.recipe": "other"})),
    ),
    Case(
        code="validation-from-train",
        line="  path: data",
        old="  validation: valid\n",
        severity=Severity.NOTICE,
        on_emulator=Severity.NOTICE,
    ),
)


def test_what_fits_raises_no_question() -> None:
    assert findings(facts()) == ()


@pytest.mark.parametrize("target", list(TargetKind))
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}:{case.line.strip()}")
def test_each_finding_has_its_weight_on_its_target_and_stands_at_its_line(
    case: Case, target: TargetKind
) -> None:
    text = RECIPE.replace(case.old, case.new, 1) if case.old else RECIPE
    found = [
        each
        for each in findings(replace(case.known(facts()), target=target), text)
        if each.code == case.code and text.splitlines()[each.line - 1] == case.line
    ]
    weights = {TargetKind.AZURE: case.severity, TargetKind.EMULATOR: case.on_emulator}
    assert [each.severity for each in found] == [weights[target]]
    assert found[0].message


@pytest.mark.parametrize("listed", [A100, A100.upper(), A100.lower()])
@pytest.mark.parametrize("written", [A100, A100.upper(), A100.lower()])
def test_sizes_are_the_same_in_any_case(listed: str, written: str) -> None:
    known = tagged(finetune_compute_allow_list=[listed], inference_compute_allow_list=f'["{listed}"]')
    assert findings(known(facts()), RECIPE.replace(A100, written)) == ()


def test_a_list_that_cannot_be_read_allows_what_is_not_known_to_fail() -> None:
    unreadable = replace(
        model(name="nowhere"), tags=LISTS | {"finetune_compute_allow_list": "[Standard_NC24"}
    )
    assert findings(replace(facts(), model=unreadable)) == ()


@pytest.mark.parametrize("tier", ["Dedicated", "dedicated"])
def test_a_cluster_that_fits_may_be_anybodys(tier: str) -> None:
    assert findings(existing(compute=cluster(tier=tier))(facts())) == ()


def test_an_endpoint_and_a_deployment_of_this_recipe_are_its_own() -> None:
    known = existing(endpoint=endpoint(OURS), deployment=deployment(OURS))
    assert findings(known(facts())) == ()


def test_a_rate_that_the_model_brings_itself_is_not_questioned() -> None:
    defaults = {"learning_rate": "1e-2", "learning_rate_max": "5e-6"}
    text = RECIPE.replace("    learning_rate: 1e-5\n", "")
    found = findings(tagged(model_specific_defaults=defaults)(facts()), text)
    assert "learning-rate-range" not in {each.code for each in found}


def test_the_emulators_own_model_is_refused_on_azure_only() -> None:
    text = RECIPE.replace("Phi-4", "Phi-3-tiny-4k-instruct")
    own = replace(facts(), model=model(name="Phi-3-tiny-4k-instruct"))
    assert [each.code for each in findings(own, text)] == ["model-only-on-emulator"]
    assert findings(replace(own, target=TargetKind.EMULATOR), text) == ()


def test_a_part_of_a_card_counts_as_one_gpu() -> None:
    shared = VmSize(
        name=A100,
        family="",
        vcpus=6,
        memory_gb=None,
        gpus=0.5,
        gpu=None,
        gpu_memory_gb=None,
        retired=None,
    )
    found = findings(replace(facts(), sizes={A100.lower(): shared}))
    assert "gpus-per-node" not in {each.code for each in found}


def test_all_findings_are_told_at_once_in_the_order_of_the_file() -> None:
    known = replace(
        existing(compute=cluster(size=T4), endpoint=endpoint({}))(facts()),
        model=model({"FinetuneRetirementDate": "2025-08-30", "finetune_compute_allow_list": [T4]}),
    )
    codes = [each.code for each in findings(known)]
    assert codes == ["model-retired", "compute-misfit", "size-not-allowed", "not-ours"]


def test_what_is_in_force_is_merged_only_where_there_is_a_training() -> None:
    loaded = load_bytes(RECIPE.encode(), Path("recipe.yaml"))
    effective = preflight.merge(loaded, facts())
    assert effective is not None
    assert effective.parameters["compute_finetune"].value == "gpu"
    assert effective.parameters["learning_rate"].detail == "recipe.yaml:17"
    assert preflight.merge(loaded, replace(facts(), component=None)) is None


@pytest.mark.parametrize(
    ("day", "codes"),
    [
        ("2026-11-20", ["model-retired"]),
        ("2026-11-21", ["model-retired"]),
        ("2026-11-22", ["model-retires"]),
        ("2027-05-20", ["model-retires"]),
        ("2027-05-21", []),
        ("2099-01-01", []),
        ("soon", []),
    ],
)
def test_a_retirement_counts_from_its_day_on_and_is_announced_before(day: str, codes: list[str]) -> None:
    retired = tagged(FinetuneRetirementDate=day)(facts())
    archived = replace(facts(), model=model(archived=day))
    assert [each.code for each in findings(retired)] == codes
    assert [each.code for each in findings(archived)] == [code for code in codes if code == "model-retired"]


@pytest.mark.parametrize(("today", "found"), [(date(2025, 9, 29), 0), (date(2025, 9, 30), 1)])
def test_a_size_is_retired_from_its_day_on(today: date, found: int) -> None:
    codes = [each.code for each in findings(replace(facts(), today=today), RECIPE.replace(A100, V100, 1))]
    assert codes.count("size-retired") == found


def test_a_model_whose_tags_hold_no_list_is_held_against_the_catalogs() -> None:
    loaded = load_bytes(RECIPE.replace(A100, "Standard_NC6s_v3").encode(), Path("recipe.yaml"))
    found = preflight.check(loaded, replace(facts(), model=untagged()), None)
    assert {each.key for each in found if each.code == "size-not-allowed"} == {
        "compute.size",
        "deployment.instance_type",
    }


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"auth_mode": "aad_token"}, "has auth_mode aad_token, which cannot be changed"),
        ({"provisioning": Provisioning.FAILED, "error": "OutOfQuota"}, "in a failed state: OutOfQuota"),
    ],
)
def test_an_endpoint_that_does_not_fit_is_refused(state: dict[str, Any], reason: str) -> None:
    loaded = load_bytes(RECIPE.encode(), Path("recipe.yaml"))
    there = replace(endpoint({"runner.recipe": loaded.recipe.name}), **state)
    found = preflight.check(loaded, replace(facts(), endpoint=there), None)
    assert [reason in each.message for each in found if each.code == "endpoint-misfit"] == [True]


def test_a_cluster_with_too_few_nodes_is_refused() -> None:
    text = RECIPE.replace("  gpus_per_node: 1", "  gpus_per_node: 1\n  max_instances: 4").replace(
        "parameters:", "parameters:\n    num_nodes_finetune: 4", 1
    )
    found = findings(replace(facts(), compute=cluster()), text)
    assert [each.line for each in found if each.code == "compute-too-few-nodes"] != []


@pytest.mark.parametrize(
    ("rows", "validation", "found"), [(16, True, 0), (15, True, 1), (20, False, 0), (19, False, 1)]
)
def test_rows_are_counted_as_they_are_left_for_one_step(rows: int, found: int, *, validation: bool) -> None:
    text = RECIPE.replace("    num_train_epochs: 1", "    per_device_train_batch_size: 16")
    text = text if validation else text.replace("  validation: valid\n", "")
    codes = [each.code for each in findings(counted(rows)(facts()), text)]
    assert codes.count("too-few-rows") == found


@pytest.mark.parametrize(("rows", "found"), [(8, 0), (7, 1)])
def test_every_gpu_of_every_node_takes_its_batch(rows: int, found: int) -> None:
    text = (
        RECIPE.replace(f"  size: {A100}", "  size: Standard_NC96ads_A100_v4")
        .replace("  gpus_per_node: 1", "  gpus_per_node: 4\n  max_instances: 2")
        .replace("    num_train_epochs: 1", "    num_nodes_finetune: 2")
    )
    codes = [each.code for each in findings(counted(rows)(facts()), text)]
    assert codes.count("too-few-rows") == found


def test_offline_all_is_the_catalogs_and_nothing_is_said_of_it() -> None:
    light = "apply_lora: true\n    apply_deepspeed: true\n    deepspeed_stage: 3\n    precision: 16"
    text = RECIPE.replace("num_train_epochs: 1", f"{light}\n    max_seq_length: 512")
    assert findings(replace(facts(), model=untagged(), offline=True), text) == ()


def test_rows_that_lie_elsewhere_are_not_guessed() -> None:
    text = RECIPE.replace("    num_train_epochs: 1", "    per_device_train_batch_size: 1000")
    assert findings(facts(), text) == ()


def test_figures_that_are_not_known_are_not_guessed() -> None:
    asked = asking(finetune_min_sku_spec="24|1|9999|9999", inference_min_sku_spec="many")(facts())
    assert findings(with_figures(memory_gb=None, disk_gb=None)(asked)) == ()


def test_what_a_size_lacks_is_told_in_its_figures() -> None:
    (found,) = findings(asking(finetune_min_sku_spec="96|4|880|64")(facts()))
    assert found.message.startswith(f"{A100} has 24 cores of 96, 1 GPUs of 4, 220 GB of memory of 880 that")
    assert found.expected == "at least 96 cores, 4 GPUs, 880 GB of memory, 64 GB of disk"


def test_the_epochs_in_force_are_told_in_words() -> None:
    known = tagged(model_specific_defaults={"num_train_epochs": 3, "learning_rate": "5e-6"})
    assert [each.message for each in findings(known(facts()))] == [
        "the recipe's 1e-05 wins over the model's default of 5e-06",
        "the recipe's 1 epochs win over the model's default of 3",
    ]


def test_a_text_that_wins_over_a_default_is_not_repeated() -> None:
    known = tagged(model_specific_defaults={"shm_size_finetune": "8g"})
    text = RECIPE.replace("    num_train_epochs: 1", "    shm_size_finetune: hunter2")
    (found,) = findings(known(facts()), text)
    assert found.code == "default-overridden"
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("precision", "said", "keys"),
    [
        ("16", "apply_deepspeed: true", []),
        ("4", "apply_lora: true", ["precision"]),
        ("8", "apply_deepspeed: true", ["precision", "apply_lora", "apply_deepspeed"]),
    ],
)
def test_what_few_bits_change_on_their_own_is_told(precision: str, said: str, keys: list[str]) -> None:
    text = RECIPE.replace("    num_train_epochs: 1", f"    {said}")
    found = [each for each in findings(with_few_bits(facts(), precision), text) if each.code == "few-bits"]
    assert [each.key.rpartition(".")[2] for each in found] == keys
    assert {each.severity for each in found} <= {Severity.WARNING}


def test_few_bits_suit_the_models_that_are_trained_so() -> None:
    known = with_few_bits(facts(), "4")
    llama = replace(known, model=replace(known.model or model(), name="Llama-2-7b-chat"))
    text = RECIPE.replace("    num_train_epochs: 1", "    apply_lora: true").replace(
        "Phi-4", "Llama-2-7b-chat"
    )
    assert "few-bits" not in {each.code for each in findings(llama, text)}


@pytest.mark.parametrize("default", [1, 2])
def test_the_recipes_own_nodes_stand_over_the_models(default: int) -> None:
    known = tagged(model_specific_defaults={"num_nodes_finetune": default})(facts())
    text = RECIPE.replace("    num_train_epochs: 1", "    num_nodes_finetune: 1")
    assert "compute-too-few-nodes" not in {each.code for each in findings(known, text)}


def test_of_a_version_newer_than_the_catalogs_only_the_registry_can_tell_that_it_is_archived() -> None:
    archived = replace(untagged("Phi-3-mini-4k-instruct"), version="16")
    told = {each.code for each in findings(replace(facts(), model=archived))}
    assert "model-retired" not in told
    older = replace(archived, version="15")
    assert "model-retired" in {each.code for each in findings(replace(facts(), model=older))}


@pytest.mark.parametrize("value", ["abc", "true", "'5'", "-1", "0.5"])
def test_a_value_of_any_kind_under_an_unknown_version_stops_no_other_check(value: str) -> None:
    """The loader leaves the parameters of a version it does not know to what the registry says of it."""
    component = catalog.component("chat_completion")
    assert component is not None
    settable = [name for name in component.inputs if not parameters.is_derived(name)]
    assert len(settable) > 40
    refused = 0
    for name in settable:
        text = RECIPE.replace("learning_rate: 1e-5", f"{name}: {value}").replace(
            "task: chat_completion", 'task: chat_completion\n  component_version: "9.9.9"'
        )
        if name == "num_train_epochs":
            text = text.replace("    num_train_epochs: 1\n", "")
        found = findings(replace(facts(), model=untagged()), text)
        refused += any(each.key == f"finetune.parameters.{name}" for each in found)
    assert refused > 20
