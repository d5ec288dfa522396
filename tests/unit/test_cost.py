"""What a run would cost is told before it is paid, and what is not known is said to be unknown."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner import catalog, parameters, preflight
from runner.catalog.datasets import known_split
from runner.catalog.figures import Span, exactly, figure
from runner.catalog.gpus import peak
from runner.cost import Basis, Estimate, Item, Known, Money, Prices, Rows, as_json, estimate, rows_of
from runner.cost.training import Recomputation, Work, hours
from runner.dataset import counting, sizes
from runner.facts import Facts, TargetKind
from runner.load import load_bytes
from runner.recipe import Dataset

A100 = "Standard_NC24ads_A100_v4"
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
  test: test
finetune:
  task: chat_completion
register:
  name: small-model
endpoint:
  name: my-chat
deployment:
  name: demo
  instance_type: Standard_NC24ads_A100_v4
  instance_count: 2
traffic:
  demo: 100
"""
PRICES = Prices(
    currency="USD",
    region="eastus",
    as_of="2026-11-01",
    source="a test",
    dedicated={A100.lower(): Decimal("3.673")},
)
# 3,900 bytes are likely 1,000 tokens.
ROWS = Rows(train=1000, validation=None, bytes_per_row=3900, counted=True, origin="a test")
KNOWN = Known(prices=PRICES, size=catalog.vm_size(A100), parameters=10_000_000_000, rows=ROWS)


def estimated(text: str = RECIPE, known: Known = KNOWN) -> Estimate:
    loaded = load_bytes(text.encode(), Path("recipe.yaml"))
    facts = Facts(
        target=TargetKind.AZURE,
        today=date(2026, 11, 21),
        offline=True,
        model=catalog.model("azureml", "Phi-4"),
        component=catalog.component("chat_completion"),
        sizes={size.name.lower(): size for size in catalog.vm_sizes()},
    )
    return estimate(loaded.recipe, preflight.merge(loaded, facts), known)


def with_parameters(**parameters: str | int) -> str:
    lines = "".join(f"    {name}: {value}\n" for name, value in parameters.items())
    return RECIPE.replace("  task: chat_completion\n", f"  task: chat_completion\n  parameters:\n{lines}")


def item(found: Estimate, what: str) -> Item:
    return next(each for each in found.items if each.what == what)


def likely_seconds(found: Estimate) -> float:
    node_hours = item(found, "training").node_hours
    assert node_hours is not None
    return node_hours.likely * 3600


def work() -> Work:
    """Give 3,600 rows of 2,000 tokens on one GPU of 100 TFLOP/s: 4e12 operations with LoRA a step of one."""
    return Work(
        parameters=500_000_000,
        tokens_per_row=exactly(2000),
        rows=3600,
        evaluated_rows=0,
        rows_per_step=1,
        gpus=1,
        lora=True,
        recomputation=Recomputation.NEVER,
        peak=100e12,
    )


# --- hours --------------------------------------------------------------------------------------------------


def test_a_training_worked_out_by_hand() -> None:
    """At 55, 40 and 20 TFLOP/s with 16e12 operations a step: 0.29, 0.4 and 0.8 seconds, times 3,600."""
    full = replace(work(), parameters=1_000_000_000, lora=False, recomputation=Recomputation.ALWAYS)
    found = hours(full)
    assert found.low == pytest.approx(16 / 55)
    assert found.likely == pytest.approx(0.4)
    assert found.high == pytest.approx(0.8)


def test_a_step_over_little_takes_its_shortest_time() -> None:
    """4e12 operations are 0.073, 0.1 and 0.2 seconds, of which the first alone is above its floor of 0.05."""
    found = hours(work())
    assert found.low == pytest.approx(4 / 55)
    assert found.likely == pytest.approx(0.13)
    assert found.high == pytest.approx(0.5)


def test_evaluation_is_a_forward_pass() -> None:
    """3,600 rows of 2e12 operations at 40 TFLOP/s are 180 seconds."""
    more = hours(replace(work(), evaluated_rows=3600)).likely - hours(work()).likely
    assert more * 3600 == pytest.approx(180)


def test_what_may_be_recomputed_counts_for_all_but_the_low_end() -> None:
    large = replace(work(), parameters=10_000_000_000)
    never, maybe, always = (hours(replace(large, recomputation=each)) for each in Recomputation)
    assert maybe == Span(low=never.low, likely=always.likely, high=always.high)
    assert always.likely == pytest.approx(1.5 * never.likely)


