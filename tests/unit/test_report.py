"""The report says what a run was, what is missing of it, and is the same page whenever it is made."""

import base64
import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from runner import manifest
from runner.manifest import StepStatus
from runner.manifest.states import run_from
from runner.metric_table import Point
from runner.redact import register
from runner.report import Sample, Subject, overview, report_page
from runner.report.answers import Piece, compared
from runner.report.critical_path import critical_path
from runner.report.curves import MOST_POINTS, Panel, Series, courses, panels, shared_panels
from runner.report.spending import spending
from runner.report.timeline import timeline
from runner.report.wording import is_studio, number, shown
from runner.steps import STEPS
from runner.under_way import Carried
from tests.unit import report_bench as bench
from tests.unit.page_reading import Page, read

NEEDS = {name: step.traits.needs for name, step in STEPS.items()}
VERDICT = {
    "reproduced": False,
    "inputs": {"level": "identical", "reason": "", "differs": []},
    "metrics": {"level": "different", "differs": [{"key": "eval_loss", "was": 0.05, "now": 0.07}]},
    "outputs": {"level": "unknown", "reason": "nothing is known of the outputs", "differs": []},
    "tolerance": 0.01,
    "warnings": [],
}
OLD = Path(__file__).parents[1] / "golden" / "manifest_format_1.json"


@cache
def whole() -> str:
    """Draw one page of a run that has everything."""
    return report_page([bench.subject()])


def small(said: manifest.Manifest, **changes: Any) -> Page:  # noqa: ANN401 - a subject's fields
    """Read the page of a run of which nothing lies beside the manifest."""
    return read(report_page([bench.subject(said, **{"points": None, "samples": None} | changes)]))


def changed(step: str, **changes: Any) -> manifest.Manifest:  # noqa: ANN401 - a step's fields
    said = bench.content()
    said["steps"][step] |= changes
    return run_from(said)


# --- the page as a document ---------------------------------------------------------------------------------


def test_what_was_scored_is_told_of_both_models() -> None:
    said = bench.content()
    said["steps"]["sample"]["outputs"]["base_exact"] = 0
    text = read(report_page([bench.subject(run_from(said))])).text
    assert "1 equal to the ground truth (base model: 0)" in text


def test_the_page_is_one_file_that_lets_nothing_in() -> None:
    page = read(whole())
    head = [each for each in page.elements if each.path[:2] == ("html", "head") and each.tag != "head"]
    style = "".join(page.within("style"))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert head[0].get("http-equiv") == "Content-Security-Policy"
    assert head[0].get("content") == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert {each.tag for each in page.elements} & {"script", "link", "img", "iframe", "base", "form"} == set()
    names = {name for each in page.elements for name, _ in each.attributes}
    assert {name for name in names if name.startswith("on") or name in {"style", "src", "srcset"}} == set()
    assert "url(" not in style
    assert len(page.all("style")) == 1


def test_links_lead_within_the_page_or_to_the_studio() -> None:
    page = read(whole())
    known = [each.get("id") for each in page.elements if each.get("id")]
    links = [each.get("href") or "" for each in page.all("a")]
    assert len(known) == len(set(known))
    assert {link[1:] for link in links if link.startswith("#")} <= set(known)
    outward = [each for each in page.all("a") if not str(each.get("href")).startswith("#")]
    assert [each.get("rel") for each in outward] == ["noreferrer noopener"]
    assert str(outward[0].get("href")).startswith("https://ml.azure.com/runs/")


def test_the_page_can_be_found_ones_way_in() -> None:
    """Language, title, landmarks, headings in order, tables with heads and captions, drawings with words."""
    page = read(whole())
    levels = [int(each.tag[1]) for each in page.elements if re.fullmatch("h[1-6]", each.tag)]
    assert page.all("html")[0].get("lang") == "en"
    assert "20260" not in page.within("title")[0]
    assert {"header", "main", "footer", "nav"} <= {each.tag for each in page.elements}
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= before + 1 for before, later in pairwise(levels))
    assert len(page.all("table")) == len(page.all("caption")) > 5
    assert all(each.get("scope") in {"col", "row"} for each in page.all("th"))
    drawings = page.all("svg")
    assert len(drawings) == 5
    assert all(each.get("role") == "img" and each.get("aria-label") for each in drawings)


