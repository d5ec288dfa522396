"""The estimate of GPU memory agrees with what others measured, and ranks VM sizes by it."""

import json
import statistics
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner import catalog, parameters
from runner.catalog import Architecture, VmSize
from runner.fit import (
    Memory,
    Optimizer,
    Precision,
    Projection,
    Setup,
    Stage,
    estimate,
    fitting,
    serving,
    setup_of,
)
from runner.fit.counting import adapters
from runner.fit.counting import parameters as counted
from runner.fit.memory import CONTEXT
from runner.fit.ranking import MARGIN
from runner.parameters import Effective
from runner.recipe import Scalar

ROOT = Path(__file__).parents[2]
PUBLISHED: Mapping[str, Any] = json.loads(Path(__file__).with_name("fit_published.json").read_text("utf-8"))
UNITS = {"B": 1, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}
GIBIBYTE = 2**30


def _architecture(name: str) -> Architecture:
    found = catalog.architecture(name)
    assert found is not None
    return found


def _size(name: str) -> VmSize:
    found = catalog.vm_size(name)
    assert found is not None
    return found


def _effective(model: str = "", /, **values: Scalar) -> Effective:
    component = catalog.component("chat_completion")
    assert component is not None
    known = catalog.model("azureml", model)
    defaults = parameters.model_specific_defaults(known.tags) if known else {}
    return parameters.merge(
        values, where=lambda _: "recipe", model_defaults=defaults, component=component, derived={}
    )


def _setup_of(
    effective: Effective, architecture: Architecture, *, gpus_per_node: int, longest_row: int | None = None
) -> Setup:
    found = setup_of(effective, architecture, gpus_per_node=gpus_per_node, longest_row=longest_row)
    assert found is not None
    return found


# --- counting -----------------------------------------------------------------------------------------------

PUBLISHED_MODELS = [Architecture(**entry) for entry in PUBLISHED["models"]]


@pytest.mark.parametrize(
    "architecture", [*catalog.architectures(), *PUBLISHED_MODELS], ids=lambda found: found.name
)
def test_the_stated_parameters_follow_from_the_dimensions(architecture: Architecture) -> None:
    assert counted(architecture) == pytest.approx(architecture.parameters, rel=0.01)


@pytest.mark.parametrize("family", ["llama", "mistral", "mixtral", "phi3"])
def test_without_biases_the_count_is_exact(family: str) -> None:
    found = [each for each in catalog.architectures() if each.model_type == family]
    assert found
    assert [each.name for each in found if counted(each) != each.parameters] == []


def test_every_model_of_the_catalog_that_generates_text_has_its_shape() -> None:
    models = json.loads((ROOT / "runner" / "catalog" / "models.json").read_text("utf-8"))["models"]
    tasks = {entry["name"]: entry["properties"]["finetuning-tasks"] for entry in models}
    generating = [name for name, task in tasks.items() if "chat" in task or "generation" in task]
    assert len(generating) > 12
    assert [name for name in generating if catalog.architecture(name) is None] == []
    assert catalog.architecture("Phi-nope") is None


def test_the_emulators_model_has_the_shape_of_its_own_files() -> None:
    base = ROOT / "runner" / "emulator" / "data" / "base_model" / "data" / "model" / "config.json"
    config = json.loads(base.read_text("utf-8"))
    found = _architecture("Phi-3-tiny-4k-instruct")
    assert (found.hidden_size, found.layers) == (config["hidden_size"], config["num_hidden_layers"])
    assert found.attention_heads == config["num_attention_heads"]
    assert found.key_value_heads == config["num_key_value_heads"]
    assert (found.intermediate_size, found.vocabulary) == (config["intermediate_size"], config["vocab_size"])
    assert found.tied_embeddings is config["tie_word_embeddings"]
    assert (found.context_window, found.model_type) == (
        config["max_position_embeddings"],
        config["model_type"],
    )


