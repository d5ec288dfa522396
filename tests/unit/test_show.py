"""`runner show`: beside the steps also what a run was made of, what it is part of, and its losses."""

import json
from pathlib import Path

import pytest

from runner import metric_table
from runner.cli import main
from runner.journal import Json
from runner.metric_table import Point
from tests.unit.past_runs import FIRST, TOLD, keep, trained

ROWS = {"sha256": "ab" * 32, "rows": 8, "bytes": 100}


SEEN = {
    "assets": {"train": {"dropped": {"empty-content": 2}}, "test": {"dropped": {"unknown-role": 1}}},
    "statistics": {"training": {"steps": 138, "tokens": 62688, "steps_exact": True, "tokens_exact": False}},
}
IDENTICAL = {"level": "identical", "reason": "", "differs": []}


def show(runs: Path) -> int:
    return main(["show", FIRST, "--runs-dir", str(runs)])


def test_pins_parent_verdict_and_sweep_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(
        tmp_path,
        FIRST,
        pins=TOLD["pins"] | {"dataset": {"source": "o/d", "revision": "abc", "files": {"train": ROWS}}},
        parent={"run_id": "P-1", "digest": "", "settings": ["a=1", "b=2"]},
        verdict={
            "reproduced": False,
            "tolerance": 0.01,
            "exact": False,
            "inputs": IDENTICAL,
            "metrics": {
                "level": "different",
                "reason": "",
                "differs": [{"section": "metrics", "key": "eval_loss", "was": 1.0, "now": 2.0}],
            },
            "outputs": {"level": "unknown", "reason": "no digest is kept", "differs": []},
            "warnings": ["another Python"],
        },
        steps={**TOLD["steps"], "dataset": {**TOLD["steps"]["dataset"], "intent": SEEN}},
        sweep={"id": "S-1", "index": 2, "total": 4, "point": {"finetune.parameters.lora_r": 16}},
    )
    assert show(tmp_path) == 0
    told = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for line in (
        "model azureml://registries/azureml/models/Phi-3-tiny-4k-instruct/versions/1 (version 1)",
        "dataset o/d at abc",
        "train: 8 rows, sha256 abababababab",
        "left out 3 bad rows, listed in data/dropped.jsonl",
        "predicted 138 steps, about 62,688 tokens",
        "parent P-1, with a=1 b=2",
        "does NOT reproduce P-1",
        "inputs identical: recipe, parameters, pins and rows are the same",
        "eval_loss: was 1.0, is 2.0",
        "outputs unknown: no digest is kept",
        "warning: another Python",
        "sweep S-1, point 2 of 4: finetune.parameters.lora_r=16",
    ):
        assert line in told
    assert any(line.startswith(f"recipe in force of P-1, {TOLD['recipe']['path']} (sha256") for line in told)


@pytest.mark.parametrize(
    "intent",
    [
        {"assets": 5, "statistics": "none"},
        {"assets": {"train": 5, "test": {"dropped": {"a": "b"}}}, "statistics": {"training": []}},
        {"assets": {"train": {"dropped": None}}, "statistics": {"training": {"steps": "x", "tokens": 3}}},
    ],
)
def test_whatever_a_manifest_from_elsewhere_says_of_its_rows_the_run_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], intent: dict[str, Json]
) -> None:
    keep(tmp_path, FIRST, steps={**TOLD["steps"], "dataset": {**TOLD["steps"]["dataset"], "intent": intent}})
    assert show(tmp_path) == 0
    assert not {"left out", "predicted"} & {line.strip()[:9] for line in capsys.readouterr().out.splitlines()}


PARTS = [
    {"kind": "recipe", "path": "small.yaml", "text": "", "sha256": "0" * 64},
    {"kind": "profile", "path": "../base.yaml", "text": "", "sha256": "0" * 64},
    {"kind": "profile", "path": "profiles/baseline.yaml", "text": "", "sha256": "0" * 64},
    {"kind": "--set", "path": "--set", "text": "cleanup=never", "sha256": "0" * 64},
]
AWAY = [
    {"kind": "--set", "path": "--set", "text": text, "sha256": "0" * 64} for text in ("sweep=null", "a.b=1")
]
POINT = {"id": "S-1", "index": 2, "total": 4, "point": {"a.b": 1}}