WORKS = st.builds(
    Work,
    parameters=st.integers(10**6, 10**12),
    tokens_per_row=st.lists(st.floats(1, 10**5), min_size=3, max_size=3).map(
        lambda figures: Span(**dict(zip(("low", "likely", "high"), sorted(figures), strict=True)))
    ),
    rows=st.floats(1, 10**7),
    evaluated_rows=st.floats(0, 10**7),
    rows_per_step=st.integers(1, 64),
    gpus=st.integers(1, 64),
    lora=st.booleans(),
    recomputation=st.sampled_from(Recomputation),
    peak=st.floats(1e12, 1e15),
)


@given(WORKS)
@settings(deadline=None)
def test_the_ends_of_a_span_are_in_order(any_work: Work) -> None:
    found = hours(any_work)
    assert 0 < found.low <= found.likely <= found.high


@given(WORKS)
@settings(deadline=None)
def test_twice_the_rows_take_twice_as_long(any_work: Work) -> None:
    twice = replace(any_work, rows=2 * any_work.rows, evaluated_rows=2 * any_work.evaluated_rows)
    assert hours(twice).likely == pytest.approx(2 * hours(any_work).likely)
    assert hours(twice).high == pytest.approx(2 * hours(any_work).high)


@given(WORKS)
@settings(deadline=None)
def test_rows_of_twice_the_tokens_take_at_most_twice_as_long(any_work: Work) -> None:
    """Exactly twice, where a step takes more than its shortest time."""
    longer = replace(any_work, tokens_per_row=any_work.tokens_per_row.times(2))
    assert hours(any_work).likely <= hours(longer).likely <= hours(any_work).likely * 2.000001
    busy = replace(any_work, parameters=10**12, tokens_per_row=exactly(10**5), peak=1e12)
    busier = replace(busy, tokens_per_row=exactly(2 * 10**5))
    assert hours(busier).high == pytest.approx(2 * hours(busy).high)


# --- a whole recipe -----------------------------------------------------------------------------------------


def test_a_recipe_worked_out_by_hand() -> None:
    """Phi-4's own defaults are LoRA, DeepSpeed, 16 bits, one row a step: 6 operations a weight and token.

    800 rows of 6e13 operations and 200 evaluated ones of 2e13, at 0.4 x 312 TFLOP/s: 416.7 seconds, which at
    3.673 an hour are 0.43. Other stages: 25 minutes, 1.53. Idle: 120 seconds, 0.12. Two nodes serve a whole
    day for 176.30.
    """
    found = estimated()
    assert likely_seconds(found) == pytest.approx(5.2e16 / 1.248e14)
    likely = {each.what: each.total.likely for each in found.items if each.total}
    assert likely == {
        "training": Decimal("0.43"),
        "the job's other stages": Decimal("1.53"),
        "idle after the job": Decimal("0.12"),
        "endpoint": Decimal("176.30"),
    }
    once, per_day = found.total(Basis.ONCE), found.total(Basis.PER_DAY)
    assert once is not None
    assert (once.likely, once.currency) == (Decimal("2.08"), "USD")
    assert per_day == Money(
        low=Decimal("176.30"), likely=Decimal("176.30"), high=Decimal("176.30"), currency="USD"
    )


def test_every_item_says_what_it_stands_on() -> None:
    found = estimated()
    assert [each.price.as_of for each in found.items if each.price] == ["2026-11-01"] * 4
    assert any("rows: a test" in reason for reason in item(found, "training").reasons)
    assert "until it is deleted" in item(found, "endpoint").reasons[0]
    assert {each.name for each in found.figures} >= {"utilisation", "bytes_per_token", "node_start_minutes"}


@pytest.mark.parametrize(
    ("parameters", "seconds"),
    [
        ({"num_train_epochs": 3}, 3 * 5.2e16 / 1.248e14),
        ({"max_steps": 100}, (100 * 6e13 + 200 * 2e13) / 1.248e14),
        ({"max_steps": 100, "gradient_accumulation_steps": 4}, (400 * 6e13 + 200 * 2e13) / 1.248e14),
        ({"max_seq_length": 500}, 0.5 * 5.2e16 / 1.248e14),
        ({"max_seq_length": 5000}, 5.2e16 / 1.248e14),
        ({"max_seq_length": 5000, "pad_to_max_length": "true"}, 5 * 5.2e16 / 1.248e14),
        ({"apply_lora": "false"}, (800 * 8e13 + 200 * 2e13) / 1.248e14),
        ({"apply_deepspeed": "false"}, (800 * 4e13 + 200 * 2e13) / 1.248e14),
        ({"evaluation_strategy": "disable"}, 4.8e16 / 1.248e14),
        ({"evaluation_strategy": "steps", "eval_steps": 80}, (4.8e16 + 10 * 4e15) / 1.248e14),
        (
            {"evaluation_strategy": "steps", "evaluation_steps_interval": 0.25},
            (4.8e16 + 4 * 4e15) / 1.248e14,
        ),
        ({"precision": 32}, 5.2e16 / (0.4 * 19.5e12)),
    ],
)
def test_the_parameters_in_force_decide_the_hours(parameters: dict[str, str | int], seconds: float) -> None:
    assert likely_seconds(estimated(with_parameters(**parameters))) == pytest.approx(seconds)