ATTENTION = frozenset({Projection.QUERY, Projection.VALUE})
FEED_FORWARD = frozenset({Projection.GATE, Projection.UP, Projection.DOWN})


@pytest.mark.parametrize(
    ("model", "rank", "targets", "stated"),
    [
        ("Llama-2-7b", 8, ATTENTION, 4_194_304),  # litgpt's table
        ("Llama-2-13b", 8, ATTENTION, 6_553_600),
        ("Llama-3.2-3B", 32, ATTENTION, 9_175_040),  # PEFT's results, num_trainable_params
        ("Llama-3.2-3B", 10, FEED_FORWARD, 9_461_760),
    ],
)
def test_adapters_have_as_many_weights_as_published(
    model: str, rank: int, targets: frozenset[Projection], stated: int
) -> None:
    architecture = next(found for found in PUBLISHED_MODELS if found.name == model)
    setup = Setup(sequence_length=1, lora_rank=rank, lora_targets=targets)
    assert adapters(architecture, setup) == stated


# --- against published figures ------------------------------------------------------------------------------


def _setup(entry: Mapping[str, Any]) -> Setup:
    given = dict(entry["setup"])
    given["precision"] = Precision(given["precision"])
    given |= {"stage": Stage(given["stage"])} if "stage" in given else {}
    if "lora_targets" in given:
        given["lora_targets"] = frozenset(map(Projection, given["lora_targets"]))
    return Setup(**given)


def _error(entry: Mapping[str, Any]) -> float:
    """Compare like with like: tensors, torch's allocator, or all of the device."""
    source = PUBLISHED["sources"][entry["source"]]
    architecture = next(found for found in PUBLISHED_MODELS if found.name == entry["model"])
    memory = estimate(architecture, _setup(entry))
    estimated = {"allocated": memory.allocated, "reserved": memory.total - CONTEXT, "device": memory.total}
    published: float = entry["figure"] * UNITS[source["unit"]]
    return estimated[source["measured"]] / published - 1


# Not what is itself an estimate, nor what its own source contradicts.
MEASURED: list[Mapping[str, Any]] = [
    entry
    for entry in PUBLISHED["rows"]
    if "doubt" not in entry and not PUBLISHED["sources"][entry["source"]].get("estimated")
]


def test_the_estimate_is_as_close_to_what_was_measured_as_the_record_says() -> None:
    """docs/decisions/0008-memory-fit.md states these; benchmarks/memory.py prints the rows."""
    errors = [abs(_error(entry)) for entry in MEASURED]
    assert len(errors) == 30
    assert statistics.median(errors) == pytest.approx(0.021, abs=0.0005)
    assert max(errors) == pytest.approx(0.189, abs=0.0005)


@pytest.mark.parametrize(
    ("source", "stated"),
    [
        ("torchtune", 0.006),
        ("peft", 0.030),
        ("litgpt", 0.055),
        ("fitcheck", 0.009),
        ("deepspeed", 0.073),
        ("longlora", 0.189),
    ],
)
def test_no_single_source_hides_another(source: str, stated: float) -> None:
    errors = [abs(_error(entry)) for entry in MEASURED if entry["source"] == source]
    assert statistics.median(errors) == pytest.approx(stated, abs=0.0005)


@pytest.mark.parametrize("entry", MEASURED, ids=lambda entry: f"{entry['source']}-{entry['figure']}")
def test_each_measured_row_is_within_a_fifth(entry: Mapping[str, Any]) -> None:
    assert abs(_error(entry)) < 0.2


def test_every_figure_names_where_it_is_from() -> None:
    assert {entry["source"] for entry in PUBLISHED["rows"]} == set(PUBLISHED["sources"])
    assert all(source["where"] and source["note"] for source in PUBLISHED["sources"].values())


# --- what moves the estimate --------------------------------------------------------------------------------

