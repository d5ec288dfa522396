"""What editors make of the recipe's schema: texts everywhere, references that hold; no mistake told twice."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from runner import catalog
from runner.errors import RecipeInvalid
from runner.load import load, load_bytes
from runner.schema_files import read_schema

ROOT = Path(__file__).parents[2]
HEAD = """\
version: 1
name: small
model: {name: Phi-4}
compute: {name: gpu, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}
dataset: {path: data, train: train, test: test}
"""
ANY_PARAMETERS = {"num_nodes_finetune": 1, "trust_remote_code": True, "brand_new": 1, "lora_r": "eight"}

Json = Mapping[str, Any]


def _walk(schema: Any, place: str = "#") -> Iterator[tuple[str, Json]]:  # noqa: ANN401 - JSON may be anything
    """Walk over everything in a schema that may itself be one."""
    if isinstance(schema, dict):
        yield place, schema
        for key, inner in schema.items():
            if key not in {"default", "examples", "enum", "const", "defaultSnippets"}:
                yield from _walk(inner, f"{place}/{key}")
    elif isinstance(schema, list):
        for index, inner in enumerate(schema):
            yield from _walk(inner, f"{place}/{index}")


def _properties(schema: Json) -> Iterator[tuple[str, Json]]:
    """Walk over every property at every depth; what only conditions mention is described where it is."""
    for place, inner in _walk(schema):
        if "/allOf/" not in place:
            for name, each in inner.get("properties", {}).items():
                if not place.endswith("/properties"):
                    yield f"{place}/properties/{name}", each


SCHEMAS = ("recipe.schema.json", *(f"parameters/{task}.schema.json" for task in catalog.tasks()))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_property_at_every_depth_says_what_it_is_for(name: str) -> None:
    properties = dict(_properties(read_schema(name)))
    assert len(properties) > 40
    assert [place for place, each in properties.items() if len(each.get("description", "")) < 15] == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_enum_explains_its_members(name: str) -> None:
    enums = {place: each for place, each in _walk(read_schema(name)) if "enum" in each}
    booleans = {place for place, each in enums.items() if False in each["enum"]}
    unexplained = set(enums) - booleans - {"#/$defs/versions"}
    assert len(unexplained) >= 4
    for place in unexplained:
        texts = enums[place]["enumDescriptions"]
        assert len(texts) == len(enums[place]["enum"]), place
        assert all(len(text) > 5 for text in texts)


def test_an_editors_word_about_a_pattern_is_the_loaders() -> None:
    ruled = [each for _, each in _walk(read_schema("recipe.schema.json")) if "patternErrorMessage" in each]
    assert len(ruled) > 15
    assert all(each["patternErrorMessage"] == f"Must be {each['x-rule']}." for each in ruled)


def test_every_example_and_default_of_the_schema_is_right() -> None:
    schema = read_schema("recipe.schema.json")
    tried = 0
    for place, each in _walk(schema):
        if "$ref" in each and "schema.json" in each["$ref"]:
            continue
        inner = {"$defs": schema["$defs"], **each}
        for value in [*each.get("examples", ()), *([each["default"]] if "default" in each else [])]:
            tried += 1
            own = {key: part for key, part in inner.items() if key != "allOf"}
            assert Draft202012Validator(own).is_valid(value), place
    assert tried > 40


# --- references ---------------------------------------------------------------------------------------------


def test_no_schema_for_editors_has_an_id_that_would_lead_its_references_away() -> None:
    """Without one the file's own place is the base, for an editor and for the loader alike."""
    assert [name for name in SCHEMAS if "$id" in read_schema(name)] == []


def test_every_reference_leads_to_a_schema_of_ours() -> None:
    references = [
        (name, each["$ref"]) for name in SCHEMAS for _, each in _walk(read_schema(name)) if "$ref" in each
    ]
    assert sum("schema.json" in reference for _, reference in references) == 2 * len(catalog.tasks())
    for name, reference in references:
        file, _, inner = reference.partition("#")
        found: Any = read_schema(file or name)
        for part in filter(None, inner.split("/")):
            found = found[part]
        assert found


@pytest.mark.parametrize("task", catalog.tasks())
def test_every_task_has_its_condition(task: str) -> None:
    finetune = read_schema("recipe.schema.json")["properties"]["finetune"]
    assert set(finetune["properties"]["task"]["enum"]) == set(catalog.tasks())
    conditions = {each["if"]["properties"]["task"]["const"]: each for each in finetune["allOf"]}
    reference = f"parameters/{task}.schema.json"
    assert conditions[task]["then"] == {"properties": {"parameters": {"$ref": reference}}}
    assert conditions[task]["if"]["properties"]["component_version"] == {
        "$ref": f"{reference}#/$defs/versions"
    }
    assert set(conditions) == set(catalog.tasks())


