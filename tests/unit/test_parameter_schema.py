"""The schema of `finetune.parameters` says what `check` says, of every input, and is what the tool makes."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema.protocols import Validator

from runner import catalog
from runner.catalog import Component, ComponentInput
from runner.parameters import check
from runner.parameters.schema import parameters_schema
from runner.parameters.values import is_settable
from runner.recipe import Scalar
from tools import make_parameter_schemas as tool

ROOT = Path(__file__).parents[2]
EDGES: tuple[Scalar, ...] = (
    *(True, False, "true", "false", "True", "TRUE", "yes", "", 0, 1, -1, 2, 3, 16, 32, 0.0, 0.5, 1.0, -0.5),
    *(2**53, 2**53 + 1, -(2**53), -(2**53) - 1, 10**400, 1e300, -1e300, 5e-324, 0.9999999999999999),
    *("2", "3", "2.0", "16", "32", "5e-6", "5g", "it's", "a\\b", "a\nb", "a\n", "\x1b[0m", "ü", "\u202e"),
    *("\xa0", "\U000e0041", "\u3000", '{"a": "b"}', "cosine", "cosin", "ChatCompletion", "adamw_torch"),
)
# The two kinds of input that the chat component has none of.
OTHER_INPUTS = (
    ComponentInput(name="flag", type="boolean", default="true"),
    ComponentInput(name="share", type="string", enum=("0.5", "1", "auto", "true")),
    ComponentInput(name="at_most", type="number", minimum=0.25),
)


def chat_component() -> Component:
    found = catalog.component("chat_completion")
    assert found is not None
    return found


def with_other_inputs() -> Component:
    chat = chat_component()
    return Component(
        name=chat.name,
        version=chat.version,
        inputs={**chat.inputs, **{each.name: each for each in OTHER_INPUTS}},
    )


COMPONENT = with_other_inputs()
UNDESCRIBED = catalog.InputDescription(text="An input of this test's own.", values={})
SCHEMA = parameters_schema(
    COMPONENT, {**dict.fromkeys(COMPONENT.inputs, UNDESCRIBED), **catalog.input_descriptions()}
)


def _as_javascript_reads(_: object, pattern: str, value: object, __: object) -> Iterator[ValidationError]:
    """Match as editors do: JavaScript's `$` is the text's end, Python's lets a newline follow."""
    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
        yield ValidationError("")


_EXTEND: Callable[..., type[Validator]] = validators.extend
VALIDATOR = _EXTEND(Draft202012Validator, {"pattern": _as_javascript_reads})(SCHEMA)
NAMES = st.sampled_from([*COMPONENT.inputs, "lora_rank", "Seed", "extends"])
VALUES = (
    st.sampled_from(EDGES)
    | st.sampled_from([member for each in COMPONENT.inputs.values() for member in each.enum])
    | st.booleans()
    | st.integers()
    | st.integers(-3, 40)
    | st.floats(allow_nan=False)
    | st.floats(-1, 2)
    | st.text(max_size=20)
)


def _same_to_json_only(accepted: ComponentInput | None, value: Scalar) -> bool:
    """Tell a 2.0 where 2 is allowed: the one thing a schema cannot tell apart."""
    return isinstance(value, float) and accepted is not None and str(int(value)) in accepted.enum


def _agree(name: str, value: Scalar) -> None:
    right = check(name, value, COMPONENT) is None
    assert VALIDATOR.is_valid({name: value}) == right, (name, value)


@settings(deadline=None, max_examples=2000)  # other work shares the machine
@given(NAMES, VALUES)
def test_the_schema_judges_as_the_check_does(name: str, value: Scalar) -> None:
    accepted = COMPONENT.inputs.get(name)
    if isinstance(value, float) and value == value // 1 and _same_to_json_only(accepted, value):
        return
    _agree(name, value)


@pytest.mark.parametrize("name", [*COMPONENT.inputs, "lora_rank"])
def test_the_schema_judges_every_edge_as_the_check_does(name: str) -> None:
    accepted = COMPONENT.inputs.get(name)
    tried = [value for value in EDGES if not _same_to_json_only(accepted, value)]
    assert len(tried) > 40
    for value in tried:
        _agree(name, value)


def test_a_whole_fraction_in_an_enum_is_all_that_the_schema_cannot_refuse() -> None:
    assert check("deepspeed_stage", 2.0, COMPONENT) is not None
    assert VALIDATOR.is_valid({"deepspeed_stage": 2.0})


def test_what_other_sections_decide_and_files_are_left_out() -> None:
    listed = set(SCHEMA["properties"])
    assert listed == {each.name for each in COMPONENT.inputs.values() if is_settable(each)}
    assert listed.isdisjoint({"compute_finetune", "instance_type_finetune", "train_file_path", "deepspeed"})
    assert len(listed) > 40