def test_the_page_is_the_same_whenever_it_is_made() -> None:
    """Whatever was drawn before in this process."""
    report_page([bench.subject(bench.emulated(), samples=None)])
    assert report_page([bench.subject()]) == whole()


def test_both_schemes_can_be_read() -> None:
    """Text has a contrast of 4.5 with what it stands on, lines one of 3 (WCAG 2.2, 1.4.3 and 1.4.11)."""
    style = "".join(read(whole()).within("style"))
    schemes = [
        dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", part)) for part in style.split("@media")[:2]
    ]
    assert all(len(scheme) >= 18 for scheme in schemes)
    for scheme in schemes:
        texts = [(name, on) for name in ("ink", "muted") for on in ("paper", "soft", "warn")]
        texts += [(name, "paper") for name in ("link", "bad", "good")] + [("ink", "mark"), ("bad", "soft")]
        assert [pair for pair in texts if _contrast(scheme[pair[0]], scheme[pair[1]]) < 4.5] == []
        lines = ["critical", *(name for name in scheme if name.startswith("series-"))]
        assert [name for name in lines if _contrast(scheme[name], scheme["paper"]) < 3] == []


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Follow WCAG 2.2's definition of relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# --- where it ran -------------------------------------------------------------------------------------------


def test_a_run_on_the_emulator_says_so_first_and_what_stood_in() -> None:
    page = small(bench.emulated())
    text = " ".join(page.text.split())
    assert text.index("EMULATOR") < text.index("succeeded")
    assert "trained Phi-3-tiny-4k-instruct in place of the recipe’s model" in text  # noqa: RUF001 - as printed
    assert "USD" not in text
    assert "ml.azure.com" not in text
    assert "EMULATOR" not in small(bench.manifest()).text


# --- time ---------------------------------------------------------------------------------------------------


def test_the_critical_path_is_the_longest_chain_of_needs() -> None:
    seconds = {"dataset": 5.0, "compute": 3.0, "finetune": 60.0, "register": 1.0, "endpoint": 90.0}
    assert critical_path(seconds, NEEDS) == ("endpoint",)
    assert critical_path(seconds | {"endpoint": 50.0}, NEEDS) == ("dataset", "finetune", "register")
    assert critical_path(seconds | {"deployment": 9.0}, NEEDS) == ("endpoint", "deployment")


def test_a_step_without_a_time_does_not_break_the_chain() -> None:
    seconds = {"dataset": 5.0, "register": 1.0, "sample": 2.0}
    assert critical_path(seconds, NEEDS) == ("dataset", "register", "sample")
    assert critical_path({}, NEEDS) == ()


def test_steps_at_the_same_time_reused_failed_or_running_have_their_bars() -> None:
    said = bench.content(status="running", ended=None)
    said["steps"]["compute"] |= {"action": "reuse"}
    said["steps"]["endpoint"] |= {"status": "failed", "attempt": 2}
    said["steps"]["sample"] |= {"status": "running", "ended": None}
    told = timeline(run_from(said))
    bars = {bar.step: bar for bar in told.bars}
    assert bars["dataset"].begin == bars["compute"].begin == 0.2
    assert (bars["compute"].note, bars["endpoint"].note) == ("reuse", "reuse, failed, attempt 2")
    assert bars["sample"].note == "not ended"
    assert told.path == ("compute", "finetune", "register", "deployment", "traffic", "sample")
    assert not bars["endpoint"].critical


def test_a_training_that_was_canceled_was_not_deleted() -> None:
    bars = timeline(changed("finetune", status="deleted")).bars
    assert {bar.step: bar.note for bar in bars}["finetune"] == "canceled"


def test_a_step_that_has_not_ended_is_drawn_to_the_latest_time_that_is_known() -> None:
    said = bench.content(status="running", ended=None)
    said["steps"] = {name: said["steps"][name] for name in ("dataset", "compute", "finetune")}
    said["steps"]["finetune"] |= {"status": "running", "ended": None}
    bars = {bar.step: bar for bar in timeline(run_from(said)).bars}
    assert bars["finetune"].end == pytest.approx(95.4)
    assert bars["finetune"].status is StepStatus.RUNNING


def test_times_that_are_none_are_left_out() -> None:
    said = changed("dataset", started="9999-99-99T99:99:99.999Z")
    assert "dataset" not in {bar.step for bar in timeline(said).bars}


