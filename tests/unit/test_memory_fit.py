"""What does not fit into a GPU is told before it costs, with the size that it fits on."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from runner import catalog, preflight, sizing
from runner.errors import Diagnostic, Severity
from runner.facts import Facts, TargetKind
from runner.load import Loaded, load_bytes
from runner.survey import survey_offline

TODAY = date(2026, 11, 21)
RECIPE = """\
version: 1
name: small
model: {name: Phi-4}
compute:
  name: gpu
  size: Standard_NC24ads_A100_v4
  gpus_per_node: 1
dataset: {path: data, train: train, validation: valid, test: test}
finetune:
  task: chat_completion
  parameters:
    max_seq_length: 2048
"""
FULL = RECIPE + "    apply_lora: false\n    apply_deepspeed: false\n"


def _loaded(text: str) -> Loaded:
    return load_bytes(text.encode(), Path("recipe.yaml"))


def _facts(loaded: Loaded, target: TargetKind = TargetKind.AZURE) -> Facts:
    return survey_offline(loaded.recipe, target, None, TODAY)


def _found(text: str, target: TargetKind = TargetKind.AZURE) -> list[Diagnostic]:
    loaded = _loaded(text)
    facts = _facts(loaded, target)
    found = preflight.check(loaded, facts, preflight.merge(loaded, facts))
    return [each for each in found if each.code.startswith("memory")]


def test_the_models_own_defaults_fit() -> None:
    assert _found(RECIPE) == []


def test_a_full_fine_tuning_that_fits_on_no_allowed_size_is_an_error_that_says_so() -> None:
    (found,) = _found(FULL)
    assert (found.line, found.column, found.code) == (6, 9, "memory-too-small")
    assert found.severity is Severity.ERROR
    assert "has 80 GB" in found.message
    assert found.expected == "it fits on none of the sizes that the model may be trained on"


def test_the_smallest_allowed_size_that_fits_is_named() -> None:
    """The eight GPUs of this size have 40 GB each, and without DeepSpeed eight help no more than one."""
    text = FULL.replace("Phi-4", "Phi-3-mini-4k-instruct").replace("NC24ads_A100", "ND96asr")
    (found,) = _found(text)
    loaded = _loaded(text)
    facts = _facts(loaded)
    ranked = sizing.candidates(facts, preflight.merge(loaded, facts))
    fitting = [each for each in ranked if each.fits]
    assert fitting
    assert f"is {fitting[0].size.name} with gpus_per_node: " in found.expected
    assert not any(each.fits for each in ranked[: ranked.index(fitting[0])])


def test_the_emulator_only_warns() -> None:
    (found,) = _found(FULL, TargetKind.EMULATOR)
    assert found.severity is Severity.WARNING


def test_a_length_that_nobody_set_is_a_bound_and_no_reason_to_refuse() -> None:
    text = RECIPE.replace("max_seq_length: 2048", "per_device_train_batch_size: 8").replace(
        "Phi-4", "Phi-3-mini-128k-instruct"
    )
    (found,) = _found(text)
    assert (found.code, found.severity) == ("memory-long-rows", Severity.WARNING)
    longest = int(found.message.split("about ")[1].split()[0])
    assert 0 < longest < 131072
    assert _found(f"{text}    max_seq_length: {longest}\n") == []
    assert [each.code for each in _found(f"{text}    max_seq_length: {longest + 2048}\n")] == [
        "memory-too-small"
    ]


def _on(size: str, gpus: int, model: str, *parameters: str) -> list[Diagnostic]:
    text = RECIPE.replace("Phi-4", model).replace("Standard_NC24ads_A100_v4", size)
    text = text.replace("gpus_per_node: 1", f"gpus_per_node: {gpus}").replace(
        "    max_seq_length: 2048\n", ""
    )
    return _found(text + "".join(f"    {parameter}\n" for parameter in parameters))


def test_without_a_length_only_what_no_row_fits_is_refused() -> None:
    """Mistral's 7 billion weights in 32 bits take 29 of the 32 GB: rows of a few hundred tokens do fit."""
    (nearly,) = _on("Standard_ND40rs_v2", 8, "mistralai-Mistral-7B-v01", "precision: 32")
    assert (nearly.code, nearly.severity) == ("memory-too-small", Severity.WARNING)
    (never,) = _on("Standard_ND40rs_v2", 8, "Phi-4", "apply_lora: false", "apply_deepspeed: false")
    assert (never.code, never.severity) == ("memory-too-small", Severity.ERROR)


