"""What a plan's estimate of cost is made from: the weights that count, the size and tier that are paid."""

from datetime import date
from pathlib import Path

from runner import opening
from runner.cost import Estimate, Known, estimate, rows_of
from runner.facts import TargetKind
from runner.load import load_bytes
from runner.plan import Plan

TODAY = date(2026, 11, 21)
RECIPE = """\
version: 1
name: small
model: {name: mistralai-Mixtral-8x7B-v01}
compute:
  name: gpu
  size: Standard_NC96ads_A100_v4
  gpus_per_node: 4
dataset: {huggingface: HuggingFaceH4/ultrachat_200k, train: train_sft, test: test_sft, percent: 5}
finetune:
  task: chat_completion
  parameters: {max_seq_length: 2048}
register: {name: small}
"""


def _plan(text: str) -> Plan:
    return opening.offline(load_bytes(text.encode(), Path("recipe.yaml")), TargetKind.AZURE, TODAY)


def _again(planned: Plan, parameters: int) -> Estimate:
    recipe = load_bytes(RECIPE.encode(), Path("recipe.yaml")).recipe
    assert planned.prices is not None
    assert planned.chosen is not None
    assert recipe.dataset is not None
    known = Known(
        prices=planned.prices,
        size=planned.chosen.size,
        parameters=parameters,
        rows=rows_of(recipe.dataset, {}),
    )
    return estimate(recipe, planned.effective, known)


def test_of_a_mixture_of_experts_only_those_that_see_a_token_cost_time() -> None:
    planned = _plan(RECIPE)
    assert planned.cost is not None
    assert planned.cost == _again(planned, 12_879_925_248)
    assert planned.cost != _again(planned, 46_702_792_704)