LLAMA = _architecture("Llama-2-7b")
FULL = Setup(sequence_length=2048, precision=Precision.MIXED)


SPREAD = replace(FULL, gpus=4, nodes=2, checkpointing=True)


def test_zero_divides_what_it_spreads_by_all_gpus_of_all_nodes() -> None:
    two, three = (estimate(LLAMA, replace(SPREAD, stage=stage)) for stage in Stage)
    assert two.weights == 2 * LLAMA.parameters
    assert two.optimizer == three.optimizer == 12 * LLAMA.parameters // 8
    assert three.weights == 2 * LLAMA.parameters // 8 + 2 * 10**9


def test_what_is_offloaded_is_not_on_the_gpu() -> None:
    offloaded = replace(SPREAD, offload_optimizer=True)
    two = estimate(LLAMA, replace(offloaded, stage=Stage.TWO))
    three = estimate(LLAMA, replace(offloaded, stage=Stage.THREE, offload_weights=True))
    assert (two.optimizer, three.optimizer) == (0, 0)
    assert two.gradients == three.gradients == 2 * 200_000_000 * 2
    assert three.weights == 2 * 10**9


def test_without_deepspeed_mixed_precision_holds_all_in_32_bits() -> None:
    memory = estimate(LLAMA, FULL)
    assert memory.weights == memory.gradients == 4 * LLAMA.parameters
    assert memory.optimizer == 8 * LLAMA.parameters


def test_zero_leaves_single_precision_as_it_is() -> None:
    memory = estimate(LLAMA, replace(SPREAD, stage=Stage.TWO, precision=Precision.SINGLE))
    assert memory.weights == 4 * LLAMA.parameters


def test_adafactor_cannot_factor_what_zero_has_made_flat() -> None:
    memory = estimate(LLAMA, replace(SPREAD, stage=Stage.TWO, optimizer=Optimizer.ADAFACTOR))
    assert memory.optimizer == 8 * LLAMA.parameters // 8


def test_adafactor_needs_next_to_nothing_for_its_state() -> None:
    adamw, adafactor = estimate(LLAMA, FULL), estimate(LLAMA, replace(FULL, optimizer=Optimizer.ADAFACTOR))
    assert adamw.optimizer > 1000 * adafactor.optimizer > 0


def test_lora_trains_little_and_still_holds_every_weight() -> None:
    memory = estimate(LLAMA, replace(FULL, precision=Precision.HALF, lora_rank=8))
    assert memory.weights == 2 * LLAMA.parameters + 4 * 4_194_304
    assert (memory.gradients, memory.optimizer) == (4 * 4_194_304, 8 * 4_194_304)


def test_checkpointing_keeps_what_enters_each_layer_and_no_more() -> None:
    long = replace(FULL, precision=Precision.HALF, lora_rank=8, sequence_length=4096)
    kept, recomputed = estimate(LLAMA, long), estimate(LLAMA, replace(long, checkpointing=True))
    assert kept.activations > 5 * recomputed.activations
    assert recomputed.activations > LLAMA.layers * LLAMA.hidden_size * 4096 * 2


def test_a_layer_that_is_computed_again_counts_where_the_logits_are_small() -> None:
    setup = replace(FULL, precision=Precision.HALF, lora_rank=8, checkpointing=True)
    few_words = estimate(replace(LLAMA, vocabulary=1), setup).activations
    entering = LLAMA.layers * LLAMA.hidden_size * 2048 * 2
    assert few_words > entering + 2048 * LLAMA.intermediate_size * 2 * 6


def test_autocast_copies_every_weight_but_with_checkpointing_only_a_layers() -> None:
    setup = replace(FULL, lora_rank=8, sequence_length=1)
    copied = estimate(LLAMA, setup).activations
    recomputed = estimate(LLAMA, replace(setup, checkpointing=True)).activations
    assert copied == pytest.approx(2 * LLAMA.parameters, rel=0.01)
    assert recomputed == pytest.approx(2 * LLAMA.parameters / LLAMA.layers, rel=0.05)


