"""Runs that really train, serve and score: the quickstart, and the notebook's own recipe on local rows."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from runner import metric_table, statistics
from runner.steps.curves import newest
from tests.end_to_end.shell import ROOT, Done, Shell, jsonl, shell_in

NOTEBOOK_RECIPE = ROOT / "configs" / "phi3_mini_ultrachat.yaml"


def processes_of(shell: Shell) -> list[str]:
    command = ["ps", "-eo", "args"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(shell.state) in line]


@dataclass(frozen=True)
class Trained:
    """The quickstart's run, its recipe gone since, and what the command said."""

    shell: Shell
    done: Done


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("quickstart")
    shell = shell_in(folder, folder / "state")
    shutil.copytree(ROOT / "runner" / "emulator" / "data" / "chat", folder / "rows")
    text = (ROOT / "configs" / "quickstart.yaml").read_text(encoding="utf-8")
    recipe = shell.write("configs/quickstart.yaml", text.replace("../runner/emulator/data/chat", "../rows"))
    done = shell.fresh("run", "configs/quickstart.yaml", "--output", "json")
    recipe.unlink()
    return Trained(shell, done)


def test_the_quickstart_learns_answers_and_leaves_nothing_alive(quickstart: Trained) -> None:
    shell, done = quickstart.shell, quickstart.done

    assert done.code == 0, done.out + done.err
    metrics = done.json["run"]["steps"]["finetune"]["metrics"]
    assert metrics["test_loss"] <= metrics["test_loss_base"] / 3
    _holds_the_curves(shell, done.json["run"]["steps"]["finetune"])
    # Nine of ten are right (tests/trainer holds that on fresh prompts); of three, one may be the tenth.
    assert sum(sample["answer"] == sample["ground_truth"] for sample in done.json["samples"]) >= 2
    assert done.json["run"]["alive"] == []
    assert processes_of(shell) == []
    assert not (shell.state / "emulator.json").exists()


def test_the_quickstart_is_reproduced_bit_by_bit_from_its_manifest_alone(quickstart: Trained) -> None:
    shell = quickstart.shell
    first = min(shell.folder.glob("runs/*"))
    clone = shell.folder / "clone" / first.name  # of a run only its manifest is in git
    clone.mkdir(parents=True)
    shutil.copyfile(first / "manifest.json", clone / "manifest.json")

    done = shell.runner("reproduce", str(clone / "manifest.json"), "--output", "json")

    assert done.code == 0, done.out + done.err
    said, recorded = done.json["run"], json.loads((first / "manifest.json").read_text(encoding="utf-8"))
    was, now = (each["steps"]["finetune"] for each in (recorded, said))
    weights = [name for name in now["outputs"]["files"] if name.endswith(".safetensors")]
    assert weights
    assert was["outputs"]["files"] == now["outputs"]["files"]
    assert {len(file["sha256"]) for file in now["outputs"]["files"].values()} == {64}
    assert was["outputs"]["table"] == now["outputs"]["table"]
    verdict = said["verdict"]
    assert (verdict["reproduced"], verdict["inputs"]["level"]) == (True, "identical")
    assert (verdict["metrics"]["level"], verdict["outputs"]["differs"]) == ("identical", [])
    assert verdict["outputs"]["level"] == "identical"
    learnt = [name for name in was["metrics"] if "loss" in name]
    assert learnt
    assert [was["metrics"][name] for name in learnt] == [now["metrics"][name] for name in learnt]
    told = {"run_id": first.name, "digest": recorded["digest"], "settings": []}
    assert said["parent"] == {**told, "tolerance": 0.01, "exact": False}
    assert said["recipe"]["text"] == recorded["recipe"]["in_force"]
    assert str(shell.folder) not in json.dumps(said)


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
    assert steps["loss"] == steps["learning_rate"] == list(range(10, 131, 10))
    assert steps["eval_loss"] == [46, 92, 138]
    assert newest(points) == finetune["metrics"]


def test_the_steps_and_tokens_of_the_quickstart_are_those_that_were_predicted(quickstart: Trained) -> None:
    said = quickstart.done.json["run"]
    told = statistics.from_json(said["steps"]["dataset"]["intent"]["statistics"])
    points = metric_table.read(quickstart.shell.folder / "runs" / said["run_id"] / "metrics.csv")

    assert told
    assert told.basis is statistics.Basis.COUNTED
    assert told.training
    assert told.training.steps == max(point.step for point in points)
    assert told.training.tokens == newest(points)["num_input_tokens_seen"]
    assert (told.training.steps_exact, told.training.tokens_exact) == (True, True)


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
