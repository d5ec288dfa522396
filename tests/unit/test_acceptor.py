"""The fast validator accepts nothing that the arbiter would refuse, and our schemas are all it can reach."""

import copy
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from runner.load import acceptor, schema
from runner.load.acceptor import certainly_valid, stricter
from runner.load.schema import Violation, violations
from runner.schema_files import BASE, read_schema, referred
from runner.yaml12 import Value, parse

ROOT = Path(__file__).parents[2]
RECIPES = [*sorted((ROOT / "configs").glob("*.yaml")), ROOT / "benchmarks" / "recipe.yaml"]
TREES = [parse(path.read_text(encoding="utf-8")).value for path in RECIPES]
RECIPE = "recipe.schema.json"

# Where two validators, or two languages, are known to differ, or might.
ODD = [
    *(None, True, False, 0, 1, -1, 0.0, -0.0, 1.0, 60.0, 1.5, 5e-324, 100.00000000000001, 1e300),
    *(2**53 - 1, 2**53, 2**53 + 1, float(2**53), 2**63 - 1, -(2**63), float(2**63), math.inf, math.nan),
    *(
        "",
        "a",
        "a\n",
        "\na",
        "a\nb",
        "a\r",
        "a ",
        "a\u2028",
        "é",
        "\uff41",
        "\u212a",
        "\u017f",
        "५",
        "\x85",
        "\ud800",
    ),
    *("latest\n", "1\n", "1", "0", "x" * 64, "x" * 65, "é" * 64, "😀" * 63, "😀" * 64, "key\n"),
    *([], [1], [1.0], [True], {"a": 1.0}, {"a": True}, {}, {"a": 1}, {"a\n": 1}, {"é": 1}, {"": ""}),
]
# YAML's infinities and NaN never become values (`test_yaml12`).
FINITE = [odd for odd in ODD if not isinstance(odd, float) or math.isfinite(odd)]


def _arbiter_alone(tree: Any, name: str) -> list[Violation]:  # noqa: ANN401 - of any shape
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "certainly_valid", lambda _tree, _name: False)
        return list(violations(tree, name))


def _paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    for key, each in inner:
        yield from _paths(each, (*path, key))


PATHS = [(number, path) for number, tree in enumerate(TREES) for path in _paths(tree) if path]
VALUES = st.sampled_from(ODD) | st.text(max_size=8) | st.integers(-(2**63), 2**63 - 1) | st.floats()
KEYS = st.sampled_from(["name", "demo", "a", "a\n", "é", "lora_r", "percent", "x-y", ""]) | st.text(
    max_size=4
)


def _changed(number: int, path: tuple[str | int, ...], change: Any, key: str | None) -> Any:  # noqa: ANN401 - as above
    """Put another value at a path, or under a new key beside it."""
    tree: Any = copy.deepcopy(TREES[number])
    holder = tree
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1] if key is None else key] = change
    return tree


@settings(deadline=None, max_examples=600)  # other work shares the machine
@given(st.sampled_from(PATHS), VALUES, st.none() | KEYS)
def test_a_recipe_with_one_thing_changed_is_judged_as_by_the_arbiter_alone(
    place: tuple[int, tuple[str | int, ...]], change: object, key: str | None
) -> None:
    tree = _changed(*place, change, key)
    assert repr(list(violations(tree))) == repr(_arbiter_alone(tree, RECIPE))


def test_every_odd_value_at_every_place_is_judged_as_by_the_arbiter_alone() -> None:
    """Of the recipe that has nearly every key there is."""
    accepted = 0
    last = len(TREES) - 1
    for path in _paths(TREES[last]):
        for odd in ODD if path else ():
            tree = _changed(last, path, odd, None)
            if certainly_valid(tree, RECIPE):
                accepted += 1
                assert _arbiter_alone(tree, RECIPE) == [], (path, odd)
    assert accepted > 100


