"""Runs that really train, serve and score: the quickstart, and the notebook's own recipe on local rows."""

import re
import subprocess
from typing import Any

import yaml

from runner import metric_table
from runner.steps.curves import newest
from tests.end_to_end.shell import ROOT, Shell, jsonl

NOTEBOOK_RECIPE = ROOT / "configs" / "phi3_mini_ultrachat.yaml"


def processes_of(shell: Shell) -> list[str]:
    command = ["ps", "-eo", "args"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(shell.state) in line]


def test_the_quickstart_learns_answers_and_leaves_nothing_alive(shell: Shell) -> None:
    done = shell.fresh("run", str(ROOT / "configs" / "quickstart.yaml"), "--output", "json")

    assert done.code == 0, done.out + done.err
    metrics = done.json["run"]["steps"]["finetune"]["metrics"]
    assert metrics["test_loss"] <= metrics["test_loss_base"] / 3
    _holds_the_curves(shell, done.json["run"]["steps"]["finetune"])
    # Nine of ten are right (tests/trainer holds that on fresh prompts); of three, one may be the tenth.
    assert sum(sample["answer"] == sample["ground_truth"] for sample in done.json["samples"]) >= 2
    assert done.json["run"]["alive"] == []
    assert processes_of(shell) == []
    assert not (shell.state / "emulator.json").exists()


def _holds_the_curves(shell: Shell, finetune: dict[str, Any]) -> None:
    """Compare the table with the manifest: every curve is there, and ends where the manifest says."""
    [file] = shell.folder.glob("runs/*/metrics.csv")
    points = metric_table.read(file)
    told = {"file": "metrics.csv", "points": len(points), "sha256": metric_table.digest(points)}
    assert finetune["outputs"]["table"] == told
    assert {point.job for point in points} == {"chat_completion_finetune"}
    steps = {
        metric: [each.step for each in points if each.metric == metric] for metric in finetune["metrics"]
    }
    assert steps["loss"] == steps["learning_rate"] == list(range(10, 121, 10))
    assert steps["eval_loss"] == [40, 80, 120]
    assert newest(points) == finetune["metrics"]


def test_the_notebooks_recipe_runs_whole_on_the_emulator_with_a_local_file(shell: Shell) -> None:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Tell me about number {n}."},
                {"role": "assistant", "content": f"It comes after {n - 1}."},
            ]
        }
        for n in range(1, 31)
    ]
    shell.write("rows/train_sft.jsonl", jsonl(rows[:20]))
    shell.write("rows/test_sft.jsonl", jsonl(rows[20:]))
    recipe = yaml.safe_load(NOTEBOOK_RECIPE.read_text(encoding="utf-8"))
    recipe["dataset"] = {"path": "rows", "train": "train_sft", "test": "test_sft"}
    recipe["finetune"]["parameters"]["learning_rate"] = 5e-6
    shell.write("recipe.yaml", yaml.safe_dump(recipe))

    done = shell.runner("run", "recipe.yaml", "--target", "emulator")

    assert done.code == 0, done.out + done.err
    steps = shell.manifest()["steps"]
    assert {step["status"] for step in steps.values()} == {"succeeded"}
    # The batch of one step over all GPUs, scheduler, DeepSpeed stage and LoRA, as the notebook names its job.
    assert re.fullmatch(
        r"Phi-3-mini-4k-instruct-rows-bs1-cosine-ds2-lora-.*", steps["finetune"]["intent"]["display_name"]
    )
    assert steps["finetune"]["outputs"]["stand_in"] == "Phi-3-tiny-4k-instruct"
    assert "the emulator trained Phi-3-tiny-4k-instruct in place of the recipe's model" in done.out
    assert "model-retired" in done.out
    assert [resource["kind"] for resource in shell.manifest()["alive"]] == [
        "compute",
        "endpoint",
        "deployment",
    ]
    assert shell.runner("down", "latest").code == 0
    assert shell.runner("emulator", "stop").code == 0
    assert processes_of(shell) == []