def test_stepping_needs_the_size_of_the_weights_again() -> None:
    short = replace(FULL, precision=Precision.HALF, sequence_length=1)
    assert estimate(LLAMA, short).activations == 2 * LLAMA.parameters


def test_the_backward_pass_needs_something_even_after_all_gradients_are_there() -> None:
    short = replace(FULL, precision=Precision.HALF, sequence_length=16, optimizer=Optimizer.ADAFACTOR)
    assert estimate(LLAMA, short).activations > 16 * LLAMA.intermediate_size * 2


@pytest.mark.parametrize("field", ["sequence_length", "batch_size", "lora_rank"])
def test_more_of_it_needs_more_memory(field: str) -> None:
    setup = replace(FULL, precision=Precision.HALF, lora_rank=8)
    more = replace(setup, **{field: 2 * getattr(setup, field)})
    assert estimate(LLAMA, more).total > estimate(LLAMA, setup).total


def test_gradients_that_accumulate_are_there_when_the_loss_is_computed() -> None:
    once = replace(FULL, precision=Precision.HALF, sequence_length=4096, batch_size=2)
    twice = replace(once, gradient_accumulation_steps=2)
    assert estimate(LLAMA, twice).activations - estimate(LLAMA, once).activations == 2 * LLAMA.parameters


def test_the_parts_make_up_the_total() -> None:
    memory = Memory(weights=1, gradients=20, optimizer=300, activations=4000, overhead=50000)
    assert (memory.allocated, memory.total) == (4321, 54321)


# --- the component's parameters -----------------------------------------------------------------------------


def test_phi_4_as_azure_sets_it() -> None:
    setup = _setup_of(_effective("Phi-4"), _architecture("Phi-4"), gpus_per_node=2)
    assert (setup.stage, setup.offload_optimizer, setup.offload_weights) == (Stage.THREE, True, True)
    assert (setup.sequence_length, setup.batch_size, setup.lora_rank) == (16384, 1, 8)
    assert (setup.gpus, setup.nodes, setup.checkpointing) == (2, 1, True)
    assert setup.precision is Precision.HALF


def test_the_components_own_defaults_are_full_single_precision() -> None:
    setup = _setup_of(_effective(), LLAMA, gpus_per_node=1)
    assert (setup.lora_rank, setup.stage, setup.precision) == (None, None, Precision.SINGLE)
    assert (setup.optimizer, setup.offload_optimizer, setup.checkpointing) == (Optimizer.ADAMW, False, True)


def test_what_a_recipe_sets_is_read() -> None:
    setup = _setup_of(
        _effective(
            apply_lora=True,
            lora_r=64,
            optim="adafactor",
            precision="16",
            per_device_train_batch_size=4,
            num_nodes_finetune=3,
            gradient_accumulation_steps=2,
            apply_deepspeed=True,
            deepspeed_stage="2",
        ),
        LLAMA,
        gpus_per_node=8,
    )
    assert (setup.lora_rank, setup.optimizer, setup.batch_size) == (64, Optimizer.ADAFACTOR, 4)
    assert (setup.processes, setup.gradient_accumulation_steps, setup.stage) == (24, 2, Stage.TWO)
    assert (setup.offload_optimizer, setup.offload_weights) == (True, False)


def test_values_of_a_newer_component_are_no_reason_to_stop() -> None:
    newer = {"optim": "lion", "deepspeed_stage": "9", "lora_r": "many"}
    effective = _effective(apply_deepspeed=True, apply_lora=True, **newer)
    setup = _setup_of(effective, LLAMA, gpus_per_node=1)
    assert setup.optimizer is Optimizer.ADAMW
    assert (setup.stage, setup.lora_rank) == (Stage.THREE, 8)


