"""The catalog answers offline, and every fact in it can be used by those who ask."""

import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from runner import catalog


def _entries(file: str, key: str) -> list[dict[str, Any]]:
    folder = Path(catalog.__file__).parent
    found: list[dict[str, Any]] = json.loads((folder / f"{file}.json").read_text(encoding="utf-8"))[key]
    return found


def test_the_component_of_a_task_has_its_inputs_in_order() -> None:
    found = catalog.component("chat_completion")
    assert found is not None
    assert (found.name, found.version) == ("chat_completion_pipeline", "0.0.82")
    assert len(found.inputs) == 69
    assert found.inputs["lr_scheduler_type"].enum[:2] == ("linear", "cosine")
    assert found.inputs["num_train_epochs"].minimum == 1
    assert found.inputs["task_name"].optional is False
    assert list(found.inputs).index("apply_lora") < list(found.inputs).index("lora_r")


def test_a_task_without_component_is_none() -> None:
    assert catalog.component("summarization") is None


@pytest.mark.parametrize("spelling", ["Standard_NC24ads_A100_v4", "STANDARD_NC24ADS_A100_V4"])
def test_a_size_is_found_in_any_case(spelling: str) -> None:
    size = catalog.vm_size(spelling)
    assert size is not None
    assert (size.name, size.gpus, size.vcpus) == ("Standard_NC24ads_A100_v4", 1, 24)


def test_an_unknown_size_is_none() -> None:
    assert catalog.vm_size("Standard_NC25") is None


def test_all_unsupported_sizes_are_k80_and_no_other_is() -> None:
    k80 = {size.name.lower() for size in catalog.vm_sizes() if size.gpu == "K80"}
    assert k80 == set(catalog.UNSUPPORTED_SIZES)


def test_size_names_are_unique_and_retirements_are_dates() -> None:
    sizes = catalog.vm_sizes()
    assert len(sizes) == 94
    assert len({size.name.lower() for size in sizes}) == len(sizes)
    retired = [date.fromisoformat(size.retired) for size in sizes if size.retired]
    assert len(retired) == 11
    announced = [date.fromisoformat(size.retires) for size in sizes if size.retires]
    assert len(announced) == 23
    assert max(retired) < date.fromisoformat(catalog.as_of()["vm_sizes"]) < min(announced)


@pytest.mark.parametrize(
    ("names", "guide"),
    [
        (("NC6", "NC12", "NC24", "NC24r"), "nc-series-retirement.md"),
        (("NC6s_v2", "NC12s_v2", "NC24s_v2"), "ncv2-series-retirement.md"),
    ],
)
def test_the_oldest_cards_went_away_on_the_day_their_migration_guide_says(
    names: tuple[str, ...], guide: str
) -> None:
    sources = {entry["name"]: " ".join(entry["sources"]) for entry in _entries("vm_sizes", "sizes")}
    for name in names:
        size = catalog.vm_size(f"Standard_{name}")
        assert size is not None
        assert size.retired == "2023-09-06"
        assert f"/{guide}@" in sources[size.name]


# Where a model's tag and its own files disagree: the tag has the family's longest, the files have this one's.
CONTEXT_WINDOW_EXCEPTIONS = {"Phi-3-small-8k-instruct": (131072, 8192)}


def test_a_models_context_window_is_its_shapes_but_for_the_known_exceptions() -> None:
    told = {
        entry["name"]: entry["tags"]["textContextWindow"]
        for entry in _entries("models", "models")
        if "textContextWindow" in entry["tags"]
    }
    shaped = {name: shape.context_window for name in told if (shape := catalog.architecture(name))}
    assert len(shaped) == len(told) == 8
    apart = {name: (told[name], window) for name, window in shaped.items() if told[name] != window}
    assert apart == CONTEXT_WINDOW_EXCEPTIONS


def test_a_model_gives_the_id_a_job_takes() -> None:
    found = catalog.model("azureml", "Phi-3-mini-4k-instruct")
    assert found is not None
    assert found.id == "azureml://registries/azureml/models/Phi-3-mini-4k-instruct/versions/15"
    assert found.archived == "2026-06-02"
    assert not found.emulator_only
    assert catalog.model("azureml", "Phi-nope") is None


def test_the_emulators_model_is_known_and_marked() -> None:
    found = catalog.model("azureml", "Phi-3-tiny-4k-instruct")
    assert found is not None
    assert (found.version, found.emulator_only) == ("1", True)
    assert "Standard_NC96ads_A100_v4" in str(found.tags["finetune_compute_allow_list"])


@pytest.mark.parametrize("name", ["Phi-4", "Phi-3-mini-4k-instruct", "Phi-3-tiny-4k-instruct"])
@pytest.mark.parametrize("tag", ["finetune_compute_allow_list", "inference_compute_allow_list"])
def test_every_size_a_model_allows_is_in_the_table(name: str, tag: str) -> None:
    found = catalog.model("azureml", name)
    assert found is not None
    allowed = found.tags[tag]
    assert isinstance(allowed, list)
    assert len(allowed) >= 3
    assert [size for size in allowed if catalog.vm_size(size) is None] == []


def test_the_weights_a_token_goes_through_by_hand() -> None:
    """Mixtral has 2 x 32,000 x 4,096 embeddings, 4,096 of the last norm and 32 layers.

    In a layer: 2 x 4,096 x 4,096 for queries and output, 2 x 4,096 x 1,024 for keys and values, a router of
    8 x 4,096, norms of 2 x 4,096, and of 8 experts two are used, each of 3 x 4,096 x 14,336.
    """
    mixtral = catalog.architecture("mistralai-Mixtral-8x7B-v01")
    assert mixtral is not None
    layer = 33_554_432 + 8_388_608 + 32_768 + 8_192 + 352_321_536
    assert mixtral.active_parameters == 262_144_000 + 4_096 + 32 * layer == 12_879_925_248


def test_in_a_dense_model_a_token_goes_through_every_weight() -> None:
    apart = [found.name for found in catalog.architectures() if found.active_parameters != found.parameters]
    assert apart == ["Phi-3.5-MoE-instruct", "mistralai-Mixtral-8x7B-v01"]


def test_every_part_is_dated() -> None:
    days = catalog.as_of()
    assert set(days) == {"models", "vm_sizes", "architectures", "chat_completion_pipeline"}
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\d", day) for day in days.values())


def test_importing_reads_no_data_file() -> None:
    program = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None)\n"
        "import runner.catalog\n"
        "assert not [path for path in opened if path.endswith('.json')]\n"
        "runner.catalog.vm_size('x'); runner.catalog.vm_size('y')\n"
        "assert len([path for path in opened if path.endswith('.json')]) == 1\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