def test_a_validation_split_leaves_all_rows_to_train_on() -> None:
    """And `percent` is taken of both."""
    text = RECIPE.replace("  test: test\n", "  test: test\n  validation: valid\n  percent: 50\n")
    found = estimated(text, replace(KNOWN, rows=replace(ROWS, validation=100)))
    assert likely_seconds(found) == pytest.approx((500 * 6e13 + 50 * 2e13) / 1.248e14)


def test_rows_that_are_held_out_of_the_training_rows_are_not_trained_on() -> None:
    text = RECIPE.replace("  test: test\n", "  test: 15%\n  validation: 10%\n")
    assert likely_seconds(estimated(text)) == pytest.approx((750 * 6e13 + 100 * 2e13) / 1.248e14)
    text = RECIPE.replace("  test: test\n", "  test: 50%\n")
    assert likely_seconds(estimated(text)) == pytest.approx((400 * 6e13 + 100 * 2e13) / 1.248e14)


def test_so_many_rows_as_are_asked_for_are_trained_on() -> None:
    text = RECIPE.replace("  test: test\n", "  test: test\n  validation: valid\n  rows: 300\n")
    found = estimated(text, replace(KNOWN, rows=replace(ROWS, validation=100)))
    assert likely_seconds(found) == pytest.approx((300 * 6e13 + 100 * 2e13) / 1.248e14)


def test_more_gpus_take_less_time_but_all_are_paid() -> None:
    text = RECIPE.replace(f"size: {A100}", "size: Standard_NC96ads_A100_v4").replace("node: 1", "node: 4")
    found = estimated(text, replace(KNOWN, size=catalog.vm_size("Standard_NC96ads_A100_v4")))
    assert likely_seconds(found) == pytest.approx(5.2e16 / 1.248e14 / 4)
    assert found.training_gpu_hours is not None
    assert found.training_gpu_hours.likely * 3600 == pytest.approx(5.2e16 / 1.248e14)


def test_more_nodes_start_and_wait_each() -> None:
    text = with_parameters(num_nodes_finetune=2).replace("node: 1\n", "node: 1\n  max_instances: 2\n")
    found = estimated(text)
    assert likely_seconds(found) == pytest.approx(5.2e16 / 1.248e14)
    stages = item(found, "the job's other stages").node_hours
    assert stages is not None
    assert (stages.low, stages.likely, stages.high) == pytest.approx((13 / 60, 33 / 60, 100 / 60))
    idle = item(found, "idle after the job").node_hours
    assert idle is not None
    assert idle.likely == pytest.approx(2 * 120 / 3600)


def test_a_cluster_that_is_kept_up_costs_around_the_clock_and_does_not_wait() -> None:
    found = estimated(RECIPE.replace("node: 1\n", "node: 1\n  min_instances: 1\n"))
    kept = item(found, "cluster kept up")
    assert kept.basis is Basis.PER_DAY
    assert kept.total is not None
    assert kept.total.likely == Decimal("88.15")
    assert [each.what for each in found.items if each.what == "idle after the job"] == []


SERVERLESS = RECIPE.replace("  name: gpu\n", "  serverless: true\n")
CPU = "Standard_d12_v2"


def test_serverless_compute_does_not_wait_after_the_job() -> None:
    found = estimated(SERVERLESS)
    assert "idle after the job" not in {each.what for each in found.items}


def test_on_serverless_compute_only_conversion_runs_beside_training_on_the_gpus() -> None:
    """8 minutes to start and a quarter of 17, at 3.673 an hour; 8 and three quarters of 17 elsewhere."""
    found = estimated(SERVERLESS)
    assert [(each.what, each.size) for each in found.items] == [
        ("training", A100),
        ("start and conversion", A100),
        ("import and preparation", CPU),
        ("endpoint", A100),
    ]
    conversion, preparation = found.items[1:3]
    assert conversion.node_hours is not None
    assert conversion.node_hours.likely == pytest.approx((8 + 17 / 4) / 60)
    assert conversion.total is not None
    assert conversion.total.likely == Decimal("0.75")
    assert preparation.node_hours is not None
    assert preparation.node_hours.likely == pytest.approx((8 + 17 * 3 / 4) / 60)