# --- the training -------------------------------------------------------------------------------------------


def test_train_and_eval_loss_share_a_panel_and_a_fall_is_seen_on_a_logarithmic_scale() -> None:
    first, *rest = panels(bench.points())
    assert [each.name for each in first.series] == ["loss", "eval_loss"]
    assert first.logarithmic
    assert [each.title for each in rest] == [
        "learning_rate",
        "num_input_tokens_seen",
        "train_tokens_per_second",
    ]
    assert not any(each.logarithmic for each in rest)


def test_what_only_measures_an_evaluation_is_folded() -> None:
    points = [
        Point(job="a", metric=metric, step=step, value=step, time="")
        for metric in ("loss", "eval_runtime")
        for step in (1, 2)
    ]
    page = small(bench.manifest(), points=tuple(points))
    folded = [text for path, text in page.texts if path[-1:] == ("figcaption",) and "details" in path]
    assert folded == ["eval_runtime"]
    assert "1 more curve" in page.text


@pytest.mark.parametrize(
    ("metrics", "name", "told"),
    [
        ({"test_loss_base": 4.0, "test_loss": 2.0, "eval_loss": 3.0, "loss": 1.0}, "eval loss", "3"),
        ({"test_loss_base": 4.0, "test_loss": 2.0, "loss": 1.0}, "test loss", "4 → 2"),
        ({"test_loss": 2.0, "loss": 1.0}, "test loss", "2"),
    ],
)
def test_the_loss_at_a_glance_is_of_rows_to_choose_by(
    metrics: Mapping[str, float], name: str, told: str
) -> None:
    found = overview.loss(changed("finetune", metrics=metrics))
    assert (found.name, found.value) == (name, told)


def test_speed_and_memory_are_told_at_a_glance() -> None:
    text = " ".join(small(bench.manifest()).text.split())
    assert "5,120 tokens a second" in text
    assert "34,816 MiB at most" in text


def test_a_loss_that_is_no_number_is_a_gap_and_is_told() -> None:
    page = read(whole())
    assert panels(bench.points())[0].gaps == 1
    assert "gaps: 1 value is no number" in page.text
    paths = [each.get("d") or "" for each in page.all("path") if "var(--series-1)" in str(each.get("stroke"))]
    assert any(path.count("M") == 2 for path in paths)


def test_a_scale_is_logarithmic_only_where_all_can_be_shown() -> None:
    falling = ((1, 5.0), (2, 0.001))
    assert Panel(title="loss", series=(Series(name="loss", points=falling),)).logarithmic
    assert not Panel(title="loss", series=(Series(name="loss", points=(*falling, (3, 0.0))),)).logarithmic
    assert not Panel(title="loss", series=(Series(name="loss", points=((1, math.nan),)),)).logarithmic


def test_the_later_of_two_values_at_a_step_stands() -> None:
    told = [
        Point(job="a", metric="loss", step=1, value=value, time=at) for value, at in ((2.0, "2"), (1.0, "1"))
    ]
    (course,) = courses(told)
    assert (course.count, course.last) == (1, 2.0)


def test_a_long_training_is_thinned_and_says_so() -> None:
    points = tuple(
        Point(job="a", metric="loss", step=step, value=1.0, time="") for step in range(MOST_POINTS * 3)
    )
    page = small(bench.manifest(), points=points)
    assert "thinned evenly for drawing" in page.text
    longest = max(len(each.get("d") or "") for each in page.all("path"))
    assert longest < MOST_POINTS * 20


def test_metrics_that_are_all_no_numbers_make_a_page() -> None:
    points = [Point(job="a", metric="loss", step=step, value=math.nan, time="") for step in (1, 2)]
    assert "gaps: 2 values are no numbers" in small(bench.manifest(), points=tuple(points)).text


def test_runs_share_a_panel_a_metric() -> None:
    told = shared_panels([("a", bench.points()), ("b", bench.points(1))])
    assert [each.title for each in told][:2] == ["loss", "eval_loss"]
    assert [each.name for each in told[0].series] == ["a", "b"]


# --- what it was given --------------------------------------------------------------------------------------


