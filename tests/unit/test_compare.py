"""What differs between runs, manifests and recipes is told, and nothing else: least of all a run's name.

`python -m tests.unit.test_compare` writes the golden files anew.
"""

import io
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.cli import main
from runner.clock import SystemClock
from runner.compare import Difference, Section, answers_of, differences, lacking, of_manifest, of_recipe
from runner.console import Output, differing
from runner.console.console import Console
from runner.journal import Json
from runner.manifest import load as load_manifest
from runner.report import comparison_page
from tests.unit.past_runs import GOLDEN, TOLD, keep, trained, write

ROOT = Path(__file__).parents[2]
A, B = "20261121T181034Z-tiny-5623", "20261121T181038Z-tiny-374a"
RATE = "finetune.parameters.learning_rate"
CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Order 9?"}]


def run_of(runs: Path, run_id: str, name: str, *, loss: float, answer: str) -> Path:
    """Lay out a real run with the effects that its training would have had, and the answers it gave."""
    told: dict[str, Any] = json.loads((GOLDEN / f"{name}.manifest.json").read_text(encoding="utf-8"))
    finetune = told["steps"]["finetune"]
    finetune["metrics"] = {"loss": loss, "eval_loss": loss / 2, "train_runtime": loss}
    finetune["outputs"] |= {
        "table": {"file": "metrics.csv", "points": 2, "sha256": f"{loss:.0f}" * 64},
        "files": {"adapter_model.safetensors": {"bytes": 10, "sha256": f"{loss:.0f}" * 64}},
    }
    folder = write(runs / run_id, told).parent
    samples = [
        {"prompt": CHAT[1:], "answer": "Yes, 9.", "ground_truth": "Yes, 9.", "seconds": loss},
        {"prompt": CHAT, "answer": answer, "ground_truth": "Yes, 9.", "seconds": loss},
    ]
    lines = "".join(json.dumps(each) + "\n" for each in samples)
    (folder / "samples.jsonl").write_text(lines, encoding="utf-8")
    return folder


def two(runs: Path) -> tuple[Path, Path]:
    """Give two runs that differ in one value of the recipe, and in what came of it."""
    return (
        run_of(runs, A, "compared_a", loss=2.0, answer="Yes, 9."),
        run_of(runs, B, "compared_b", loss=3.0, answer="No.\nNever."),
    )


def shown(runs: Path, output: Output) -> str:
    stdout = io.StringIO()
    console = Console(stdout, io.StringIO(), output, SystemClock())
    sides = [of_manifest(load_manifest(each / "manifest.json"), answers_of(each)) for each in two(runs)]
    console.compared(sides, differences(sides))
    return stdout.getvalue()


def golden_files(runs: Path) -> Mapping[Path, str]:
    return {
        GOLDEN / "diff.txt": shown(runs, Output.TEXT),
        GOLDEN / "diff.json": shown(runs, Output.JSON),
    }


def test_two_runs_that_differ_in_one_value_show_it_and_what_came_of_it(tmp_path: Path) -> None:
    """Their ids, names made of these, times and versions of models differ, too, and are not told."""
    for path, told in golden_files(tmp_path).items():
        assert told == path.read_text(encoding="utf-8"), path.name


def test_the_real_manifests_differ_in_one_value_alone() -> None:
    sides = [of_manifest(load_manifest(GOLDEN / f"compared_{each}.manifest.json")) for each in "ab"]
    assert differences(sides) == (Difference(section=Section.RECIPE, key=RATE, values=(2e-05, 1e-05)),)


def diff(*words: object) -> int:
    return main(["diff", *map(str, words)])


def test_a_run_and_itself_do_not_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = two(tmp_path)
    assert diff(A, folder / "manifest.json", "--runs-dir", tmp_path, "--exit-code") == 0
    assert capsys.readouterr().out.endswith("\n\nno difference\n")


def told_in_text(*found: Difference) -> list[str]:
    sides = [of_recipe("a.yaml", {}), of_recipe("b.yaml", {})]
    return list(differing.text(sides, found, None))


def recipe(key: str, *values: Json) -> Difference:
    return Difference(section=Section.RECIPE, key=key, values=values)


def test_figures_and_digests_are_short_unless_they_then_look_alike() -> None:
    rows = told_in_text(
        recipe("a", 0.123456789, 2.5),
        recipe("b", 0.12345678, 0.12345679),
        recipe("c", "ab" * 32, "cd" * 32),
        recipe("d", "16", 16),
    )
    assert [row.split() for row in rows if row.startswith(("  a", "  b", "  c", "  d"))] == [
        ["a", "0.123457", "2.5"],
        ["b", "0.12345678", "0.12345679"],
        ["c", "abababababab…", "cdcdcdcdcdcd…"],
        ["d", '"16"', "16"],
    ]


def test_a_long_key_leaves_the_others_lined_up() -> None:
    rows = told_in_text(recipe("k" * 60, 1, 2), recipe("b", 3, 4))
    assert next(row for row in rows if row.startswith("  b")).index("3") == 2 + 60 + 2


def test_what_only_repeats_the_clusters_name_is_left_to_json() -> None:
    derived = recipe("finetune.parameters.compute_finetune", "x", "y")
    name, other = recipe("compute.name", "x", "y"), recipe("finetune.parameters.compute_more", "x", "z")
    sides = [of_recipe("a.yaml", {}), of_recipe("b.yaml", {})]
    told = "\n".join(told_in_text(name, derived, other))
    for text in (told, comparison_page(sides, (name, derived, other))):
        assert "compute_finetune" not in text
        assert "compute_more" in text
    assert "compute_finetune" in "\n".join(told_in_text(derived))
    keys = [each["key"] for each in differing.as_json(sides, (name, derived))["differences"]]
    assert keys == ["compute.name", "finetune.parameters.compute_finetune"]


