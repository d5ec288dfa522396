"""A recipe's sweep: the points it comes to, each judged as a recipe, its mistakes told where they stand."""

import time
from pathlib import Path

import pytest

from runner import origins
from runner.errors import Diagnostic, RecipeInvalid, Severity
from runner.load import Loaded, load, load_bytes
from runner.recipe import Sweep
from tests.unit.sweeps import RECIPE

LORA, RATE = "finetune.parameters.lora_r", "finetune.parameters.learning_rate"


def loaded(folder: Path, sweep: str, *, settings: tuple[str, ...] = ()) -> Loaded:
    path = folder / "small.yaml"
    path.write_text(RECIPE + sweep, encoding="utf-8")
    return load(path, settings=settings)


def mistakes(folder: Path, sweep: str) -> list[Diagnostic]:
    with pytest.raises(RecipeInvalid) as refused:
        loaded(folder, sweep)
    return [each for each in refused.value.diagnostics if each.severity is not Severity.NOTICE]


def column(line: str, text: str) -> int:
    return line.index(text) + 1


def test_a_grid_is_every_combination_and_points_come_after_it(tmp_path: Path) -> None:
    text = f"sweep: {{grid: {{{RATE}: [1e-3, 2e-3], {LORA}: [4, 8]}}, points: [{{{LORA}: 32}}]}}\n"
    found = loaded(tmp_path, text)
    assert [dict(point.values) for point in found.points] == [
        {RATE: 0.001, LORA: 4},
        {RATE: 0.001, LORA: 8},
        {RATE: 0.002, LORA: 4},
        {RATE: 0.002, LORA: 8},
        {LORA: 32},
    ]
    assert found.recipe.sweep == Sweep(grid={RATE: (0.001, 0.002), LORA: (4, 8)}, points=({LORA: 32},))
    assert [point.index for point in found.points] == [1, 2, 3, 4, 5]


def test_a_point_is_the_recipe_with_its_values_set_and_without_what_serves(tmp_path: Path) -> None:
    (point,) = loaded(tmp_path, f"sweep: {{points: [{{{LORA}: 16}}]}}\n").points
    recipe = point.loaded.recipe
    assert recipe.finetune is not None
    assert recipe.finetune.parameters["lora_r"] == 16
    assert recipe.register is not None
    assert (recipe.sweep, recipe.endpoint, recipe.deployment, recipe.traffic, recipe.sample) == (None,) * 5
    given = [part.text for part in point.loaded.source.parts if part.kind == "--set"]
    assert given[0] == "sweep=null"
    assert given[-1] == f"{LORA}=16"
    # What a run records of its recipe gives the same point again.
    again = load(tmp_path / "small.yaml", settings=given)
    assert again.recipe == recipe


@pytest.mark.parametrize(
    ("written", "value"),
    [("cosine", "cosine"), ('"16"', "16"), ("true", True), ("5e-6", 5e-6), ('"a b"', "a b")],
)
def test_a_value_reaches_its_point_as_it_is_written(tmp_path: Path, written: str, value: object) -> None:
    sweep = f"sweep: {{points: [{{dataset.train: {written}}}]}}\n"
    if isinstance(value, str) and " " not in value:
        (point,) = loaded(tmp_path, sweep).points
        assert point.loaded.recipe.dataset is not None
        assert point.loaded.recipe.dataset.train == value
    else:
        assert [each.line for each in mistakes(tmp_path, sweep)] == [len(RECIPE.splitlines()) + 1]


def test_each_mistake_of_a_point_stands_at_its_value_in_the_sweep(tmp_path: Path) -> None:
    line = f"sweep: {{grid: {{{LORA}: [4, 0], {RATE}: [1e-3, fast]}}}}"
    found = mistakes(tmp_path, line + "\n")
    number = len(RECIPE.splitlines()) + 1
    told = {(each.path, each.line, each.column, each.key) for each in found}
    path = str(tmp_path / "small.yaml")
    assert told == {
        (path, number, column(line, "0]"), LORA),
        (path, number, column(line, "fast"), RATE),
    }


def test_a_mistake_that_a_value_makes_elsewhere_stands_at_the_point_and_none_of_the_recipe_is_told_twice(
    tmp_path: Path,
) -> None:
    line = "sweep: {points: [{finetune.parameters.num_nodes_finetune: 3}, {dataset.validation: train}]}"
    found = mistakes(tmp_path, line + "\n")
    assert [(each.code, each.column) for each in found] == [
        ("out-of-range", column(line, "3}")),
        ("same-split", column(line, "train}")),
    ]
    twice = RECIPE.replace("max_steps: 1", "max_stepz: 1") + f"sweep: {{grid: {{{LORA}: [4, 8]}}}}\n"
    (tmp_path / "twice.yaml").write_text(twice, encoding="utf-8")
    with pytest.raises(RecipeInvalid) as refused:
        load(tmp_path / "twice.yaml")
    errors = [each.key for each in refused.value.diagnostics if each.severity is Severity.ERROR]
    assert errors == ["finetune.parameters.max_stepz"]