def test_defaults_are_written_as_a_recipe_would() -> None:
    defaults = {name: each.get("default") for name, each in SCHEMA["properties"].items()}
    assert (defaults["apply_lora"], defaults["precision"], defaults["adam_epsilon"]) == (False, 32, 1e-8)
    assert (defaults["shm_size_finetune"], defaults["lora_dropout"]) == ("5g", 0.0)
    assert "default" not in SCHEMA["properties"]["evaluation_config_params"]


def test_every_default_and_example_is_right() -> None:
    for name, each in SCHEMA["properties"].items():
        examples = [*each.get("examples", ()), *([each["default"]] if "default" in each else [])]
        assert [example for example in examples if not VALIDATOR.is_valid({name: example})] == []


def test_every_member_of_an_enum_is_explained_in_its_order() -> None:
    explained = [each for each in SCHEMA["properties"].values() if "enumDescriptions" in each]
    assert len(explained) == 8
    assert all(len(each["enum"]) == len(each["enumDescriptions"]) for each in explained)
    stage = SCHEMA["properties"]["deepspeed_stage"]
    assert stage["enum"] == [2, "2", 3, "3"]
    assert stage["enumDescriptions"][0] == stage["enumDescriptions"][1] != stage["enumDescriptions"][2]


def test_every_settable_input_is_described_and_nothing_else_is() -> None:
    settable = {
        each.name
        for task in catalog.tasks()
        for each in _component(task).inputs.values()
        if is_settable(each)
    }
    described = catalog.input_descriptions()
    assert set(described) == settable
    assert all(len(each.text) > 20 for each in described.values())
    for task in catalog.tasks():
        for name, each in _component(task).inputs.items():
            boolean = set(each.enum) == {"true", "false"}
            if is_settable(each) and each.enum and not boolean:
                assert set(described[name].values) >= set(each.enum)


def _component(task: str) -> Component:
    found = catalog.component(task)
    assert found is not None
    return found


def test_an_input_that_is_not_described_is_named() -> None:
    known = {name: each for name, each in catalog.input_descriptions().items() if name != "lora_r"}
    with pytest.raises(KeyError, match="lora_r"):
        parameters_schema(chat_component(), known)


def test_a_member_of_an_enum_that_is_not_described_is_named() -> None:
    chat = chat_component()
    newer = replace(chat.inputs["optim"], enum=("adamw_torch", "adamw_hf"))
    component = replace(chat, inputs={**chat.inputs, "optim": newer})
    with pytest.raises(KeyError, match="optim: adamw_hf"):
        parameters_schema(component, catalog.input_descriptions())


@pytest.mark.parametrize("task", catalog.tasks())
def test_the_committed_schemas_are_what_the_tool_makes(task: str) -> None:
    made = tool.schemas(ROOT)
    assert made[tool.schema_path(task)] == (ROOT / tool.schema_path(task)).read_text(encoding="utf-8")
    assert {path.name for path in (ROOT / "schemas" / "parameters").iterdir()} == {
        Path(path).name for path in made
    }


def test_the_tool_says_which_file_is_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _copy_catalog(tmp_path)
    assert _run(monkeypatch, tmp_path) == 0
    assert _run(monkeypatch, tmp_path, "--check") == 0
    (tmp_path / tool.schema_path("chat_completion")).write_text("{}", encoding="utf-8")
    assert _run(monkeypatch, tmp_path, "--check") == 1
    assert "schemas/parameters/chat_completion.schema.json is out of date" in capsys.readouterr().err


def test_an_input_without_a_description_stops_the_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = _copy_catalog(tmp_path)
    content["inputs"].append({"name": "brand_new", "type": "integer", "optional": True})
    (tmp_path / tool.component_path("chat_completion")).write_text(json.dumps(content), encoding="utf-8")
    assert _run(monkeypatch, tmp_path) == 1
    assert "does not describe 'brand_new'" in capsys.readouterr().err


def test_a_component_file_that_the_registry_confirms_changes_in_its_date_alone() -> None:
    committed = json.loads((ROOT / tool.component_path("chat_completion")).read_text(encoding="utf-8"))
    made = json.loads(tool.component_text(committed, chat_component()))
    assert {key for key in committed if committed[key] != made[key]} <= {"as_of"}
    assert list(made) == list(committed)


def _copy_catalog(root: Path) -> dict[str, Any]:
    path = root / tool.component_path("chat_completion")
    path.parent.mkdir(parents=True)
    text = (ROOT / tool.component_path("chat_completion")).read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def _run(monkeypatch: pytest.MonkeyPatch, root: Path, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["make_parameter_schemas.py", "--root", str(root), *words])
    return tool.main()


def test_the_schema_can_be_read_by_those_who_know_the_standard() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    known: Mapping[str, Any] = SCHEMA
    assert known["additionalProperties"] is False
    assert known["$defs"]["versions"]["enum"] == ["latest", chat_component().version]
