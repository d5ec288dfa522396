"""Whole runs with what is not in every recipe: serverless compute, tokens, an identity, descriptions."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import pytest

from tests.emulator.emulated import Emulated
from tests.end_to_end.shell import RECIPE, Shell, write_recipe

Fake: TypeAlias = tuple[Shell, Emulated]
CLUSTER = "compute: {name: gpu-tiny, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}\n"
SERVERLESS = "compute: {serverless: true, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}\n"
ENDPOINT = "endpoint: {name: tiny-endpoint}\n"
TRAINING = RECIPE.replace(CLUSTER, SERVERLESS).partition("register:")[0]
OWN = "providers/Microsoft.ManagedIdentity/userAssignedIdentities/serving"
IDENTITY = f"""\
endpoint:
  name: tiny-endpoint
  identity:
    type: user_assigned
    user_assigned_identities:
    - /subscriptions/${{env:AZURE_SUBSCRIPTION_ID}}/resourceGroups/rg/{OWN}
"""


def read(emulated: Emulated, path: str) -> Mapping[str, Any]:
    """Read something of the workspace, past the SDK."""
    env = emulated.info["env"]
    home = (
        f"/subscriptions/{env['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{env['AZURE_RESOURCE_GROUP']}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{env['AZURE_WORKSPACE_NAME']}"
    )
    with emulated.client(emulated.token()) as client:
        answer = client.get(f"{home}/{path}")
    assert answer.status_code == 200, answer.text
    content: Mapping[str, Any] = answer.json()
    return content


def test_serverless_compute_trains_and_no_cluster_is_ever_made(fake: Fake) -> None:
    shell, emulated = fake
    write_recipe(shell, RECIPE.replace(CLUSTER, SERVERLESS))

    done = shell.runner("run", "recipe.yaml")

    assert done.code == 0, done.out + done.err
    assert read(emulated, "computes")["value"] == []  # `cleanup: never`: one that was made would be there
    manifest = shell.manifest()
    assert manifest["steps"]["compute"]["action"] == "read"
    assert [resource["kind"] for resource in manifest["alive"]] == ["endpoint", "deployment"]
    job = read(emulated, f"jobs/{manifest['steps']['finetune']['outputs']['name']}")["properties"]
    assert job["settings"]["default_compute"].endswith("/computes/serverless")
    assert shell.runner("down", "latest").code == 0
    assert shell.manifest()["alive"] == []


def test_the_plan_of_serverless_compute_says_what_follows_from_it(fake: Fake) -> None:
    shell, _ = fake
    write_recipe(shell, RECIPE.replace(CLUSTER, SERVERLESS))

    planned = shell.runner("plan", "recipe.yaml", "--output", "json").json

    (compute,) = [change for change in planned["changes"] if change["step"] == "compute"]
    assert (compute["action"], compute["reason"]) == ("read", "serverless: nothing to create")
    values = {parameter["name"]: parameter["value"] for parameter in planned["parameters"]}
    assert values["compute_finetune"] == "serverless"
    assert values["instance_type_finetune"] == "Standard_NC24ads_A100_v4"


@pytest.mark.parametrize("auth_mode", ["aml_token", "aad_token"])
def test_an_endpoint_that_goes_by_tokens_is_sampled_and_no_token_is_kept(fake: Fake, auth_mode: str) -> None:
    shell, emulated = fake
    write_recipe(
        shell, RECIPE.replace(ENDPOINT, f"endpoint: {{name: tiny-endpoint, auth_mode: {auth_mode}}}\n")
    )

    done = shell.runner("run", "recipe.yaml")

    assert done.code == 0, done.out + done.err
    assert shell.manifest()["steps"]["sample"]["outputs"]["rows"] == 2
    mode = read(emulated, "onlineEndpoints/tiny-endpoint")["properties"]["authMode"]
    assert mode == {"aml_token": "AMLToken", "aad_token": "AADToken"}[auth_mode]
    assert "eyJ" not in done.out + done.err + "".join(written(shell))


def written(shell: Shell) -> Iterator[str]:
    files = list(shell.folder.glob("runs/*/*.json*"))
    assert len(files) >= 3
    return (path.read_text(encoding="utf-8") for path in files)


def test_an_endpoint_of_another_mode_is_refused_before_anything_is_made(fake: Fake) -> None:
    shell, _ = fake
    write_recipe(shell, RECIPE.replace(ENDPOINT, "endpoint: {name: tiny-endpoint, auth_mode: aml_token}\n"))
    shell.runner("run", "recipe.yaml")
    write_recipe(shell, RECIPE)

    done = shell.runner("run", "recipe.yaml")

    assert done.code == 4
    assert "endpoint-misfit endpoint.name: endpoint tiny-endpoint has auth_mode aml_token" in done.err


def test_an_endpoint_acts_as_the_identity_it_was_made_with(fake: Fake) -> None:
    shell, emulated = fake
    write_recipe(shell, RECIPE.replace(ENDPOINT, IDENTITY))

    first, second = shell.runner("run", "recipe.yaml"), shell.runner("run", "recipe.yaml")
    write_recipe(shell, RECIPE)
    third = shell.runner("run", "recipe.yaml")

    assert (first.code, second.code) == (0, 0), first.err + second.err
    subscription = emulated.info["env"]["AZURE_SUBSCRIPTION_ID"]
    identity = read(emulated, "onlineEndpoints/tiny-endpoint")["identity"]
    assert list(identity["userAssignedIdentities"]) == [
        f"/subscriptions/{subscription}/resourceGroups/rg/{OWN}"
    ]
    assert third.code == 4
    assert "has identity user_assigned, the recipe wants system_assigned" in third.err


def test_a_variable_of_an_identity_that_is_not_set_is_told_at_its_line(fake: Fake) -> None:
    shell, _ = fake
    write_recipe(shell, RECIPE.replace(ENDPOINT, IDENTITY.replace("AZURE_SUBSCRIPTION_ID", "NO_SUCH_THING")))

    assert shell.runner("validate", "recipe.yaml").code == 0
    assert shell.runner("plan", "--offline", "recipe.yaml").code == 0
    done = shell.runner("run", "recipe.yaml")

    assert done.code == 3
    assert "recipe.yaml:15:7 env-unset endpoint.identity.user_assigned_identities.0" in done.err
    assert not list(shell.folder.glob("runs/*"))


def test_description_and_tags_reach_all_that_is_made(fake: Fake) -> None:
    shell, emulated = fake
    write_recipe(shell, RECIPE + "description: orders of the bakery\ntags: {cost_center: llm-lab}\n")

    done = shell.runner("run", "recipe.yaml")

    assert done.code == 0, done.out + done.err
    assert shell.manifest()["recipe"]["parts"] == []  # one file is not kept twice
    steps = shell.manifest()["steps"]
    asset = steps["dataset"]["outputs"]["assets"]["train"]
    made = {
        "computes": f"computes/{steps['compute']['outputs']['name']}",
        "data": f"data/{asset['name']}/versions/{asset['version']}",
        "jobs": f"jobs/{steps['finetune']['outputs']['name']}",
        "models": "models/tiny-chat/versions/1",
        "endpoints": "onlineEndpoints/tiny-endpoint",
        "deployments": "onlineEndpoints/tiny-endpoint/deployments/demo",
    }
    found = {name: read(emulated, path) for name, path in made.items()}
    described = {name: each["properties"]["description"] for name, each in found.items()}
    assert described == dict.fromkeys(made, "orders of the bakery")
    tags = {name: each.get("tags") or each["properties"]["tags"] for name, each in found.items()}
    assert {name: each["cost_center"] for name, each in tags.items()} == dict.fromkeys(made, "llm-lab")
    assert json.dumps(tags).count('"runner.recipe": "tiny"') == len(made)


def uploads(emulated: Emulated) -> int:
    """Count the files that were ever uploaded to the workspace by those who made data assets."""
    answer = emulated.admin("GET", f"/_emu/ledger?workspace={emulated.info['env']['AZURE_WORKSPACE_NAME']}")
    return sum((event["op"], event["kind"]) == ("upload", "blob") for event in answer.json()["events"])


@pytest.mark.full
def test_rows_that_are_data_assets_are_trained_on_and_uploaded_only_where_others_come_of_them(
    fake: Fake,
) -> None:
    shell, emulated = fake
    shell.environment["HF_HOME"] = str(shell.folder / "cache")
    write_recipe(shell, TRAINING)
    assert shell.runner("run", "recipe.yaml").code == 0  # its rows are the data assets from here on
    given = shell.manifest()["steps"]["dataset"]["outputs"]["assets"]
    before = uploads(emulated)
    assert before >= 2
    shell.write(
        "assets.yaml",
        TRAINING.replace("path: rows", "azureml: tiny, rows: 4").replace(": tiny\n", ": of-assets\n", 1),
    )

    looked = shell.runner("data", "assets.yaml", "--output", "json")
    first = shell.runner("run", "assets.yaml")

    assert looked.code == 0, looked.out + looked.err
    assert first.code == 0, first.out + first.err
    assets = shell.manifest()["steps"]["dataset"]["outputs"]["assets"]
    test, train = assets["test"], assets["train"]
    assert (test["name"], test["version"], test["existing"]) == ("tiny-test", given["test"]["version"], True)
    assert (train["name"], train["rows"]) == ("of-assets-train", 4)
    assert "existing" not in train
    assert uploads(emulated) == before + 1

    second = shell.runner("run", "assets.yaml")

    assert second.code == 0, second.out + second.err
    assert shell.manifest()["steps"]["dataset"]["action"] == "reuse"
    assert shell.manifest()["steps"]["dataset"]["outputs"]["assets"] == assets
    assert uploads(emulated) == before + 1