@pytest.mark.parametrize(
    "key",
    ["compute.name", "endpoint.name", "name", "register.name", "cleanup", "model.registry", "sweep.grid",
     "finetune.parameters", "finetune.task", "limits.max_duration", "finetune.parameters.a.b", "tags.team"],
)  # fmt: skip
def test_what_the_points_share_cannot_be_swept(tmp_path: Path, key: str) -> None:
    (found,) = mistakes(tmp_path, f"sweep: {{points: [{{{key}: 1}}]}}\n")
    assert found.code == "bad-key"
    assert "finetune.parameters.NAME" in found.expected


@pytest.mark.parametrize(
    ("sweep", "code"),
    [
        ("{}", "no-points"),
        ("{max_concurrent: 3}", "no-points"),
        (f"{{grid: {{{LORA}: [4, 8, 4]}}}}", "repeated-point"),
        (f"{{grid: {{{LORA}: [4, 8]}}, points: [{{{LORA}: 8}}]}}", "repeated-point"),
        (f"{{grid: {{{RATE}: [1, 1.0]}}}}", "repeated-point"),
        (f"{{grid: {{{LORA}: []}}}}", "wrong-length"),
        (f"{{grid: {{{LORA}: 4}}}}", "wrong-type"),
        (f"{{grid: {{{LORA}: [null]}}}}", "wrong-type"),
        ("{points: [{}]}", "wrong-length"),
        ("{points: [{}, {}, 3]}", "wrong-length"),
        (f"{{grid: {{{LORA}: [4]}}, max_concurrent: 0}}", "out-of-range"),
        (f"{{grid: {{{LORA}: [4]}}, max_concurrency: 2}}", "unknown-key"),
        ("{points: [{dataset.path: '${env:HOME}'}]}", "env-not-allowed-here"),
    ],
)
def test_a_sweep_that_cannot_be_meant_is_refused(tmp_path: Path, sweep: str, code: str) -> None:
    assert code in {each.code for each in mistakes(tmp_path, f"sweep: {sweep}\n")}


def test_more_points_than_five_hundred_are_refused_at_once_however_many(tmp_path: Path) -> None:
    values = list(range(1, 101))
    keys = ", ".join(f"finetune.parameters.p{number}: {values}" for number in range(16))
    began = time.process_time()
    (found,) = mistakes(tmp_path, f"sweep: {{grid: {{{keys}}}}}\n")
    assert found.code == "too-many-points"
    assert time.process_time() - began < 2


def test_five_hundred_points_are_read_in_good_time_and_with_mistakes_in_all_of_them_too(
    tmp_path: Path,
) -> None:
    grid = f"{{{LORA}: {list(range(1, 26))}, {RATE}: {[n / 1000 for n in range(1, 21)]}}}"
    began = time.process_time()
    assert len(loaded(tmp_path, f"sweep: {{grid: {grid}}}\n").points) == 500
    assert mistakes(tmp_path, f"sweep: {{grid: {grid.replace('[1,', '[0,').replace('0.001', '-1')}}}\n")
    assert time.process_time() - began < 8


def test_a_sweep_needs_a_training(tmp_path: Path) -> None:
    text = "version: 1\nname: small\nmodel: {name: Phi-4}\nsweep: {points: [{model.version: '7'}]}\n"
    with pytest.raises(RecipeInvalid) as refused:
        load_bytes(text.encode(), tmp_path / "small.yaml")
    assert "needs-section" in {each.code for each in refused.value.diagnostics}


def test_a_setting_takes_the_sweep_away(tmp_path: Path) -> None:
    found = loaded(tmp_path, f"sweep: {{points: [{{{LORA}: 16}}]}}\n", settings=("sweep=null", f"{LORA}=16"))
    assert found.recipe.sweep is None
    assert found.points == ()
    assert found.recipe.endpoint is not None


def test_all_that_is_in_force_of_a_sweep_reads_as_the_same_sweep(tmp_path: Path) -> None:
    sweep = f'sweep: {{grid: {{{RATE}: [1e-3]}}, points: [{{{LORA}: 4, dataset.train: "16"}}]}}\n'
    found = loaded(tmp_path, sweep, settings=("sweep.max_concurrent=3",))
    lines = list(origins.as_yaml(origins.values(found, None, None), comments=True))
    again = load_bytes("\n".join(lines).encode(), tmp_path / "again.yaml")
    assert again.recipe.sweep == found.recipe.sweep
    assert again.recipe.sweep is not None
    assert again.recipe.sweep.max_concurrent == 3
