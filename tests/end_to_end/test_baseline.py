"""A whole run with the base model beside the fine-tuned one, and a second run that finds it again."""

import json

from tests.emulator.emulated import Emulated
from tests.end_to_end.shell import RECIPE, Shell, write_recipe
from tests.end_to_end.test_additions import read

BASELINE = "baseline: {instance_type: Standard_NC24ads_A100_v4}\n"
BASE_MODEL = "azureml://registries/azureml/models/Phi-3-tiny-4k-instruct/versions/1"


def test_both_models_are_asked_and_both_go_with_the_endpoint(fake: tuple[Shell, Emulated]) -> None:
    shell, emulated = fake
    write_recipe(shell, RECIPE + BASELINE)

    first = shell.runner("run", "recipe.yaml")

    assert first.code == 0, first.out + first.err
    assert "2 rows, 0 equal to the ground truth (base model: 0)" in first.out
    assert first.out.count("  base model   ") == 2
    (samples,) = shell.folder.glob("runs/*/samples.jsonl")
    rows = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    assert [row["base_answer"] == row["answer"] for row in rows] == [True, True]  # the stand-in repeats all
    manifest = shell.manifest()
    assert manifest["steps"]["baseline"]["outputs"]["model"] == BASE_MODEL
    assert manifest["steps"]["traffic"]["outputs"]["traffic"] == {"demo": 100}
    endpoint = "onlineEndpoints/tiny-endpoint"
    served = {
        each["name"]: each["properties"]["model"]
        for each in read(emulated, f"{endpoint}/deployments")["value"]
    }
    assert served == {"base": BASE_MODEL, "demo": manifest["steps"]["register"]["outputs"]["id"]}
    assert read(emulated, endpoint)["properties"]["traffic"] == {"demo": 100}

    second = shell.runner("run", "recipe.yaml")

    assert second.code == 0, second.out + second.err
    manifest = shell.manifest()
    assert {name: manifest["steps"][name]["action"] for name in ("baseline", "deployment")} == {
        "baseline": "reuse",
        "deployment": "update",
    }
    assert [each["name"] for each in manifest["alive"]] == ["tiny-endpoint", "base", "demo"]
    assert shell.runner("down", "latest").code == 0
    assert read(emulated, "onlineEndpoints")["value"] == []
    steps = shell.manifest()["steps"]
    assert {steps[name]["status"] for name in ("endpoint", "baseline", "deployment")} == {"deleted"}
