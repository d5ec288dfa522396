"""`runner schema` prints a schema that needs no other file, and says what the files say."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry

from runner import catalog
from runner.cli import main
from runner.schema_files import bundled, read_schema

ROOT = Path(__file__).parents[2]
CLOSED: Registry[Any] = Registry()


def _printed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:  # noqa: ANN401 - a schema
    assert main(["schema", *words]) == 0
    return json.loads(capsys.readouterr().out)


def _finetune(**parameters: object) -> dict[str, Any]:
    finetune = {"task": "chat_completion", "parameters": parameters}
    return {"version": 1, "name": "small", "model": {"name": "Phi-4"}, "finetune": finetune}


def test_the_recipes_schema_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    schema = _printed(capsys)
    Draft202012Validator.check_schema(schema)
    assert ".schema.json" not in json.dumps(schema).replace(schema["$schema"], "")
    validator = Draft202012Validator(schema, registry=CLOSED)
    assert validator.is_valid(_finetune(lora_r=8, apply_lora=True))
    assert not validator.is_valid(_finetune(lora_r=0))
    assert not validator.is_valid(_finetune(lora_rank=8))
    pinned = _finetune(lora_rank=8)
    pinned["finetune"] = {"component_version": "0.0.1", **pinned["finetune"]}
    assert validator.is_valid(pinned)


def test_nothing_but_the_references_differs_from_the_files(capsys: pytest.CaptureFixture[str]) -> None:
    schema = _printed(capsys)
    parts = {name: schema["$defs"].pop(name) for name in list(schema["$defs"]) if "parameters" in name}
    committed = json.loads(json.dumps(read_schema("recipe.schema.json")))
    assert set(parts) == {f"parameters_{task}" for task in catalog.tasks()}
    for each in (schema, committed):
        each["properties"]["finetune"].pop("allOf")
    assert schema == committed
    for task in catalog.tasks():
        file = read_schema(f"parameters/{task}.schema.json")
        assert {"$schema": file["$schema"], **parts[f"parameters_{task}"]} == file


@pytest.mark.parametrize("task", catalog.tasks())
def test_a_tasks_schema_is_its_file(capsys: pytest.CaptureFixture[str], task: str) -> None:
    assert _printed(capsys, "--task", task) == read_schema(f"parameters/{task}.schema.json")


def test_programs_get_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert _printed(capsys, "--output", "json") == _printed(capsys)


def test_references_of_files_among_each_other_and_to_themselves_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files: dict[str, Any] = {
        "a.schema.json": {
            "properties": {"x": {"$ref": "b.schema.json#/$defs/first"}, "y": {"$ref": "#/$defs/own"}},
            "$defs": {"own": {"type": "string"}},
        },
        "b.schema.json": {
            "$schema": "any",
            "$defs": {"first": {"$ref": "#/$defs/second"}, "second": {"$ref": "c.schema.json"}},
        },
        "c.schema.json": {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#"}}]},
    }
    monkeypatch.setattr("runner.schema_files.read_schema", files.__getitem__)
    validator = Draft202012Validator(bundled("a.schema.json"), registry=CLOSED)
    assert validator.is_valid({"x": [[1], 2], "y": "text"})
    assert not validator.is_valid({"x": [["text"], 2]})
    assert not validator.is_valid({"y": 1})


def test_a_schema_is_printed_in_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out.isascii()


def test_a_task_that_is_not_there_is_a_mistake_of_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["schema", "--task", "dancing"])
    assert caught.value.code == 2
    assert "chat_completion" in capsys.readouterr().err


def test_the_schema_is_found_whatever_the_working_folder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _printed(capsys)["title"] == "Recipe"


def test_the_entry_for_schemastore_has_the_form_of_its_catalog() -> None:
    """As SchemaStore's own schema-catalog.json has it (2026-11-21): these keys, an address with https."""
    entry = json.loads((ROOT / "schemas" / "schemastore.json").read_text(encoding="utf-8"))
    assert list(entry) == ["name", "description", "fileMatch", "url"]
    assert re.fullmatch(r"https://www\.schemastore\.org/[a-z-]+\.json", entry["url"])
    assert all(isinstance(entry[key], str) and len(entry[key]) < 120 for key in ("name", "description"))
    assert len(set(entry["fileMatch"])) == len(entry["fileMatch"])
    # Many tools have a recipe.yaml; none but ours may be claimed.
    assert all(re.fullmatch(r"\*\.runner\.ya?ml", pattern) for pattern in entry["fileMatch"])


def test_the_schema_of_a_lock_is_printed_for_who_asks(capsys: pytest.CaptureFixture[str]) -> None:
    assert _printed(capsys, "--lock") == read_schema("lock.schema.json")
    with pytest.raises(SystemExit):
        main(["schema", "--lock", "--task", "chat_completion"])