def test_a_models_own_length_cuts_rows_and_asks_for_none() -> None:
    size, model, batch = "Standard_NC24ads_A100_v4", "Phi-3.5-mini-instruct", "per_device_train_batch_size: 8"
    assert [each.code for each in _on(size, 1, model, batch)] == ["memory-long-rows"]
    padded = _on(size, 1, model, batch, "pad_to_max_length: true")
    assert [(each.code, each.severity) for each in padded] == [("memory-too-small", Severity.ERROR)]


@pytest.mark.parametrize("name", [each.name for each in catalog.architectures()])
def test_no_models_own_defaults_are_refused_on_a_size_of_its_own_list(name: str) -> None:
    model = catalog.model("azureml", name)
    assert model is not None
    for listed in sizing.allow_list(model, sizing.FINETUNE_LIST)[0]:
        size = catalog.vm_size(listed)
        if size is not None and not size.is_gone(TODAY):
            found = _on(listed, int(size.gpus), name, "seed: 42")
            assert [each for each in found if each.severity is Severity.ERROR] == []


@pytest.mark.parametrize(
    ("size", "codes"),
    [("Standard_NC4as_T4_v3", ["memory-too-small"]), ("Standard_NC64as_T4_v3", []), ("Standard_D12_v2", [])],
)
def test_weights_that_have_no_room_are_not_served(size: str, codes: list[str]) -> None:
    """Phi-4's 14.7 billion weights take 29 GB in 16 bits: one T4 has 16, four have 64."""
    text = RECIPE + (
        f"register: {{name: a}}\nendpoint: {{}}\ndeployment:\n  name: demo\n  instance_type: {size}\n"
    )
    found = [each for each in _found(text) if each.line == 17]
    assert [each.code for each in found] == codes


@pytest.mark.parametrize("change", ["unknown model", "no card", "no parameters"])
def test_what_is_not_known_is_not_judged(change: str) -> None:
    loaded = _loaded(FULL)
    facts = _facts(loaded)
    effective = preflight.merge(loaded, facts)
    if change == "unknown model":
        assert facts.model is not None
        facts = replace(facts, model=replace(facts.model, name="Nobody-knows"))
    elif change == "no card":
        bare = catalog.vm_size("Standard_D12_v2")
        assert bare is not None
        facts = replace(facts, sizes={"standard_nc24ads_a100_v4": bare})
    else:
        effective = None
    assert "memory-too-small" not in {each.code for each in preflight.check(loaded, facts, effective)}


def test_retired_sizes_and_those_the_region_lacks_are_no_candidates() -> None:
    loaded = _loaded(RECIPE)
    facts = _facts(loaded)
    effective = preflight.merge(loaded, facts)
    names = [each.size.name for each in sizing.candidates(facts, effective)]
    assert "Standard_NC24ads_A100_v4" in names
    there = {name: size for name, size in facts.sizes.items() if "a100" not in name}
    fewer = [each.size.name for each in sizing.candidates(replace(facts, sizes=there), effective)]
    assert fewer
    assert not any("A100" in name for name in fewer)
    after = replace(facts, today=date(2099, 1, 1))
    assert all(
        catalog.vm_size(each.size.name).retired is None  # type: ignore[union-attr]
        for each in sizing.candidates(after, effective)
    )


def test_without_an_allow_list_retired_sizes_are_no_candidates_either() -> None:
    """The NVv3 sizes went on 2026-09-30, as was announced when the catalog was made."""
    loaded = _loaded(RECIPE.replace("Phi-4", "gpt2"))
    facts = _facts(loaded)
    effective = preflight.merge(loaded, facts)
    before = [
        each.size.name for each in sizing.candidates(replace(facts, today=date(2026, 9, 29)), effective)
    ]
    assert "Standard_NV12s_v3" in before
    assert "Standard_NV12s_v3" not in [each.size.name for each in sizing.candidates(facts, effective)]


def test_a_size_that_the_service_lists_without_its_card_has_it_from_the_catalog() -> None:
    loaded = _loaded(RECIPE)
    facts = _facts(loaded)
    bare = {name: replace(size, gpu=None, gpu_memory_gb=None) for name, size in facts.sizes.items()}
    effective = preflight.merge(loaded, facts)
    found = sizing.candidates(replace(facts, sizes=bare), effective)
    assert [each.share for each in found] == [each.share for each in sizing.candidates(facts, effective)]
