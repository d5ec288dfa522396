"""Findings as SARIF: each at its line, for code hosts."""

import json
from pathlib import Path
from typing import Any

import pytest

from runner.cli import main

GOOD = "version: 1\nname: a\nmodel: {name: Phi-4}\n"


def _log(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    main([*words, "--output", "sarif"])
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert isinstance(run, dict)
    return run


def test_each_mistake_is_a_result_at_its_line_and_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a b.yaml").write_text(GOOD + "cleanup: onfailure\ndescription: 5\n")
    run = _log(capsys, "validate", "a b.yaml")
    assert [
        (result["ruleId"], result["level"], result["locations"][0]["physicalLocation"])
        for result in run["results"]
    ] == [
        (
            "not-allowed-value",
            "error",
            {
                "artifactLocation": {"uri": "a%20b.yaml"},
                "region": {"startLine": 4, "startColumn": 10},
            },
        ),
        (
            "wrong-type",
            "error",
            {"artifactLocation": {"uri": "a%20b.yaml"}, "region": {"startLine": 5, "startColumn": 14}},
        ),
    ]


def test_warnings_and_notices_of_a_plan_are_results_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(GOOD.replace("Phi-4", "Unheard-of"))
    run = _log(capsys, "plan", "--offline", str(path))
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("model-not-in-catalog", "note")


def test_a_mistake_on_the_command_line_has_no_place_in_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(GOOD)
    (result,) = _log(capsys, "validate", str(path), "--set", "nme=x")["results"]
    assert "locations" not in result
    assert result["message"]["text"].startswith("--set 1: nme: no such key")


def test_an_error_without_findings_is_told_of_the_invocation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(GOOD)
    run = _log(capsys, "validate", str(path), "--profile", "none")
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert run["results"] == []


def test_verbs_without_findings_take_no_sarif(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["show", "latest", "--output", "sarif"])
    assert caught.value.code == 2
    assert "sarif" in capsys.readouterr().err
