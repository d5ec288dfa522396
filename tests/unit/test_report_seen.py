"""A report tells what the training was to see of its rows beside what it did, and what was left out."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from runner.manifest import Manifest
from runner.manifest.states import run_from
from runner.metric_table import Point
from runner.report import report_page
from runner.report.seen import left_out, seen
from tests.unit import report_bench as bench
from tests.unit.page_reading import read


def told(statistics: object = bench.SEEN, **metrics: float) -> Manifest:
    """Give a run whose dataset step recorded this of its rows, and whose training logged these."""
    said: dict[str, Any] = bench.content()
    said["steps"]["dataset"]["intent"]["statistics"] = statistics
    said["steps"]["finetune"]["metrics"] |= metrics
    return run_from(said)


def point(metric: str, step: int) -> Point:
    return Point(job=bench.JOB, metric=metric, step=step, value=1.0, time="")


def test_what_was_predicted_stands_beside_what_was_trained() -> None:
    logged = (point("loss", 1030), point("train_loss", 1039), point("eval_loss", 2000))
    found = seen(told(num_input_tokens_seen=10_155_321.0), logged)
    assert found is not None
    rows = {row[0]: row[1:] for row in found.training.rows}
    assert rows["steps"] == ("1,039", "1,039")
    assert rows["tokens"] == ("about 10,160,000", "10,155,321")
    assert rows["tokens in the loss"] == ("about 7,430,000", "")
    assert rows["rows trained on"] == ("8,309", "")
    assert rows["padding, of all positions"] == ("31.2%", "")
    assert rows["packing would save, of all positions"] == ("29.8%", "")


def test_each_role_has_its_tokens_and_what_is_cut_off() -> None:
    found = seen(told(), None)
    assert found is not None
    train, test = found.tokens.rows
    assert train == (
        "train", "13,312,345", "1,281", "1,201", "2,610", "8,112", "12.3%", "4.6%", "7", "73.1%",
    )  # fmt: skip
    assert test[-1] == "–"  # noqa: RUF001 - as the page writes what is not known
    counted, cut = found.basis.split("; ")
    assert counted == "Counted with the tokenizer of Phi-3-mini-4k-instruct 13"
    assert cut == "of a row the training takes in 2,048 tokens."


def test_an_estimate_is_said_to_be_one() -> None:
    found = seen(told({**bench.SEEN, "basis": "estimated", "longest": None}), None)
    assert found is not None
    assert found.basis == "Estimated from the bytes of the rows: there was no tokenizer of the model."


@pytest.mark.parametrize("statistics", [None, {}, [], "none", 7, {"splits": None}, {"splits": []}])
def test_a_run_that_recorded_no_such_figures_has_a_page_without_them(statistics: object) -> None:
    said = told(statistics)
    assert seen(said, None) is None
    assert "What the training sees" not in report_page([bench.subject(said, points=None)])


@pytest.mark.parametrize(
    "statistics",
    [
        {"splits": ["x", None, {"role": 3, "tokens": "many", "mean": None, "in_loss": [1]}]},
        {**bench.SEEN, "training": {"steps": "<b>", "epochs": "x"}, "padding": {"in_force": 3}, "notes": 7},
        {**bench.SEEN, "training": None, "padding": None, "packing": [], "notes": ["<script>", None, 3]},
    ],
)
def test_a_page_is_made_of_whatever_a_manifest_from_elsewhere_says(statistics: object) -> None:
    found = read(report_page([bench.subject(told(statistics), points=None)]))
    assert "What the training sees of them" in found.within("h3")
    assert found.within("script") == []


def test_a_packing_that_saves_nothing_is_not_told() -> None:
    found = seen(told({**bench.SEEN, "packing": {**bench.SEEN["packing"], "saved": -0.2}}), None)
    assert found is not None
    assert not [row for row in found.training.rows if row[0].startswith("packing")]


def test_of_an_estimate_figures_are_about_and_cuts_are_not_known() -> None:
    found = seen(told({**bench.SEEN, "basis": "estimated", "longest": None}), None)
    assert found is not None
    train = dict(zip(found.tokens.head, found.tokens.rows[0], strict=True))
    assert train["tokens"] == "about 13,312,345"
    assert train["rows cut"] == train["tokens cut off"] == found.tokens.rows[1][-1]
    assert ("padding, of all positions", "about 31.2%", "") in found.training.rows


def test_warnings_are_a_list_without_what_was_left_out() -> None:
    said: dict[str, Any] = bench.content()
    said["steps"]["dataset"]["intent"]["warnings"] += ["4 bad rows left out of train: 3 empty-content"]
    page = read(report_page([bench.subject(run_from(said))]))
    assert "data/train.jsonl:17 holds a token of the chat template" in page.within("li")
    assert not any("left out of train" in each for each in page.within("li"))


def test_what_was_left_out_is_told_by_what_was_wrong() -> None:
    found = left_out(told())
    assert found is not None
    assert found.rows == (("train", "empty-content", "3"), ("train", "unknown-role", "1"))
    said = deepcopy(bench.content())
    said["steps"]["dataset"]["intent"]["assets"]["train"]["dropped"] = {}
    assert left_out(run_from(said)) is None


def test_the_page_has_both() -> None:
    text = read(report_page([replace(bench.subject(told()), points=None)])).text
    assert "Left out, since they cannot be trained on" in text
    assert "The training they come to" in text
