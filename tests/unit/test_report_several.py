"""Several runs on one page: what differs first, the best of each figure marked, each run folded below.

python -m tests.unit.test_report_several        write the golden pages anew; then read what has changed
"""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from runner.compare import Difference, Section, differences, of_manifest, of_recipe
from runner.manifest import Manifest
from runner.manifest.states import run_from
from runner.metric_table import Point
from runner.report import comparison_page, report_page
from runner.report.comparing import figures, names
from tests.unit import report_bench as bench
from tests.unit.page_reading import read

GOLDEN = Path(__file__).parents[1] / "golden"
PAGES = ("report_two_runs.html", "report_comparison.html")


def second(**metrics: float) -> Manifest:
    """Give a run that differs in one value, and, if told so, in what came of it."""
    said = bench.content(run_id="20261121T113042Z-small-9b1c")
    said["recipe"]["values"]["finetune.parameters.lora_r"] = 16
    said["steps"]["finetune"]["metrics"] |= metrics
    return run_from(said)


def page(name: str) -> str:
    """Make one of the golden pages."""
    runs = [bench.manifest(), second()]
    if name == PAGES[1]:
        sides = [of_manifest(each) for each in runs]
        return comparison_page(sides, differences(sides))
    points = tuple(Point(job="a", metric="loss", step=step, value=4.0 / step, time="") for step in (1, 2, 4))
    return report_page([bench.subject(each, points=points, samples=None) for each in runs])


@pytest.mark.parametrize("name", PAGES)
def test_two_runs_that_differ_in_one_value_give_the_page_that_is_written(name: str) -> None:
    assert page(name) == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_of_two_runs_that_differ_in_one_value_one_value_is_told(name: str) -> None:
    found = read((GOLDEN / name).read_text(encoding="utf-8"))
    text = " ".join(found.text.split())
    assert "finetune.parameters.lora_r 816" in text.replace("lora_r8", "lora_r 8")
    assert text.count("only what differs") == 1


def test_each_run_is_folded_below_what_differs() -> None:
    found = read(page(PAGES[0]))
    runs = [each for each in found.all("details") if each.get("class") == "run"]
    assert [each.get("open") for each in runs] == [None, None]
    assert all(("open", None) not in each.attributes for each in runs)
    levels = [int(each.tag[1]) for each in found.elements if each.tag in {"h1", "h2", "h3", "h4"}]
    assert all(later <= before + 1 for before, later in pairwise(levels))
    known = [each.get("id") for each in found.elements if each.get("id")]
    assert len(known) == len(set(known))


def test_what_was_asked_twice_is_compared_both_times() -> None:
    """By the names that `runner diff` gives it."""
    asked = bench.SAMPLES[0]
    again = replace(asked, answer="No.")
    runs = [bench.subject(samples=(asked, asked)), bench.subject(second(), samples=(asked, again))]
    text = " ".join(read(report_page(runs)).text.split())
    assert f"user: {asked.prompt[1]['content']} (asked again: 1)" in text


def test_the_best_figure_is_marked_in_words() -> None:
    runs = [
        bench.manifest(),
        second(test_loss=0.0150, train_tokens_per_second=9000.0, peak_memory_mib=40000.0),
    ]
    best = {each.metric: [best for _, best in each.cells] for each in figures(runs)}
    assert best["test_loss"] == [False, True]
    assert best["train_tokens_per_second"] == best["peak_memory_mib"] == [False, False]
    assert best["eval_loss"] == best["test_loss_base"] == [False, False]
    found = read(report_page([bench.subject(each, points=None, samples=None) for each in runs]))
    assert found.within("b").count("best") == 1


def swept(index: int, rate: float, rank: int) -> Manifest:
    """Give a point of a sweep."""
    point = {"finetune.parameters.learning_rate": rate, "finetune.parameters.lora_r": rank}
    said = bench.content(run_id=f"20261121T113042Z-small-000{index}")
    return run_from({**said, "sweep": {"id": "S-1", "index": index, "total": 2, "point": point}})