@pytest.mark.parametrize(
    ("parts", "sweep", "told"),
    [
        (PARTS, None, "profile baseline, --set cleanup=never"),
        ([*PARTS, *AWAY], POINT, "profile baseline, --set cleanup=never, point 2 of sweep S-1"),
    ],
)
def test_what_was_laid_over_the_recipe_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    parts: list[Json],
    sweep: Json,
    told: str,
) -> None:
    keep(tmp_path, FIRST, recipe=TOLD["recipe"] | {"parts": parts}, sweep=sweep)
    assert show(tmp_path) == 0
    assert f"recipe {TOLD['recipe']['path']} with {told} (sha256" in capsys.readouterr().out
    assert main(["runs", "--columns", "settings", "--runs-dir", str(tmp_path)]) == 0
    assert told in capsys.readouterr().out
    page = tmp_path / "page.html"
    assert main(["report", FIRST, "-o", str(page), "--runs-dir", str(tmp_path)]) == 0
    assert f"{TOLD['recipe']['path']} with {told}" in page.read_text(encoding="utf-8")


def test_losses_are_told_first_last_and_least(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = keep(tmp_path, FIRST).parent
    told = {"loss": (4.0, 1.0, 2.0), "eval_loss": (3.0,), "learning_rate": (1e-5,)}
    points = [
        Point(job="finetune", metric=name, step=step, value=value, time="2026-11-21T08:23:00.123Z")
        for name, values in told.items()
        for step, value in reversed(list(enumerate(values)))
    ]
    metric_table.write(points, folder / metric_table.FILE_NAME)
    (folder / "samples.jsonl").write_text("", encoding="utf-8")
    assert show(tmp_path) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    assert ["loss", "4.0000", "2.0000", "1.0000", "3"] in lines
    assert ["eval_loss", "3.0000", "3.0000", "3.0000", "1"] in lines
    assert f"prompts and answers are in {folder / 'samples.jsonl'}" in out
    assert out.index("samples.jsonl\n") < out.index("left alive")


def test_a_table_of_losses_that_is_none_hides_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = keep(tmp_path, FIRST).parent
    (folder / metric_table.FILE_NAME).write_text("what,ever\n1,2\n", encoding="utf-8")
    assert show(tmp_path) == 0
    assert "of metrics.csv" not in capsys.readouterr().out


def test_a_manifest_that_lies_alone_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = keep(tmp_path, FIRST).rename(tmp_path / "told.json")
    assert main(["show", str(alone)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{FIRST}: ")
    assert "in a manifest alone" in out
    assert main(["show", str(alone), "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] is None


@pytest.mark.parametrize("verb", [("report",), ("export", "-o", "crate"), ("resume",)])
def test_what_needs_the_folder_says_so_of_a_manifest_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: tuple[str, ...]
) -> None:
    alone = keep(tmp_path, FIRST).rename(tmp_path / "told.json")
    assert main([verb[0], str(alone), *verb[1:], "--runs-dir", str(tmp_path)]) == 2
    assert f"{alone} is a file: this needs a run's folder" in capsys.readouterr().err


def test_losses_are_told_in_one_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(tmp_path, FIRST, steps=trained(loss=1.0, test_loss=2.0, eval_loss=3.0, test_loss_base=4.0))
    assert show(tmp_path) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    told = [line[0] for line in lines if len(line) == 2 and "loss" in line[0]]
    assert told == ["eval_loss", "test_loss_base", "test_loss", "loss"]


def test_what_was_left_out_of_the_table_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training = TOLD["steps"]["finetune"]
    table = {"file": "metrics.csv", "points": 0, "sha256": "", "left_out": "=1+1\x1b[2J"}
    outputs = training["outputs"] | {"table": table}
    keep(tmp_path, FIRST, steps={**TOLD["steps"], "finetune": training | {"outputs": outputs}})
    assert show(tmp_path) == 0
    assert "a spreadsheet takes it for a formula: =1+1\\x1b[2J" in capsys.readouterr().out