def test_what_differs_is_no_failure_unless_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two(tmp_path)
    assert diff(A, B, "--runs-dir", tmp_path) == 0
    told = capsys.readouterr().out
    assert told == (GOLDEN / "diff.txt").read_text(encoding="utf-8")
    assert diff(A, B, "--runs-dir", tmp_path, "--exit-code") == 5
    assert capsys.readouterr().out == told


def test_a_page_tells_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two(tmp_path)
    page = tmp_path / "page.html"
    assert diff(A, B, "--runs-dir", tmp_path, "--html", page) == 0
    assert capsys.readouterr().out.endswith(f"\nthe same as a page: {page}\n")
    written = page.read_text(encoding="utf-8")
    assert RATE in written
    assert "look through this page before you share or commit it" in written
    assert "finetune.parameters.lora_r" not in written
    assert diff(A, B, "--runs-dir", tmp_path, "--html", tmp_path / "no" / "page.html") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_speed_is_compared_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two(tmp_path)
    assert diff(A, B, "--runs-dir", tmp_path, "--measured", "--output", "json") == 0
    told = json.loads(capsys.readouterr().out)["differences"]
    assert {"section": "measured", "key": "train_runtime", "values": [2.0, 3.0]} in told


def test_a_manifest_that_lies_alone_is_compared_without_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = two(tmp_path)
    shutil.copy(folder / "manifest.json", tmp_path / "old.json")
    assert diff(tmp_path / "old.json", A, "--runs-dir", tmp_path) == 0
    assert capsys.readouterr().out.endswith(f"no difference\n\nnot compared: answers ({A} has none)\n")


def test_two_recipes_differ_in_their_values_in_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = (ROOT / "configs" / "quickstart.yaml").read_text(encoding="utf-8")
    one, other = tmp_path / "one.yaml", tmp_path / "other.yml"
    one.write_text(recipe, encoding="utf-8")
    other.write_text(f"{recipe}retries: {{failed: 2}}\n", encoding="utf-8")
    assert diff(one, other, "--output", "json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["differences"] == [{"section": "recipe", "key": "retries.failed", "values": [0, 2]}]
    assert [side["target"] for side in told["sides"]] == [None, None]


def test_a_recipe_and_a_run_are_compared_by_the_recipe_and_the_rest_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two(tmp_path)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(TOLD["recipe"]["text"], encoding="utf-8")
    assert diff(recipe, A, "--runs-dir", tmp_path) == 0
    out = capsys.readouterr().out
    assert "no difference\n" in out
    assert f"not compared: pins, versions, metrics, measured, outputs, answers ({recipe} has none)\n" in out


def test_a_recipe_that_is_not_valid_is_refused_as_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("version: 1\n", encoding="utf-8")
    assert diff(recipe, recipe) == 3
    assert f"{recipe}:1:1 missing-key" in capsys.readouterr().err


def test_numbers_are_compared_as_such_and_nothing_else_is() -> None:
    pairs = {
        "same": (1, 1.0),
        "bool": (True, 1),
        "text": ("16", 16),
        "list": (["a"], ["a"]),
        "gone": (1, None),
    }
    sides = [of_recipe("r", {key: pair[place] for key, pair in pairs.items()}) for place in (0, 1)]
    assert [each.key for each in differences(sides)] == ["bool", "text", "gone"]


def test_an_older_manifest_tells_its_values_by_the_recipe_in_force_or_not_at_all(tmp_path: Path) -> None:
    recipe = {key: value for key, value in TOLD["recipe"].items() if key != "values"}
    bare = {key: value for key, value in recipe.items() if key != "in_force"}
    new, old, oldest = (
        of_manifest(load_manifest(write(tmp_path / str(number), {**TOLD, "recipe": each})))
        for number, each in enumerate((TOLD["recipe"], recipe, bare))
    )
    assert old.sections[Section.RECIPE][RATE] == 2e-05
    assert differences([new, old]) == ()
    assert lacking([new, oldest]) == {Section.RECIPE: (oldest.name,)}


def test_what_was_asked_twice_is_told_twice(tmp_path: Path) -> None:
    row = {"prompt": CHAT[1:], "answer": "x", "ground_truth": "", "seconds": 1}
    rows = [row, row | {"answer": "y"}, row | {"answer": "z", "prompt": CHAT}]
    (tmp_path / "samples.jsonl").write_text(
        "".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8"
    )
    assert answers_of(tmp_path) == {
        "Order 9?": "x",
        "Order 9? (asked again: 1)": "y",
        "system: Be brief.\nuser: Order 9?": "z",
    }


@pytest.mark.parametrize(
    "change", [{"prompt": 5}, {"prompt": ["x"]}, {"prompt": [{"role": 1}]}, {"answer": {}}, {"seconds": "x"}]
)
def test_answers_that_are_damaged_are_not_compared(tmp_path: Path, change: Mapping[str, object]) -> None:
    row = {"prompt": CHAT, "answer": "x", "ground_truth": "", "seconds": 1, **change}
    (tmp_path / "samples.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert answers_of(tmp_path) is None
    assert answers_of(None) is None


def test_a_metric_that_only_one_run_has_is_told(tmp_path: Path) -> None:
    runs = [load_manifest(keep(tmp_path, A, steps=trained(loss=1.0))), load_manifest(keep(tmp_path, B))]
    (found,) = differences([of_manifest(each) for each in runs])
    assert (found.key, found.values[0]) == ("loss", 1.0)


if __name__ == "__main__":
    for file, text in golden_files(Path(tempfile.mkdtemp())).items():
        file.write_text(text, encoding="utf-8")
