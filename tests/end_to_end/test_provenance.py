"""A run that was carried out is what its manifest says, and another program can read it."""

import json
from typing import TypeAlias

from runner.crate import Wanted, export
from runner.verifying import Standing, differing, verified
from tests.emulator.emulated import Emulated
from tests.end_to_end.shell import Shell, write_recipe

Fake: TypeAlias = tuple[Shell, Emulated]


def test_a_run_is_as_it_was_recorded_and_can_be_exported_also_after_it_was_taken_down(fake: Fake) -> None:
    shell, _ = fake
    write_recipe(shell)
    assert shell.runner("run", "recipe.yaml").code == 0
    (folder,) = (shell.folder / "runs").iterdir()

    found = verified(folder, folder.parent)

    assert differing(found) == ()
    assert {each.file for each in found if each.standing is Standing.FITS} >= {
        "manifest.json",
        "journal.jsonl",
        "data/train.jsonl",
        "data/test.jsonl",
        "samples.jsonl",
        "../../recipe.yaml",
    }
    assert shell.runner("down", "latest").code == 0
    assert differing(verified(folder, folder.parent)) == ()
    export(folder, shell.folder / "crate", Wanted())
    crate = json.loads((shell.folder / "crate" / "ro-crate-metadata.json").read_bytes())
    entities = {each["@id"]: each for each in crate["@graph"]}
    assert "EMULATOR" in entities["./"]["description"]
    assert entities["#registered-model"]["version"] == "1"
    assert "what it made is gone again" in entities[f"#{folder.name}/endpoint"]["description"]