@pytest.mark.parametrize("number", range(len(TREES)), ids=[path.name for path in RECIPES])
def test_a_recipe_of_ours_needs_no_arbiter(number: int) -> None:
    assert certainly_valid(TREES[number], RECIPE)
    assert _arbiter_alone(TREES[number], RECIPE) == []


@pytest.mark.parametrize(
    "small",
    [
        {"type": "integer"},
        {"type": ["string", "integer"], "minimum": 1, "maximum": 2**53 - 1},
        {"type": ["integer", "number"]},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 2**53},
        {"const": 1},
        {"const": 2**53 + 1},
        {"enum": [2**63 - 1, 1.5]},
        {"const": {"a": 1}},
        {"enum": [[1], {}]},
        {"minimum": 2**53 + 1},
        {"maximum": 2**53},
        {"exclusiveMaximum": 2**63 - 1},
        {"maximum": 5e-324},
        {"enum": [0, 1, "a", None, False]},
        {"pattern": "^[a-z]*$", "maxLength": 64},
        {"pattern": "a|^$"},
        {"pattern": r"^(?!.*a$)[\s\S]*$"},
        {"pattern": r"^\w\d?\s?$"},
        {"pattern": "(?i)^[k-s]$"},
        {"minLength": 1, "maxLength": 63},
        {"propertyNames": {"pattern": "^[a-z]$"}, "additionalProperties": {"type": "integer"}},
        {"items": {"type": "integer"}, "minItems": 1, "maxItems": 1},
        {"required": ["a"], "minProperties": 1, "maxProperties": 1},
        {"allOf": [{"type": "integer"}], "pattern": "^a$"},
        {"anyOf": [{"type": "integer"}, {"pattern": "^a$"}]},
        {"oneOf": [{"type": "integer"}, {"type": "number"}]},
        {"not": {"type": "integer"}},
        {"not": {"pattern": "^a$"}},
        {"if": {"pattern": "^a$"}, "then": {"maxLength": 0}},
        {"if": {"type": "integer"}, "else": {"type": "string"}},
        {"if": {"$ref": "#/$defs/whole"}, "else": False, "$defs": {"whole": {"type": "integer"}}},
        {"if": {"const": 1}, "then": {"type": "integer"}, "else": {"type": ["string", "object"]}},
        {"patternProperties": {"^a$": False}},
        {"patternProperties": {"^": {"type": "integer"}}, "additionalProperties": False},
        {"patternProperties": {"[^a]$": {"type": "string"}}, "additionalProperties": False},
        {"properties": {"a": {"enum": [2]}, "pattern": {"type": "integer"}}},
        {"dependentRequired": {"a": ["b"]}},
        {"unevaluatedProperties": False},
        {"multipleOf": 0.1},
        {"uniqueItems": True},
        {"format": "date"},
    ],
    ids=str,
)
def test_a_keyword_accepts_no_odd_value_that_the_arbiter_refuses(
    small: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _serve({"small.schema.json": small}, monkeypatch)
    for odd in FINITE:
        if certainly_valid(cast("Value", odd), "small.schema.json"):
            assert _arbiter_alone(odd, "small.schema.json") == [], odd


def test_a_part_that_makes_the_whole_laxer_when_stricter_leaves_all_to_the_arbiter() -> None:
    assert stricter({"not": {"pattern": "^a$"}}) is False
    assert stricter({"if": {"properties": {"a": {"type": "integer"}}}}) is False
    assert stricter({"if": {"properties": {"a": {"const": "x"}}}}) is not False
    assert stricter({"items": [{"contains": 1}]}) == {"items": [False]}


# Each with a row above.
TESTED = {
    *("$ref", "type", "enum", "const", "allOf", "anyOf", "oneOf", "not", "if", "properties", "required"),
    *(
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "items",
        "minItems",
    ),
    *("maxItems", "minLength", "maxLength", "pattern"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
}


@pytest.mark.parametrize("keyword", sorted(Draft202012Validator.VALIDATORS))
def test_a_keyword_is_tested_to_be_seen_alike_or_left_to_the_arbiter(keyword: str) -> None:
    assert (stricter({keyword: {}}) is False) == (keyword not in TESTED)


# --- references ---------------------------------------------------------------------------------------------

OUTER = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:runner:outer:1",
    "type": "object",
    "properties": {"task": {"enum": ["one", "two"]}, "parameters": {"type": "object"}},
    "if": {"properties": {"task": {"const": "one"}}, "required": ["task"]},
    "then": {"properties": {"parameters": {"$ref": "parameters/one.schema.json"}}},
    "$defs": {"name": {"type": "string", "pattern": "^[a-z]+$"}},
}
ONE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:runner:one:1",
    "type": "object",
    "properties": {
        "rank": {"$ref": "#/$defs/count"},
        "name": {"$ref": "../outer.schema.json#/$defs/name"},
    },
    "$defs": {"count": {"type": "integer", "minimum": 1}},
}