def test_the_components_own_size_has_its_own_price_or_none() -> None:
    preparation = item(estimated(SERVERLESS), "import and preparation")
    assert (preparation.price, preparation.total) == (None, None)
    assert f"no price of {CPU} is known" in preparation.reasons
    assert "the stages that need no GPU run on the component's own size" in preparation.reasons[0]
    listed = replace(PRICES, dedicated={**PRICES.dedicated, CPU.lower(): Decimal(1)})
    priced = item(estimated(SERVERLESS, replace(KNOWN, prices=listed)), "import and preparation").total
    assert priced is not None
    assert priced.likely == Decimal("0.35")


def test_two_sizes_of_the_component_are_two_items() -> None:
    component = catalog.component("chat_completion")
    assert component is not None
    preprocess = replace(component.inputs["instance_type_preprocess"], default="Standard_DS2_v2")
    inputs = {**component.inputs, preprocess.name: preprocess}
    effective = parameters.merge(
        {},
        where=lambda _: "recipe",
        model_defaults={},
        component=replace(component, inputs=inputs),
        derived={},
    )
    found = estimate(load_bytes(SERVERLESS.encode(), Path("recipe.yaml")).recipe, effective, KNOWN)
    apart = [each for each in found.items if each.what == "import and preparation"]
    assert [each.size for each in apart] == [CPU, "Standard_DS2_v2"]
    assert [each.node_hours.likely * 60 for each in apart if each.node_hours] == pytest.approx([16.5, 12.25])


def test_without_parameters_in_force_the_components_size_is_not_known_either() -> None:
    found = estimate(load_bytes(SERVERLESS.encode(), Path("recipe.yaml")).recipe, None, KNOWN)
    sizes = [each.size for each in found.items if each.what == "import and preparation"]
    assert sizes == ["the component's instance_type_model_import", "the component's instance_type_preprocess"]


def test_a_recipe_that_makes_nothing_costs_nothing_that_is_listed() -> None:
    found = estimated("version: 1\nname: small\nmodel: {name: Phi-4}\n")
    assert found.items == ()
    assert found.total(Basis.ONCE) is None


# --- what is unknown ----------------------------------------------------------------------------------------


def test_an_unknown_price_is_none_and_never_zero() -> None:
    found = estimated(known=replace(KNOWN, prices=replace(PRICES, dedicated={})))
    assert len(found.items) == 4
    assert [each.total for each in found.items] == [None] * 4
    assert found.total(Basis.ONCE) is None
    assert found.total(Basis.PER_DAY) is None
    assert likely_seconds(found) > 0
    assert all(f"no price of {A100} is known" in each.reasons for each in found.items)


def test_low_priority_has_a_price_of_its_own_or_none() -> None:
    text = RECIPE.replace("node: 1\n", "node: 1\n  tier: low_priority\n")
    unknown = estimated(text)
    assert item(unknown, "training").total is None
    assert f"no low-priority price of {A100} is known" in item(unknown, "training").reasons
    assert item(unknown, "endpoint").total is not None
    listed = replace(PRICES, low_priority={A100.lower(): Decimal("0.3673")})
    known = item(estimated(text, replace(KNOWN, prices=listed)), "the job's other stages").total
    assert known is not None
    assert known.likely == Decimal("0.15")


def test_everything_that_is_missing_is_told_at_once_and_the_rest_is_estimated() -> None:
    found = estimated(known=Known(prices=PRICES))
    assert item(found, "training").node_hours is None
    assert item(found, "training").reasons == (
        f"the size {A100} is not known",
        "how many weights Phi-4 has is not known",
        "how many rows data has is not known here",
    )
    assert found.training_gpu_hours is None
    assert found.total(Basis.ONCE) is None
    assert found.total(Basis.PER_DAY) is not None


def test_without_parameters_in_force_the_training_is_unknown() -> None:
    recipe = load_bytes(RECIPE.encode(), Path("recipe.yaml")).recipe
    found = estimate(recipe, None, KNOWN)
    assert item(found, "training").reasons == ("the parameters in force are not known",)


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ("Standard_DS2_v2", "Standard_DS2_v2 has no whole GPU"),
        ("Standard_NV6ads_A10_v5", "Standard_NV6ads_A10_v5 has no whole GPU"),
        ("Standard_NC6s_v2", "how fast a P100 is at 16 bits is not in the catalog"),
    ],
)
def test_a_size_whose_speed_is_not_known_leaves_the_training_unknown(size: str, reason: str) -> None:
    found = estimated(known=replace(KNOWN, size=catalog.vm_size(size)))
    assert item(found, "training").reasons == (reason,)


