"""What DeepSpeed keeps in a machine's memory is counted, ranked by and told before it costs."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from runner import catalog, preflight, sizing
from runner.catalog import Architecture
from runner.cli import main
from runner.errors import Diagnostic, Severity
from runner.facts import Facts, TargetKind
from runner.fit import Candidate, Precision, Setup, Stage, fitting, host
from runner.load import Loaded, load_bytes
from runner.survey import survey_offline

TODAY = date(2026, 11, 21)
RECIPE = """\
version: 1
name: full
model: {name: Phi-4}
compute:
  name: gpu
  size: Standard_NC24ads_A100_v4
  gpus_per_node: 1
dataset: {huggingface: some/rows, train: train, validation: valid, test: test}
finetune:
  task: chat_completion
  parameters:
    max_seq_length: 1024
    apply_lora: false
"""
MIXTRAL = RECIPE.replace("Phi-4", "mistralai-Mixtral-8x7B-v01").replace("NC24ads", "NC48ads")
OFFLOADED = Setup(
    sequence_length=1024,
    precision=Precision.HALF,
    stage=Stage.THREE,
    offload_optimizer=True,
    offload_weights=True,
)
CHATTING = sorted(
    model.name
    for shape in catalog.architectures()
    if (model := catalog.model("azureml", shape.name)) and not model.emulator_only
)


def _shape(name: str) -> Architecture:
    found = catalog.architecture(name)
    assert found is not None
    return found


def _loaded(text: str) -> Loaded:
    return load_bytes(text.encode(), Path("recipe.yaml"))


def _facts(loaded: Loaded, target: TargetKind = TargetKind.AZURE) -> Facts:
    return survey_offline(loaded.recipe, target, None, TODAY)


def _found(text: str, target: TargetKind = TargetKind.AZURE) -> list[Diagnostic]:
    loaded = _loaded(text)
    facts = _facts(loaded, target)
    found = preflight.check(loaded, facts, preflight.merge(loaded, facts))
    return [each for each in found if each.code == "memory-too-small"]


def _ranked(text: str) -> dict[str, Candidate]:
    loaded = _loaded(text)
    facts = _facts(loaded)
    return {each.size.name: each for each in sizing.candidates(facts, preflight.merge(loaded, facts))}


# --- counting -----------------------------------------------------------------------------------------------


def test_full_training_by_hand() -> None:
    """14,659,507,200 weights: 16 bytes each make 234.6 GB, the offloaded weights themselves 29.3 more."""
    found = host(_shape("Phi-4"), OFFLOADED)
    assert (found.gradients, found.optimizer) == (58_638_028_800, 175_914_086_400)
    assert found.weights == 29_319_014_400
    assert found.total == 263_871_129_600


def test_stage_two_keeps_its_weights_on_the_gpus() -> None:
    found = host(_shape("Phi-4"), replace(OFFLOADED, stage=Stage.TWO, offload_weights=False))
    assert found.total == 16 * 14_659_507_200


def test_lora_trains_little_and_offloads_every_weight() -> None:
    """Rank 8 on queries and values of Llama-2-7b: 4,194,304 weights in adapters (litgpt's table)."""
    found = host(_shape("Llama-2-7b"), replace(OFFLOADED, lora_rank=8))
    assert found.gradients + found.optimizer == 16 * 4_194_304
    assert found.weights == 2 * (6_738_415_616 + 4_194_304)


def test_the_gpus_of_a_node_share_it_and_nodes_divide_it() -> None:
    one = host(_shape("Phi-4"), OFFLOADED).total
    assert host(_shape("Phi-4"), replace(OFFLOADED, gpus=8)).total == one
    assert host(_shape("Phi-4"), replace(OFFLOADED, nodes=2)).total == one // 2


def test_without_offloading_there_is_nothing() -> None:
    assert host(_shape("Phi-4"), Setup(sequence_length=1024)).total == 0


# --- ranking ------------------------------------------------------------------------------------------------


def test_what_the_machine_cannot_hold_does_not_fit_although_its_gpu_could() -> None:
    small, large = (_ranked(RECIPE)[f"Standard_NC{name}_A100_v4"] for name in ("24ads", "48ads"))
    assert (small.fits_gpu, small.fits_machine, small.fits) == (True, False, False)
    assert (large.fits_gpu, large.fits_machine, large.fits) == (True, True, True)
    assert not _ranked(MIXTRAL)["Standard_NC48ads_A100_v4"].fits


@pytest.mark.parametrize(("share", "fits"), [(0.89, True), (0.91, False)])
def test_the_machine_has_the_same_margin_as_the_gpu(share: float, fits: bool) -> None:  # noqa: FBT001 - a case
    size = catalog.vm_size("Standard_NC24ads_A100_v4")
    assert size is not None
    told = replace(size, memory_gb=host(_shape("Phi-4"), OFFLOADED).total / share / 10**9)
    (found,) = fitting(_shape("Phi-4"), lambda _: OFFLOADED, [told])
    assert found.fits_machine is fits


def test_a_machine_whose_memory_is_not_known_passes_and_the_catalog_fills_in() -> None:
    size, unknown = (catalog.vm_size(f"Standard_{name}") for name in ("NC24ads_A100_v4", "ND96is_H100_v5"))
    assert size is not None
    assert unknown is not None
    ranked = fitting(_shape("Phi-4"), lambda _: OFFLOADED, [replace(size, memory_gb=None), unknown])
    assert [(each.machine, each.fits_machine) for each in ranked] == [(220 * 10**9, False), (None, True)]


@pytest.mark.parametrize("name", CHATTING)
def test_no_model_is_refused_its_own_defaults_on_its_own_sizes(name: str) -> None:
    """Azure's own word: what it offers has to work."""
    loaded = _loaded(RECIPE.replace("Phi-4", name).replace("    apply_lora: false\n", ""))
    facts = _facts(loaded)
    ranked = sizing.candidates(facts, preflight.merge(loaded, facts))
    assert len(ranked) > 1
    assert [each.size.name for each in ranked if not each.fits_machine] == []


def test_every_model_that_has_a_shape_was_tried() -> None:
    assert len(CHATTING) == 16


# --- told ---------------------------------------------------------------------------------------------------


def test_too_little_memory_of_the_machine_is_refused_with_the_size_that_has_it() -> None:
    (found,) = _found(RECIPE)
    assert (found.line, found.column, found.severity) == (6, 9, Severity.ERROR)
    assert found.message == (
        "the training keeps about 264 GB in the memory of the machine; Standard_NC24ads_A100_v4 has 220 GB"
    )
    assert (
        found.expected
        == "the smallest allowed size it fits on is Standard_NC40ads_H100_v5 with gpus_per_node: 1"
    )


def test_apply_lora_is_advised_where_it_is_not_in_use() -> None:
    (full,) = _found(RECIPE)
    assert full.mend == "or use more nodes (num_nodes_finetune), or apply_lora"
    lora = RECIPE.replace("Phi-4", "Llama-2-70b").replace("NC24ads_A100_v4", "NC16as_T4_v3")
    adapted = [
        each for each in _found(lora.replace("lora: false", "lora: true")) if "machine" in each.message
    ]
    assert [each.mend for each in adapted] == ["or use more nodes (num_nodes_finetune)"]


def test_mixtral_in_full_is_told_of_the_machine() -> None:
    assert any("has 440 GB" in each.message and "machine" in each.message for each in _found(MIXTRAL))


def test_nearly_too_little_is_a_warning() -> None:
    loaded = _loaded(RECIPE)
    facts = _facts(loaded)
    size = facts.sizes["standard_nc24ads_a100_v4"]
    near = replace(facts, sizes={**facts.sizes, size.name.lower(): replace(size, memory_gb=270)})
    found = preflight.check(loaded, near, preflight.merge(loaded, near))
    assert [each.severity for each in found if each.code == "memory-too-small"] == [Severity.WARNING]


def test_the_emulator_only_warns() -> None:
    assert [each.severity for each in _found(RECIPE, TargetKind.EMULATOR)] == [Severity.WARNING]


def test_two_nodes_halve_it() -> None:
    text = RECIPE.replace("node: 1\n", "node: 1\n  max_instances: 2\n") + "    num_nodes_finetune: 2\n"
    assert _found(text) == []


def test_four_bits_are_not_estimated_at_all() -> None:
    """Where the component takes what this model's own defaults ask for."""
    loaded = _loaded(RECIPE.replace("Phi-4", "Llama-2-7b").replace("NC24ads", "NC48ads"))
    facts = _facts(loaded)
    assert facts.component is not None
    known = facts.component.inputs["precision"]
    inputs = {**facts.component.inputs, "precision": replace(known, enum=("32", "16", "8", "4"))}
    newer = replace(facts, component=replace(facts.component, inputs=inputs))
    effective = preflight.merge(loaded, newer)
    assert effective is not None
    assert effective.value("precision") == "4"
    assert "memory-too-small" not in {each.code for each in preflight.check(loaded, newer, effective)}
    assert sizing.candidates(newer, effective) == ()


def test_a_plan_tells_what_is_offloaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace("NC24ads", "NC48ads").replace("node: 1", "node: 2"), encoding="utf-8")
    words = ["plan", "--offline", str(path), "--target", "azure"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert (
        "memory of the machine (estimated): 263.9 GB of the 440 of Standard_NC48ads_A100_v4\n"
        "  weights 29.3  gradients 58.6  optimizer 175.9\n" in shown
    )
    assert main([*words, "--output", "json"]) == 0
    machine = json.loads(capsys.readouterr().out)["memory"]["machine"]
    assert machine["needed_bytes"] == sum(machine["parts"].values()) == 263_871_129_600
    assert machine["available_bytes"] == 440_000_000_000


def test_where_nothing_is_offloaded_the_machine_is_not_mentioned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace("_lora: false", "_deepspeed: false"), encoding="utf-8")
    assert main(["plan", "--offline", str(path), "--target", "azure"]) == 0
    shown = capsys.readouterr().out
    assert "memory of each GPU" in shown
    assert "memory of the machine" not in shown