def _serve(schemas: Mapping[str, Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have other schemas for the length of one test."""
    monkeypatch.setattr("runner.schema_files.read_schema", schemas.__getitem__)
    acceptor.acceptor_of.cache_clear()
    schema.arbiter_of.cache_clear()


@pytest.fixture(autouse=True)
def _our_own_schemas_afterwards() -> Iterator[None]:
    yield
    acceptor.acceptor_of.cache_clear()
    schema.arbiter_of.cache_clear()


@pytest.mark.parametrize(
    ("parameters", "wrong"),
    [
        ({"rank": 1, "name": "a"}, []),
        ({"rank": 0}, [(("parameters", "rank"), "minimum")]),
        ({"rank": 1.0}, [(("parameters", "rank"), "type")]),
        ({"name": "a\n"}, [(("parameters", "name"), "pattern")]),
        ({"rank": "1", "name": 2}, [(("parameters", "rank"), "type"), (("parameters", "name"), "type")]),
    ],
)
def test_a_reference_leads_to_another_schema_of_ours(
    parameters: Mapping[str, object],
    wrong: list[tuple[tuple[str, ...], str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _serve({"outer.schema.json": OUTER, "parameters/one.schema.json": ONE}, monkeypatch)
    tree: Any = {"task": "one", "parameters": parameters}
    found = [(each.key, each.keyword) for each in violations(tree, "outer.schema.json")]
    assert found == wrong
    assert certainly_valid(tree, "outer.schema.json") == (not wrong)
    assert list(violations({**tree, "task": "two"}, "outer.schema.json")) == []


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9/recipe.schema.json",
        "file:///etc/passwd",
        "recipe.schema.json",
        f"{BASE}../pyproject.toml",
        f"{BASE}../recipe.schema.json",
        f"{BASE}a/b/c.schema.json",
        f"{BASE}.schema.json",
    ],
)
def test_a_reference_to_anything_else_leads_nowhere(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LookupError):
        referred(address)
    _serve({"stray.schema.json": {"$ref": address}}, monkeypatch)
    with pytest.raises(ValueError, match="is not present in a registry"):
        certainly_valid({}, "stray.schema.json")
    with pytest.raises(Exception, match="Unresolvable"):
        _arbiter_alone({}, "stray.schema.json")


def test_every_schema_can_be_referred_to() -> None:
    names = [
        path.relative_to(ROOT / "schemas").as_posix() for path in (ROOT / "schemas").rglob("*.schema.json")
    ]
    assert len(names) > 1
    for name in names:
        assert set(referred(BASE + name)["properties"]) == set(read_schema(name)["properties"])


def test_what_is_for_editors_alone_is_left_out_of_what_validators_read() -> None:
    assert "allOf" in read_schema(RECIPE)["properties"]["finetune"]
    assert "allOf" not in referred(BASE + RECIPE)["properties"]["finetune"]