@pytest.mark.parametrize("precision", ["4", "8", "bf16"])
def test_what_is_neither_16_nor_32_bits_is_not_estimated(precision: str) -> None:
    assert setup_of(_effective(precision=precision), LLAMA, gpus_per_node=1) is None
    assert fitting(LLAMA, lambda _: None, catalog.vm_sizes()) == ()


@pytest.mark.parametrize(
    ("asked", "longest_row", "length"),
    [(-1, None, 4096), (512, None, 512), (100_000, None, 4096), (-1, 900, 900), (512, 900, 512)],
)
def test_a_row_is_as_long_as_the_shortest_bound(asked: int, longest_row: int | None, length: int) -> None:
    effective = _effective(max_seq_length=asked)
    assert _setup_of(effective, LLAMA, gpus_per_node=1, longest_row=longest_row).sequence_length == length


def test_lora_alone_does_without_checkpointing() -> None:
    alone = _setup_of(_effective(apply_lora=True), LLAMA, gpus_per_node=1)
    spread = _setup_of(_effective(apply_lora=True, apply_deepspeed=True), LLAMA, gpus_per_node=1)
    assert (alone.checkpointing, spread.checkpointing) == (False, True)


def test_adapters_sit_where_peft_puts_them_or_else_everywhere() -> None:
    effective = _effective(apply_lora=True)
    assert _setup_of(effective, LLAMA, gpus_per_node=1).lora_targets == ATTENTION
    phi = _setup_of(effective, _architecture("Phi-4"), gpus_per_node=1)
    assert phi.lora_targets == frozenset(Projection)


# --- ranking ------------------------------------------------------------------------------------------------


def test_sizes_come_smallest_first_and_those_without_a_gpu_not_at_all() -> None:
    names = ["Standard_ND96asr_v4", "Standard_NC6s_v3", "Standard_D12_v2", "Standard_NC24ads_A100_v4"]
    ranked = fitting(LLAMA, lambda _: replace(FULL, precision=Precision.HALF, lora_rank=8), map(_size, names))
    assert [candidate.size.name for candidate in ranked] == [
        "Standard_NC6s_v3",
        "Standard_NC24ads_A100_v4",
        "Standard_ND96asr_v4",
    ]
    assert [candidate.fits for candidate in ranked] == [False, True, True]


def test_a_size_of_which_too_little_is_known_is_left_out() -> None:
    known = _size("Standard_NC24ads_A100_v4")
    unknown = [replace(known, name="Standard_NC1_new", gpu_memory_gb=None), replace(known, gpus=0)]
    assert fitting(LLAMA, lambda _: FULL, unknown) == ()


def test_the_catalog_adds_the_gpu_memory_that_azure_does_not_tell() -> None:
    told = replace(_size("Standard_NC24ads_A100_v4"), name="STANDARD_NC24ADS_A100_V4", gpu_memory_gb=None)
    assert [candidate.available for candidate in fitting(LLAMA, lambda _: FULL, [told])] == [80 * 10**9]


def test_of_equal_gpu_memory_the_fewer_vcpus_come_first() -> None:
    names = ["Standard_NC16as_T4_v3", "Standard_NC4as_T4_v3", "Standard_NC8as_T4_v3"]
    ranked = fitting(LLAMA, lambda _: FULL, map(_size, names))
    assert [candidate.size.vcpus for candidate in ranked] == [4, 8, 16]


def test_each_size_is_asked_with_its_own_gpus_and_a_shared_card_counts_as_one() -> None:
    asked: list[int] = []

    def setup_for(gpus: int) -> Setup:
        asked.append(gpus)
        return replace(FULL, gpus=gpus)

    fitting(LLAMA, setup_for, map(_size, ["Standard_NV6ads_A10_v5", "Standard_ND40rs_v2"]))
    assert asked == [1, 8]


