"""A recipe that is locked: the run that goes by it, and the row that was changed meanwhile."""

from typing import Any

from runner import pins
from tests.emulator.emulated import Emulated
from tests.end_to_end.shell import RECIPE, ROWS, Shell, write_recipe

NO_ENDPOINT = RECIPE.partition("endpoint:")[0]


def made(emulated: Emulated) -> list[Any]:
    """Give all that the emulator's ledger has of changes."""
    ledger: list[Any] = emulated.admin("GET", "/_emu/ledger").json()["events"]
    assert ledger
    return ledger


def test_a_locked_run_is_of_what_was_locked_and_a_changed_row_stops_the_next_one(
    fake: tuple[Shell, Emulated],
) -> None:
    shell, emulated = fake
    write_recipe(shell, NO_ENDPOINT)
    locked = shell.runner("lock", "recipe.yaml")
    assert locked.code == 0, locked.err
    lock = pins.read(shell.folder / "recipe.lock.yaml", shell.folder / "recipe.yaml")

    detached = shell.runner("run", "recipe.yaml", "--locked", "--detach")
    done = shell.runner("attach", "latest")

    assert (detached.code, done.code) == (0, 0), detached.err + done.err
    said = shell.manifest()
    assert said["status"] == "succeeded"
    assert pins.from_json(said["pins"]) == lock.pins
    assert "version: latest" in said["recipe"]["in_force"]
    train = said["steps"]["dataset"]["intent"]["assets"]["train"]
    assert (train["rows"], train["source_rows"], train["turns"]) == (8, 8, 16)
    assert said["versions"]["libraries"]["torch"]
    assert shell.runner("lock", "recipe.yaml", "--check").code == 0

    write_recipe(shell, NO_ENDPOINT, train=[*ROWS[1:8], ROWS[0]])
    before = made(emulated)
    refused = shell.runner("run", "recipe.yaml", "--locked")

    assert refused.code == 5
    assert "recipe.yaml:5:30 drifted dataset.train: the rows have changed: 8 rows" in refused.err
    assert shell.runner("lock", "recipe.yaml", "--check").code == 5
    assert made(emulated) == before
    assert len(list((shell.folder / "runs").iterdir())) == 1
