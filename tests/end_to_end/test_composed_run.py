"""A run of a recipe that is made of several parts: the manifest has them all, and what they came to."""

import hashlib
from pathlib import Path
from typing import TypeAlias

from runner.journal import read
from runner.load import load
from runner.recipe import Recipe
from tests.emulator.emulated import Emulated
from tests.end_to_end.shell import RECIPE, Shell, write_recipe

Fake: TypeAlias = tuple[Shell, Emulated]


def test_a_manifest_holds_every_part_and_one_recipe_that_says_it_all(fake: Fake) -> None:
    shell, _ = fake
    write_recipe(shell, "extends: [base.yaml]\ntags: {team: '${env:TEAM}'}\n")
    (shell.folder / "base.yaml").write_text(RECIPE, encoding="utf-8")
    (shell.folder / "profiles").mkdir()
    (shell.folder / "profiles" / "dev.yaml").write_text("description: of the profile\n", encoding="utf-8")
    shell.environment["TEAM"] = "canary-team"

    done = shell.runner("run", "recipe.yaml", "--profile", "dev", "--set", "finetune.parameters.lora_r=4")

    assert done.code == 0, done.out + done.err
    said = shell.manifest()["recipe"]
    assert [(part["kind"], part["path"]) for part in said["parts"]] == [
        ("extends", "base.yaml"),
        ("recipe", "recipe.yaml"),
        ("profile", "profiles/dev.yaml"),
        ("--set", "--set"),
    ]
    assert said["parts"][0]["text"] == RECIPE
    assert "lora_r: 4  # --set:1" in said["in_force"]
    assert 'description: "of the profile"  # profiles/dev.yaml:1' in said["in_force"]
    assert "canary-team" not in said["in_force"]
    [journal] = shell.folder.glob("runs/*/journal.jsonl")
    record = read(journal)[0]
    digest = hashlib.sha256(f"{record.data['run_id']}\0canary-team".encode()).hexdigest()[:16]
    assert record.data["variables"] == {"TEAM": digest}
    assert "canary-team" not in journal.read_text(encoding="utf-8")
    assert digest not in (journal.parent / "manifest.json").read_text(encoding="utf-8")
    again = _loaded(shell.folder / "again.yaml", said["in_force"])
    assert again.tags == {"team": "${env:TEAM}"}
    assert again.finetune is not None
    assert again.finetune.parameters["lora_r"] == 4


def _loaded(path: Path, text: str) -> Recipe:
    path.write_text(text, encoding="utf-8")
    return load(path).recipe
