"""What is refused, when, with which exit code, and that nothing has been touched by then."""

import re

import pytest

from tests.emulator.emulated import Emulated
from tests.end_to_end.shell import RECIPE, Shell, write_recipe

FIVE_MISTAKES = """\
version: 1
name: Tiny Recipe
model: {name: Phi-3-tiny-4k-instruct, version: latest}
compute: {name: gpu-1, size: Standard_NC24ads_A100_v4, gpus_per_node: 1}
dataset: {path: rows, train: train, test: test, percent: 0}
finetune:
  task: chat_completion
  parameters: {lr_scheduler_type: cosin, num_train_epoch: 3}
"""


def nothing_was_touched(shell: Shell) -> bool:
    return not (shell.folder / "runs").exists() and not shell.state.exists()


def test_five_mistakes_of_five_kinds_are_five_placed_errors(shell: Shell) -> None:
    write_recipe(shell, FIVE_MISTAKES)

    done = shell.runner("run", "recipe.yaml")

    assert done.code == 3
    places = re.findall(r"^recipe\.yaml:(\d+:\d+) ([a-z-]+)", done.err, re.MULTILINE)
    assert places == [
        ("2:7", "wrong-form"),
        ("4:17", "wrong-form"),
        ("5:58", "out-of-range"),
        ("8:35", "not-allowed-value"),
        ("8:42", "unknown-parameter"),
    ]
    assert nothing_was_touched(shell)


def test_a_size_outside_the_allow_list_is_refused_before_anything_is_made(shell: Shell) -> None:
    write_recipe(
        shell,
        RECIPE.replace(
            "size: Standard_NC24ads_A100_v4, gpus_per_node: 1", "size: Standard_ND40rs_v2, gpus_per_node: 8"
        ),
    )

    done = shell.runner("run", "recipe.yaml")

    assert done.code == 4
    assert "recipe.yaml:4:33 size-not-allowed compute.size:" in done.err
    assert "Standard_NC24ads_A100_v4" in done.err
    assert not (shell.folder / "runs").exists()


def test_the_same_size_in_another_case_is_allowed(shell: Shell) -> None:
    write_recipe(shell, RECIPE.replace("Standard_NC24ads_A100_v4", "STANDARD_NC24ADS_a100_V4"))

    assert shell.runner("plan", "recipe.yaml", "--offline").code == 0


def test_gpus_per_node_is_held_against_the_size(shell: Shell) -> None:
    write_recipe(shell, RECIPE.replace("gpus_per_node: 1", "gpus_per_node: 4"))

    done = shell.runner("plan", "recipe.yaml")

    assert done.code == 4
    assert "gpus-per-node compute.gpus_per_node: Standard_NC24ads_A100_v4 has 1 GPUs, not 4" in done.err


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_a_quota_that_is_used_up_refuses_before_anything_is_made(
    fake: tuple[Shell, Emulated], verb: str
) -> None:
    shell, emulator = fake
    write_recipe(shell)
    body = {"name": "standardNCADSA100v4Family", "limit": 23}
    assert emulator.admin("POST", "/_emu/quota", **body).status_code == 200

    done = shell.runner(verb, "recipe.yaml")

    assert done.code == 4
    assert (
        "recipe.yaml:4:33 quota compute.size: Standard_NC24ads_A100_v4 needs 24 cores (1 node of 24 cores);"
        " Standard NCADSA100v4 Family Cluster Dedicated vCPUs has 23 free (0 of 23 in use); ask for more"
    ) in done.err
    assert "recipe.yaml:11:41 quota deployment.instance_type:" in done.err
    assert not (shell.folder / "runs").exists()
    assert emulator.admin("GET", "/_emu/status").json()["deployments"] == []


def test_without_a_credential_there_is_one_clear_line(shell: Shell) -> None:
    workspace = (
        "workspace: {subscription_id: 11111111-1111-4111-8111-111111111111,"
        " resource_group: rg, workspace_name: ws}\n"
    )
    write_recipe(shell, RECIPE.replace("name: Phi-3-tiny-4k-instruct", "name: Phi-4") + workspace)

    done = shell.fresh("run", "recipe.yaml")

    assert done.code == 8
    assert done.err.splitlines()[0].startswith("error: no Azure credential works here")
    assert len(done.err.splitlines()) == 2
    assert not (shell.folder / "runs").exists()


def test_a_retired_model_is_refused_on_azure_and_a_warning_on_the_emulator(shell: Shell) -> None:
    recipe = RECIPE.replace("Phi-3-tiny-4k-instruct", "Phi-3-mini-4k-instruct")
    write_recipe(shell, recipe)

    on_azure = shell.runner("plan", "recipe.yaml", "--offline", "--target", "azure")
    on_emulator = shell.runner("plan", "recipe.yaml", "--offline", "--target", "emulator")

    assert (on_azure.code, on_emulator.code) == (4, 0)
    assert "warning: recipe.yaml:3:15 model-retired" in on_emulator.out


def test_the_emulators_environment_is_not_taken_for_azure(shell: Shell) -> None:
    write_recipe(shell)

    done = shell.runner(
        "plan",
        "recipe.yaml",
        "--target",
        "azure",
        ARM_CLOUD_METADATA_URL="https://localhost:1/metadata/endpoints",
    )

    assert done.code in {2, 3}
    assert "Traceback" not in done.err


def test_an_unset_variable_counts_only_where_it_is_needed(shell: Shell) -> None:
    write_recipe(
        shell,
        RECIPE + "workspace: {subscription_id: '${env:NOT_SET}', resource_group: rg, workspace_name: ws}\n",
    )

    assert shell.runner("validate", "recipe.yaml").code == 0
    assert shell.runner("plan", "recipe.yaml", "--target", "emulator").code == 0
    on_azure = shell.runner("plan", "recipe.yaml")
    assert on_azure.code == 3
    assert "env-unset workspace.subscription_id" in on_azure.err


def test_a_bad_row_is_placed_and_nothing_is_made(shell: Shell) -> None:
    write_recipe(shell, train=[{"messages": [{"role": "user", "content": "nobody answers"}]}])

    done = shell.runner("run", "recipe.yaml")

    assert done.code == 3
    assert re.search(r"rows/train\.jsonl:1:1 [a-z-]+", done.err)
    assert "nobody answers" not in done.err + done.out
    assert not (shell.folder / "runs").exists()


def test_an_unknown_model_is_told_at_its_line(shell: Shell) -> None:
    write_recipe(shell, RECIPE.replace("Phi-3-tiny-4k-instruct", "Phi-5-huge"))

    done = shell.runner("plan", "recipe.yaml")

    assert done.code == 4
    assert (
        "recipe.yaml:3:15 model-not-found model.name: registry azureml has no Phi-5-huge latest" in done.err
    )