def test_what_needs_all_but_the_margin_does_not_fit() -> None:
    setup = Setup(sequence_length=1024, precision=Precision.HALF, lora_rank=8)
    needed = estimate(LLAMA, setup).total
    card = replace(_size("Standard_NC24ads_A100_v4"), gpu_memory_gb=needed / 0.95 / 10**9)
    candidate = fitting(LLAMA, lambda _: setup, [card])[0]
    assert candidate.share == pytest.approx(0.95)
    assert not candidate.fits
    roomy = fitting(LLAMA, lambda _: setup, [replace(card, gpu_memory_gb=needed / 0.89 / 10**9)])[0]
    assert roomy.fits


def test_the_longest_row_that_fits_is_the_last_that_does() -> None:
    model = _architecture("Phi-3-mini-128k-instruct")
    effective = _effective("Phi-3-mini-128k-instruct")
    size = _size("Standard_NC24ads_A100_v4")
    candidate = fitting(model, lambda gpus: _setup_of(effective, model, gpus_per_node=gpus), [size])[0]
    assert not candidate.fits
    longest = candidate.longest_sequence(model)
    assert 4096 < longest < model.context_window
    usable = candidate.available * (1 - MARGIN)
    assert estimate(model, replace(candidate.setup, sequence_length=longest)).total <= usable
    assert estimate(model, replace(candidate.setup, sequence_length=longest + 1)).total > usable


def test_nothing_fits_where_the_weights_alone_do_not() -> None:
    candidate = fitting(LLAMA, lambda _: FULL, [_size("Standard_NC4as_T4_v3")])[0]
    assert candidate.longest_sequence(LLAMA) == 0


@pytest.mark.parametrize("name", ["Phi-4", "Phi-3-medium-4k-instruct", "Phi-3-mini-4k-instruct"])
def test_the_sizes_azure_allows_hold_the_models_own_defaults(name: str) -> None:
    """Not the estimate's proof but Azure's own word: what it offers should work."""
    model, effective = catalog.model("azureml", name), _effective(name)
    assert model is not None
    allowed = model.tags["finetune_compute_allow_list"]
    assert isinstance(allowed, list)
    ranked = fitting(
        _architecture(name),
        lambda gpus: _setup_of(effective, _architecture(name), gpus_per_node=gpus),
        map(_size, allowed),
    )
    assert len(ranked) == len(allowed) > 1
    assert all(candidate.fits for candidate in ranked)


def test_phi_4_would_fit_nowhere_without_checkpointing() -> None:
    """This is why `setup_of` assumes it."""
    effective, phi = _effective("Phi-4"), _architecture("Phi-4")
    ranked = fitting(
        phi,
        lambda gpus: replace(_setup_of(effective, phi, gpus_per_node=gpus), checkpointing=False),
        catalog.vm_sizes(),
    )
    assert len(ranked) > 20
    assert not any(candidate.fits for candidate in ranked)


# --- serving ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "gigabytes"), [("phi-1.5", 2.86), ("Llama-2-7b", 13.52), ("Llama-2-13b", 26.21)]
)
def test_serving_one_short_answer_takes_what_litgpt_measured(model: str, gigabytes: float) -> None:
    """Single-GPU Inference of litgpt's resource tables, at the commit in fit_published.json."""
    architecture = next(found for found in PUBLISHED_MODELS if found.name == model)
    measured = gigabytes * 10**9
    assert serving(architecture, sequence_length=64).allocated == pytest.approx(measured, rel=0.01)


def test_a_token_keeps_half_a_mebibyte_in_llama_2_7b() -> None:
    """2 x 32 layers x 4096 x 2 bytes; where heads share keys and values, less."""
    taken = serving(LLAMA, sequence_length=1000, sequences=3)
    assert taken.cache == 3000 * 2**19
    shared = _architecture("mistralai-Mistral-7B-v01")
    assert serving(shared, sequence_length=1).cache == 2**19 // 4
    assert taken.total > taken.allocated == 2 * LLAMA.parameters + taken.cache
