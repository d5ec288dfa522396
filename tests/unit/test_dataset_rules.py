"""What the dataset section may say together: one amount, one form, shares that leave rows to train on."""

from decimal import Decimal
from pathlib import Path

import pytest

from runner import origins, pins
from runner.errors import RecipeInvalid, Severity
from runner.load import Loaded, load_bytes
from runner.recipe import given

RECIPE = """\
version: 1
name: small
model: {name: Phi-4}
dataset: {%s}
"""


def loaded(section: str) -> Loaded:
    return load_bytes((RECIPE % section).encode(), Path("small.yaml"))


def told(section: str) -> list[tuple[str, str]]:
    """Give key and code of all that is told of a section, in the order in which it stands there."""
    try:
        found = loaded(section).notices
    except RecipeInvalid as invalid:
        found = invalid.diagnostics
    return [(each.key.removeprefix("dataset."), each.code) for each in found]


HUB = "huggingface: lab/chat, train: a, test: b"
FILES = "path: rows, train: a, test: b"


@pytest.mark.parametrize(
    "section",
    [
        f"{HUB}, config: default, revision: main, percent: 5, sample: random, seed: 7",
        f"{FILES}, rows: 100, max_bad_rows: 10",
        "path: rows, train: a, test: 10%, validation: 10%",
        "path: rows, train: a, test: 5%, validation: 44.5%, seed: 3",
        f"{FILES}, columns: {{prompt: question, completion: answer, system: role}}",
        f"{FILES}, columns: {{conversations: turns, system: role}}",
        f"{FILES}, columns: {{messages: chat}}",
        "azureml: chat, revision: '3', train: a, test: b",
        "azureml: azureml://datastores/workspaceblobstore/paths/chat, train: a, test: b",
    ],
)
def test_nothing_is_told_of_what_goes_together(section: str) -> None:
    assert told(section) == []


@pytest.mark.parametrize(
    ("section", "key", "code"),
    [
        (f"{FILES}, percent: 5, rows: 10", "rows", "two-amounts"),
        (f"{FILES}, rows: 10, percent: 5", "percent", "two-amounts"),
        (f"{FILES}, revision: main", "revision", "no-revision"),
        (
            "azureml: azureml://datastores/d/paths/p, revision: '1', train: a, test: b",
            "revision",
            "no-revision",
        ),
        (f"{FILES}, config: default", "config", "no-config"),
        ("azureml: chat, config: default, train: a, test: b", "config", "no-config"),
        (f"{FILES}, columns: {{messages: a, conversations: b}}", "columns.conversations", "two-forms"),
        (f"{FILES}, columns: {{conversations: b, prompt: a, completion: c}}", "columns.prompt", "two-forms"),
        (f"{FILES}, columns: {{prompt: a}}", "columns.prompt", "half-a-pair"),
        (f"{FILES}, columns: {{completion: a}}", "columns.completion", "half-a-pair"),
        (f"{FILES}, columns: {{messages: a, system: b}}", "columns.system", "not-with-messages"),
        (f"{FILES}, columns: {{system: b}}", "columns.system", "no-form"),
        (f"{FILES}, columns: {{prompt: a, completion: a}}", "columns.completion", "same-column"),
        ("path: rows, train: a, test: 0%", "test", "empty-share"),
        ("path: rows, train: a, test: 0.000%", "test", "empty-share"),
        ("path: rows, train: a, test: 50%, validation: 50%", "test", "no-rows-left"),
        ("path: rows, train: a, test: 100%", "test", "wrong-form"),
        ("path: rows, train: 10%, test: b", "train", "wrong-form"),
        ("path: rows, train: a, test: a", "test", "same-split"),
        ("path: rows, train: a, validation: a, test: b", "validation", "same-split"),
        ("path: rows, train: a, validation: b, test: b", "test", "same-split"),
    ],
)
def test_what_contradicts_itself_is_refused_where_it_stands(section: str, key: str, code: str) -> None:
    assert (key, code) in told(section)
    with pytest.raises(RecipeInvalid):
        loaded(section)


@pytest.mark.parametrize(
    ("section", "mend"),
    [
        ("path: rows, train: a, test: 0.1", "write a share with its percent sign, such as 10%"),
        (f"{FILES}, validation: 10", "write a share with its percent sign, such as 10%"),
        (f"{FILES}, percent: 5%", "write the number alone, such as 5"),
        (f"{FILES}, max_bad_rows: 5%", "write a number of rows, such as 5"),
        (f"{FILES}, rows: 5%", "write a number of rows, such as 1000, or percent"),
        (f"{FILES}, rows: '5'", "write it without quotes"),
    ],
)
def test_a_share_in_another_form_is_told_how_to_write_it(section: str, mend: str) -> None:
    with pytest.raises(RecipeInvalid) as caught:
        loaded(section)
    assert mend in str(caught.value.diagnostics[0])


def test_a_split_that_is_named_three_times_is_told_twice() -> None:
    assert told("path: rows, train: a, validation: a, test: a") == [
        ("validation", "same-split"),
        ("test", "same-split"),
    ]


@pytest.mark.parametrize("code", ["little-to-train-on", "needless-seed"])
def test_what_is_only_odd_does_not_refuse(code: str) -> None:
    sections = {
        "little-to-train-on": "path: rows, train: a, validation: 30%, test: 20.5%",
        "needless-seed": f"{FILES}, seed: 7, sample: head",
    }
    (found,) = loaded(sections[code]).notices
    assert found.code == code
    assert found.severity is not Severity.ERROR


def test_how_little_is_left_to_train_on_is_said() -> None:
    (found,) = loaded("path: rows, train: a, validation: 30%, test: 20.5%").notices
    assert "49.5%" in found.message


def test_what_is_read_and_what_is_taken_out_of_it_are_told_apart() -> None:
    dataset = given(loaded("path: rows, train: a, validation: 2.5%, test: b").recipe.dataset)
    assert dataset.splits() == {"train": "a", "test": "b"}
    assert dataset.carved() == {"validation": Decimal("2.5")}


@pytest.mark.parametrize(
    "section",
    [
        f"{FILES}, rows: 100",
        f"{FILES}, rows: 100, sample: random",
        "path: rows, train: a, test: 10%",
        f"{HUB}, percent: 5",
        f"{FILES}, columns: {{prompt: question, completion: answer}}",
    ],
)
def test_the_recipe_in_force_is_read_as_the_same_and_nothing_is_told_of_it(section: str) -> None:
    there = loaded(section)
    lines = origins.as_yaml(origins.values(there, None, None), comments=False)
    again = load_bytes("\n".join(lines).encode(), Path("in_force.yaml"))
    assert (again.recipe, again.notices) == (there.recipe, ())


def test_a_lock_made_before_a_key_was_there_holds_while_its_default_does() -> None:
    before = pins.depended_on(loaded(HUB))
    assert set(before) == {
        "model.registry", "model.name", "model.version",
        "dataset.huggingface", "dataset.train", "dataset.test", "dataset.percent",
    }  # fmt: skip
    assert pins.depended_on(loaded(f"{HUB}, sample: head, max_bad_rows: 0")) == before
    drawn = pins.depended_on(loaded(f"{HUB}, sample: random, seed: 7"))
    assert drawn == {**before, "dataset.sample": "random", "dataset.seed": 7}
