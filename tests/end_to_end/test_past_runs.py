"""What a run leaves is listed, compared, explained and asked again, on the emulator, with a fake trainer."""

from typing import TypeAlias

from tests.emulator.emulated import Emulated
from tests.end_to_end.shell import RECIPE, Shell, write_recipe

Fake: TypeAlias = tuple[Shell, Emulated]
RATE = "finetune.parameters.learning_rate"


def test_two_runs_are_listed_compared_and_explained_and_the_newer_is_asked(fake: Fake) -> None:
    shell, _ = fake
    for rate in ("2e-5", "1e-5"):
        write_recipe(shell, RECIPE.replace("max_steps: 1", f"max_steps: 1, learning_rate: {rate}"))
        assert shell.runner("run", "recipe.yaml").code == 0

    listed = shell.runner("runs", "--where", f"{RATE} <= 1e-5", "--output", "json").json
    (newer,) = [each["run"] for each in listed["runs"]]
    assert listed["total"] == 2
    everything = shell.runner("runs", "--output", "json").json["runs"]
    older = everything[1]["run"]
    assert [each["values"]["status"] for each in everything] == ["succeeded", "succeeded"]

    differs = shell.runner("diff", older, f"runs/{newer}/manifest.json", "--output", "json").json[
        "differences"
    ]
    assert [(each["section"], each["key"], each["values"]) for each in differs] == [
        ("recipe", RATE, [2e-5, 1e-5])
    ]

    why = {each["step"]: each for each in shell.runner("why", newer, "--output", "json").json["steps"]}
    assert (why["endpoint"]["became"], why["endpoint"]["planned"]) == (
        "reused",
        "a run of this recipe made it",
    )
    assert why["compute"]["planned"].startswith("it is there: ")

    scored = shell.runner("score", newer, "--prompt", "Order 9?", "--output", "json")
    assert scored.code == 0, scored.out + scored.err
    assert "Order 9?" in scored.json["answers"][0]["answer"]
    assert shell.runner("score", older, "--prompt", "Order 9?").code == 2
    assert shell.runner("down", newer).code == 0
    gone = shell.runner("score", newer, "--prompt", "Order 9?")
    assert (gone.code, "of run" in gone.err) == (2, True)