# --- rows ---------------------------------------------------------------------------------------------------


def _dataset(**fields: str) -> Dataset:
    return Dataset(**{"train": "train", "test": "test", **fields})  # type: ignore[arg-type]  # texts only


def _rows(dataset: Dataset, folder: Path) -> Rows | None:
    return rows_of(dataset, sizes(dataset, folder, footers=False))


def test_rows_of_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_bytes(b'{"a": 1}\n' * 3 + b'{"a": 1}')
    (tmp_path / "data" / "valid.jsonl").write_bytes(b"{}\n{}\n")
    found = _rows(_dataset(path="data", validation="valid"), tmp_path)
    assert found == Rows(
        train=4, validation=2, bytes_per_row=35 / 4, counted=True, origin="counted in the file"
    )


def test_a_long_file_is_measured_by_its_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST_BYTES_READ", 500)
    monkeypatch.setattr(counting, "_BLOCK", 100)
    (tmp_path / "train.jsonl").write_bytes((b"x" * 9 + b"\n") * 1000)
    found = _rows(_dataset(path="."), tmp_path)
    assert found is not None
    assert (found.train, found.bytes_per_row, found.counted) == (1000, 10, False)


@pytest.mark.parametrize("fields", [{"path": "absent"}, {"azureml": "chat"}, {"huggingface": "no/such"}])
def test_rows_that_nothing_tells_are_unknown(tmp_path: Path, fields: dict[str, str]) -> None:
    assert _rows(_dataset(**fields), tmp_path) is None


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").touch()
    assert _rows(_dataset(path="."), tmp_path) is None


def test_only_a_regular_file_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe would keep the plan waiting."""
    opened: list[Path] = []
    monkeypatch.setattr(Path, "open", lambda path, _mode: opened.append(path))
    os.mkfifo(tmp_path / "train.jsonl")
    assert _rows(_dataset(path="."), tmp_path) is None
    assert opened == []


def test_a_known_data_set_is_looked_up(tmp_path: Path) -> None:
    dataset = _dataset(huggingface="HuggingFaceH4/ultrachat_200k", train="train_sft", validation="test_sft")
    found = _rows(dataset, tmp_path)
    assert found is not None
    assert (found.train, found.validation) == (207_865, 23_110)
    assert found.bytes_per_row == pytest.approx(5788, abs=1)
    assert known_split("HuggingFaceH4/ultrachat_200k", "no_such") is None


# --- figures and form ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["utilisation", "micro_step_seconds", "bytes_per_token", "node_start_minutes", "other_stages_minutes"],
)
def test_every_figure_is_a_span_with_a_reason_a_source_and_a_day(name: str) -> None:
    found = figure(name)
    assert 0 < found.span.low < found.span.likely < found.span.high
    assert found.reason
    assert found.source
    assert date.fromisoformat(found.as_of)


def test_every_size_that_a_model_can_be_trained_on_has_a_speed() -> None:
    """M60 cards alone are not in the table; P100 cards are retired, and K80 before them."""
    whole = [size for size in catalog.vm_sizes() if size.gpus >= 1 and size.gpu and not size.retired]
    slow = {size.gpu for size in whole if peak(str(size.gpu), "16") is None}
    assert len(whole) > 15
    assert slow == {"M60"}
    assert peak("H100 NVL 94GB", "32") is None


def test_as_json_amounts_are_texts_and_what_is_unknown_is_null() -> None:
    form = json.loads(json.dumps(as_json(estimated())))
    assert form["items"][0]["price"]["amount"] == "3.673"
    assert form["totals"]["once"]["likely"] == "2.08"
    assert form["not_counted"]
    unknown = json.loads(json.dumps(as_json(estimated(known=Known(prices=PRICES)))))
    assert unknown["training_gpu_hours"] is None
    assert unknown["items"][0]["total"] is None


def test_importing_the_room_imports_nothing_heavy() -> None:
    program = (
        "import sys, runner.cost\n"
        "heavy = {'azure', 'datasets', 'pandas', 'pyarrow', 'torch', 'transformers'}\n"
        "assert not heavy & {name.split('.')[0] for name in sys.modules}\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