def _wrong_to_an_editor(finetune: object) -> list[str]:
    """Give the parameters in which the whole schema, as editors read it, finds something wrong."""
    files = [(name, Resource.from_contents(read_schema(name), DRAFT202012)) for name in SCHEMAS]
    registry: Registry[Any] = Registry().with_resources(files)
    validator = Draft202012Validator(read_schema("recipe.schema.json"), registry=registry)
    found = validator.iter_errors({"version": 1, "name": "x", "model": {"name": "y"}, "finetune": finetune})
    return sorted({str(each.absolute_path[-1]) for each in found})


@pytest.mark.parametrize("version", [{}, {"component_version": "latest"}, {"component_version": "0.0.82"}])
def test_an_editor_checks_the_parameters_of_the_version_that_is_known(version: dict[str, str]) -> None:
    finetune = {"task": "chat_completion", "parameters": ANY_PARAMETERS, **version}
    assert _wrong_to_an_editor(finetune) == ["lora_r", "parameters", "trust_remote_code"]


def test_a_pinned_other_version_is_not_held_against_the_known_one() -> None:
    finetune = {"task": "chat_completion", "component_version": "0.0.57", "parameters": ANY_PARAMETERS}
    assert _wrong_to_an_editor(finetune) == []


# --- the loader ---------------------------------------------------------------------------------------------


def test_what_is_wrong_with_a_parameter_is_told_once() -> None:
    lines = [f"    {name}: {json.dumps(value)}" for name, value in ANY_PARAMETERS.items()]
    text = "\n".join([f"{HEAD}finetune:", "  task: chat_completion", "  parameters:", *lines])
    with pytest.raises(RecipeInvalid) as caught:
        load_bytes(text.encode(), Path("any.yaml"))
    told = [(each.key.rpartition(".")[2], each.code) for each in caught.value.diagnostics]
    assert told == [
        ("trust_remote_code", "trust-remote-code"),
        ("brand_new", "unknown-parameter"),
        ("lora_r", "wrong-type"),
    ]


VALUES = (
    st.sampled_from(["cosine", "cosin", "2", "5g", "it's", "true", "a\xa0b"])
    | st.booleans()
    | st.integers(-2, 40)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | st.none()
    | st.sampled_from([[], [1]])
)
# The nodes are held against `compute.max_instances`, too, which no schema can say.
NAMES = sorted(
    set(read_schema("parameters/chat_completion.schema.json")["properties"]) - {"num_nodes_finetune"}
)


@settings(deadline=None, max_examples=300)  # other work shares the machine
@given(st.sampled_from(NAMES), VALUES)
def test_a_recipe_is_refused_for_a_parameter_exactly_where_an_editor_marks_it(
    name: str, value: object
) -> None:
    """Through the whole of both ways: JSON is YAML."""
    finetune = {"task": "chat_completion", "parameters": {name: value}}
    text = f"{HEAD}finetune: {json.dumps(finetune)}"
    try:
        load_bytes(text.encode(), Path("any.yaml"))
    except RecipeInvalid as invalid:
        refused = [each.key.rpartition(".")[2] for each in invalid.diagnostics]
    else:
        refused = []
    marked = _wrong_to_an_editor(finetune)
    assert refused == marked


def test_what_is_no_value_at_all_is_still_told_by_the_schema() -> None:
    text = f"{HEAD}finetune: {{task: chat_completion, parameters: {{lora_r: [8], seed: }}}}"
    with pytest.raises(RecipeInvalid) as caught:
        load_bytes(text.encode(), Path("any.yaml"))
    assert [(each.key, each.code) for each in caught.value.diagnostics] == [
        ("finetune.parameters.lora_r", "wrong-type"),
        ("finetune.parameters.seed", "wrong-type"),
    ]


def test_every_recipe_is_right_to_an_editor_too() -> None:
    paths = sorted((ROOT / "configs").glob("*.yaml"))
    assert len(paths) >= 3
    for path in paths:
        parameters = load(path).recipe.finetune
        assert parameters is not None
        assert _wrong_to_an_editor({"task": parameters.task, "parameters": dict(parameters.parameters)}) == []