def test_parameters_that_were_chosen_stand_before_the_components_own() -> None:
    text = small(bench.manifest()).text
    assert text.index("apply_lora") < text.index("compute_finetune") < text.index("warmup_steps")
    assert "2 that are the component’s defaults" in text  # noqa: RUF001 - as printed


def test_data_statistics_have_the_columns_that_were_counted() -> None:
    page = small(bench.manifest())
    assert "58,123,456" in page.text
    assert "61.2 MB" in page.text
    assert "of rows in the source" not in page.text
    assert "data/train.jsonl:17 holds a token of the chat template" in page.text


def test_answers_keep_their_blanks_and_show_where_they_differ() -> None:
    page = read(whole())
    assert "I am a bakery.\n\n  Cakes:\n    four" in page.text
    assert page.within("mark")[:3] == ["underlined", "Sunday", "Monday"]
    assert "equal to the ground truth" in page.text


def test_two_texts_are_compared_by_words() -> None:
    assert compared("4 red cakes", "4 cakes") == (
        (
            Piece(text="4 ", differs=False),
            Piece(text="red ", differs=True),
            Piece(text="cakes", differs=False),
        ),
        (Piece(text="4 ", differs=False), Piece(text="cakes", differs=False)),
    )
    assert compared("", "x") == ((), (Piece(text="x", differs=True),))


def test_long_texts_are_compared_by_their_ends_and_lose_nothing() -> None:
    left, right = "a " * 4000 + "b c", "a " * 4000 + "d c"
    found = compared(left, right)
    assert ["".join(piece.text for piece in side) for side in found] == [left, right]
    assert [piece.text for piece in found[0] if piece.differs] == ["b"]


# --- money and what is left ---------------------------------------------------------------------------------


def test_costs_are_step_times_by_dated_prices() -> None:
    spent = spending(bench.manifest(), bench.PRICES)
    training, endpoint = spent.items
    assert training.amount == Decimal("1.5") * Decimal("3.67")
    assert endpoint.hours == Decimal(697) / 3600
    assert spent.total == "6.22 USD"
    assert "as of 2024-08-26" in spent.source


def test_every_node_and_every_deployment_is_counted_at_its_own_price() -> None:
    said = bench.content()
    said["steps"]["finetune"]["intent"] |= {"nodes": 2}
    said["steps"]["compute"]["intent"] |= {"tier": "low_priority"}
    said["steps"]["deployment"]["intent"] |= {"instance_count": 3}
    training, endpoint = spending(run_from(said), replace(bench.PRICES, low_priority=_CHEAP)).items
    assert (training.amount, endpoint.told[3]) == (Decimal(3), "0.58")


_CHEAP = {"standard_nc24ads_a100_v4": Decimal(1)}


@pytest.mark.parametrize(
    ("step", "change"),
    [
        ("compute", {"intent": {"name": "gpu", "size": "Standard_Unheard_of"}}),
        ("finetune", {"ended": None}),
    ],
)
def test_a_cost_that_is_not_known_has_no_sum(step: str, change: Mapping[str, Any]) -> None:
    page = small(changed(step, **change))
    assert spending(changed(step, **change), bench.PRICES).total == ""
    assert "so there is no sum" in page.text


def test_what_is_left_alive_stands_with_its_price_and_the_command_that_ends_it() -> None:
    text = small(bench.manifest()).text
    assert "3.67 USD an hour" in text
    assert f"runner down {bench.content()['run_id']}" in text
    assert "Nothing that bills is left alive." in small(bench.manifest(alive=[])).text


# --- what is missing ----------------------------------------------------------------------------------------


def test_a_run_that_failed_says_where_with_the_end_of_its_log() -> None:
    page = small(bench.failed(), log=bench.LOG)
    text = page.text
    assert text.index("CUDA out of memory") < text.rindex("At a glance")
    assert "torch.cuda.OutOfMemoryError" in text
    assert "no loss was logged" in text


def test_a_clone_says_what_it_does_not_hold() -> None:
    text = small(bench.manifest(), carried=Carried.ELSEWHERE).text
    assert "metrics.csv) is not in this folder" in text
    assert "samples.jsonl) are not in this folder" in text
    assert "take it back on the machine that ran it" in text