def test_the_points_of_a_sweep_are_named_by_their_values() -> None:
    runs = [swept(1, 0.01, 8), swept(2, 5e-6, 16)]
    points = tuple(Point(job="a", metric="loss", step=step, value=4.0, time="") for step in (1, 2))
    found = read(report_page([bench.subject(each, points=points, samples=None) for each in runs]))
    assert f"Sweep S-1 of {runs[0].recipe['path']}" in found.within("h1")
    heads = ["1: learning_rate 0.01, lora_r 8", "2: learning_rate 5e-06, lora_r 16"]
    assert [text for text in found.within("th") if text in heads] == heads
    assert all(any(run.run_id in text for text in found.within("h3")) for run in runs)
    mixed = read(report_page([bench.subject(each, samples=None) for each in (runs[0], bench.manifest())]))
    assert "2 runs compared" in mixed.within("h1")


def test_a_digest_is_cut_short_and_told_whole_below() -> None:
    sides = [of_manifest(bench.manifest()), of_manifest(bench.manifest())]
    digests = ["ab" * 32, "cd" * 32]
    found = [
        Difference(section=Section.OUTPUTS, key="losses", values=tuple(digests)),
        Difference(section=Section.OUTPUTS, key="name", values=("x", "y")),
    ]
    page = read(comparison_page(sides, found))
    assert page.within("td") == ["abababababab…", "cdcdcdcdcdcd…", "x", "y"]
    assert [text.strip() for text in page.within("pre")] == ["\n".join(digests)]


def test_one_value_is_told_and_no_curve() -> None:
    point = Point(job="a", metric="loss", step=1, value=4.0, time="")
    alone = report_page([bench.subject(points=(point,), samples=None)])
    assert "one value was logged, so there is no curve" in alone
    assert "chart: loss" not in alone
    runs = [bench.subject(each, points=(point,), samples=None) for each in (bench.manifest(), second())]
    assert "chart: loss" not in report_page(runs)
    more = replace(point, step=2)
    drawn = report_page([bench.subject(points=(point, more), samples=None)])
    assert "chart: loss" in drawn
    assert "one value was logged" not in drawn


def test_a_curve_of_one_run_among_several_has_its_name_and_the_others_are_named() -> None:
    runs = [bench.subject(), bench.subject(second(), points=None)]
    found = read(report_page([replace(each, samples=None) for each in runs]))
    named = [text for path, text in found.texts if path[-1:] == ("text",) and "details" not in path]
    assert runs[0].said.run_id in named
    assert f"or an empty one: {runs[1].said.run_id}." in found.text


def test_a_figure_that_one_run_does_not_have_is_a_dash() -> None:
    (cells,) = [each.cells for each in figures([bench.manifest(), bench.failed()]) if each.metric == "loss"]
    assert cells == (("0.0537", False), ("–", False))  # noqa: RUF001 - as printed


def test_runs_on_the_emulator_are_named_at_the_top() -> None:
    runs = [bench.subject(each, points=None, samples=None) for each in (bench.manifest(), bench.emulated())]
    text = read(report_page(runs)).text
    assert text.index("EMULATOR") < text.index("What differs")


def test_a_recipe_can_be_beside_a_run_and_equal_sides_say_so() -> None:
    values = bench.content()["recipe"]["values"]
    sides = [of_manifest(bench.manifest()), of_recipe("small.yaml", values)]
    text = read(comparison_page(sides, differences(sides))).text
    assert "no value differs" in text
    assert "Not compared: pins, versions, metrics, measured, outputs (small.yaml has none)." in text
    assert "EMULATOR" not in text


def test_a_comparison_names_the_runs_on_the_emulator() -> None:
    sides = [of_manifest(each) for each in (bench.manifest(), bench.emulated())]
    text = read(comparison_page(sides, differences(sides))).text
    assert text.index("EMULATOR") < text.index("What differs")
    assert f"not on Azure: {names(sides)[1]}." in text


def test_sides_of_one_name_are_told_apart() -> None:
    assert names([of_recipe("a", {}), of_recipe("b", {}), of_recipe("a", {})]) == ("a (1)", "b", "a (3)")


if __name__ == "__main__":
    for each in PAGES:
        (GOLDEN / each).write_text(page(each), encoding="utf-8")
