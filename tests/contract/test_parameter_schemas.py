"""The schemas for editors, made from a live registry: the genuine SDK's answer gives the committed files."""

import json
from pathlib import Path

import pytest

from tools import make_parameter_schemas as tool

ROOT = Path(__file__).parents[2]


def test_a_live_registry_gives_the_committed_schemas_and_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = {
        path: (ROOT / path).read_text(encoding="utf-8")
        for path in (tool.schema_path("chat_completion"), tool.component_path("chat_completion"))
    }
    stale = json.loads(committed[tool.component_path("chat_completion")]) | {
        "version": "0.0.1",
        "as_of": "2020-01-01",
    }
    (tmp_path / tool.component_path("chat_completion")).parent.mkdir(parents=True)
    (tmp_path / tool.component_path("chat_completion")).write_text(json.dumps(stale), encoding="utf-8")
    monkeypatch.setattr(
        "sys.argv", ["make_parameter_schemas.py", "--registry", "azureml", "--root", str(tmp_path)]
    )
    assert tool.main() == 0
    assert (tmp_path / tool.schema_path("chat_completion")).read_text(encoding="utf-8") == committed[
        tool.schema_path("chat_completion")
    ]
    made = json.loads((tmp_path / tool.component_path("chat_completion")).read_text(encoding="utf-8"))
    known = json.loads(committed[tool.component_path("chat_completion")])
    assert (made["version"], made["inputs"]) == (known["version"], known["inputs"])
    assert made["as_of"] > "2026"
    assert "registry" in made["source"]


def test_a_registry_without_the_component_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("runner.catalog.component_name", lambda _task: "no_such_pipeline")
    monkeypatch.setattr("sys.argv", ["make_parameter_schemas.py", "--registry", "azureml"])
    assert tool.main() == 1
    assert "registry azureml has no component no_such_pipeline" in capsys.readouterr().err