@pytest.mark.parametrize("status", ["running", "interrupted", "canceled"])
def test_a_run_that_has_not_ended_well_says_so(status: str) -> None:
    text = small(
        bench.manifest(status=status, ended=None, steps={}, alive=[]), carried=Carried.BY_A_PROCESS
    ).text
    assert status in text
    assert "No step of this run has begun." in text
    assert "not ended" in text


def test_a_manifest_of_the_first_format_makes_a_page() -> None:
    text = small(manifest.load(OLD)).text
    assert "no quota" in text
    assert "The manifest tells nothing of the rows" in text


def test_a_run_that_reproduces_another_or_is_of_a_sweep_names_it() -> None:
    said = bench.manifest(
        parent={"run_id": "20261101T000000Z-first-0001", "digest": "", "settings": ["finetune.seed=7"]},
        verdict=VERDICT,
        sweep={"id": "s-1", "index": 2, "total": 9, "point": {"lora_r": 16}},
    )
    text = small(said).text
    for part in ("20261101T000000Z-first-0001", "NOT reproduced; but for finetune.seed=7", "2 of 9 in s-1"):
        assert part in text
    assert "eval_loss: 0.05 → 0.07" in text
    assert "nothing is known of the outputs" in text
    assert "lora_r=16" in text


@pytest.mark.parametrize(
    "verdict", [{"inputs": "same"}, {"metrics": {"differs": ["x", {"y": 1}]}}, {"later": [{}]}]
)
def test_a_verdict_of_another_version_is_shown_as_it_stands(verdict: Mapping[str, Any]) -> None:
    assert next(iter(verdict)) in small(bench.manifest(verdict=verdict)).text


def test_what_is_alive_of_a_step_that_is_not_told_has_no_price() -> None:
    assert "price unknown" in small(bench.manifest(steps={})).text


# --- texts --------------------------------------------------------------------------------------------------


def test_a_secret_is_in_no_part_of_the_page() -> None:
    secret = register("a secret of several words")
    truth = "x a secret"  # what it shares with the answer must not take the secret to pieces
    sample = Sample(prompt=[{"role": "user", "content": secret}], answer=f"x {secret}", ground_truth=truth)
    jobs = ("a", f"b {secret}\x1b")
    points = [Point(job=job, metric="loss", step=step, value=1.0, time="") for job in jobs for step in (1, 2)]
    said = bench.manifest(recipe=bench.content()["recipe"] | {"in_force": f"key: {secret}"})
    page = report_page([bench.subject(said, samples=(sample,), points=tuple(points), log=(secret,))])
    assert "several words" not in page
    assert page.count("[redacted]") >= 5
    assert [text for text in read(page).within("text") if "redacted" in text] == [r"loss (b [redacted]\x1b)"]


def test_what_a_screen_would_obey_is_shown_instead() -> None:
    assert shown("a\x1b[31m\x00\u202eb\ud800\uffff\n\tc") == r"a\x1b[31m\x00\u202eb\ud800\uffff" + "\n\tc"


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("https://ml.azure.com/runs/x?wsid=/subscriptions/y", True),
        ("http://ml.azure.com/runs/x", False),
        ("https://ml.azure.com.evil.example/", False),
        ("https://ml.azure.com@evil.example/", False),
        ("https://user@ml.azure.com/", False),
        ("https://ml.azure.com:8443/", False),
        ("https://ml.azure.com:x/", False),
        ("https://[ml.azure.com/", False),
        ("javascript:alert(1)//ml.azure.com", False),
        ("https://ml.azure.com/\u202ex", False),
        ("", False),
    ],
)
def test_only_the_studios_own_address_is_a_link(address: str, is_one: bool) -> None:  # noqa: FBT001 - a case
    assert is_studio(address) is is_one
    said = changed("finetune", outputs={"studio": address})
    links = [each.get("href") for each in small(said).all("a") if not str(each.get("href")).startswith("#")]
    assert links == ([address] if is_one else [])


@pytest.mark.parametrize(
    ("given", "written"),
    [(0.0182, "0.0182"), (5e-6, "5e-06"), (3.0, "3"), (math.nan, "nan"), (34816.0, "34816"), (0.25, "0.25")],
)
def test_a_figure_has_the_digits_that_one_can_use(given: float, written: str) -> None:
    assert number(given) == written


def test_a_subject_is_a_value() -> None:
    assert replace(bench.subject(), log=()) == bench.subject()
    assert isinstance(bench.subject(), Subject)
