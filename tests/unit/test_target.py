"""Which cloud and workspace are meant, and that neither is ever taken for the other."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner import target
from runner.azure.signin import sign_in
from runner.errors import RecipeInvalid, UsageError
from runner.facts import Target, TargetKind
from runner.load import Loaded, load_bytes

GUID = "00000000-0000-4000-8000-000000000001"
EMULATOR: Mapping[str, str] = {
    "ARM_CLOUD_METADATA_URL": "https://127.0.0.1:4433/metadata/endpoints?api-version=2022-09-01",
    "AZURE_SUBSCRIPTION_ID": "own-subscription",
    "AZURE_RESOURCE_GROUP": "own-group",
    "AZURE_WORKSPACE_NAME": "own-workspace",
}


def loaded(folder: Path, workspace: str = "") -> Loaded:
    text = f"version: 1\nname: small\nmodel: {{name: Phi-4}}\n{workspace}\n"
    return load_bytes(text.encode(), folder / "recipe.yaml")


def ids(chosen: Target) -> tuple[str, str, str]:
    return chosen.subscription_id, chosen.resource_group, chosen.workspace_name


@pytest.mark.parametrize(
    ("workspace", "asked", "kind"),
    [
        ("", None, TargetKind.EMULATOR),
        ("workspace: {config_file: c.json}", None, TargetKind.AZURE),
        ("workspace: {config_file: c.json}", "emulator", TargetKind.EMULATOR),
        ("", "azure", TargetKind.AZURE),
    ],
)
def test_what_was_asked_for_wins_over_what_the_recipe_has(
    tmp_path: Path, workspace: str, asked: str | None, kind: TargetKind
) -> None:
    assert target.choose(loaded(tmp_path, workspace).recipe, asked) is kind


def test_azure_without_a_workspace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeInvalid) as caught:
        target.on_azure(loaded(tmp_path), {})
    assert [(found.code, found.line) for found in caught.value.diagnostics] == [("workspace-missing", 1)]


def test_azure_takes_the_workspace_from_the_recipe_and_its_variables(tmp_path: Path) -> None:
    recipe = loaded(
        tmp_path,
        'workspace: {subscription_id: "${env:SUB}", resource_group: rg, workspace_name: ws}',
    )
    chosen = target.on_azure(recipe, {"SUB": GUID})
    assert ids(chosen) == (GUID, "rg", "ws")
    assert chosen.resource_manager == "https://management.azure.com"


def test_a_variable_that_is_not_set_is_told_at_its_line(tmp_path: Path) -> None:
    recipe = loaded(
        tmp_path,
        'workspace:\n  subscription_id: "${env:SUB}"\n  resource_group: rg\n  workspace_name: ws',
    )
    with pytest.raises(RecipeInvalid) as caught:
        target.on_azure(recipe, {})
    assert [(found.code, found.line) for found in caught.value.diagnostics] == [("env-unset", 5)]


def test_azure_takes_the_workspace_from_the_portals_file(tmp_path: Path) -> None:
    content = {"subscription_id": GUID, "resource_group": "rg", "workspace_name": "ws"}
    (tmp_path / "config.json").write_text(json.dumps(content), encoding="utf-8")
    assert ids(target.on_azure(loaded(tmp_path, "workspace: {config_file: config.json}"), {})) == (
        GUID,
        "rg",
        "ws",
    )


@pytest.mark.parametrize("content", [None, "", "[]", '{"subscription_id": "x"}'])
def test_a_file_that_holds_no_workspace_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"config\.json does not hold a workspace"):
        target.on_azure(loaded(tmp_path, "workspace: {config_file: config.json}"), {})


def test_the_emulator_stands_in_for_what_the_recipe_does_not_say(tmp_path: Path) -> None:
    chosen = target.on_emulator(loaded(tmp_path), EMULATOR)
    assert ids(chosen) == ("own-subscription", "own-group", "own-workspace")
    assert chosen.resource_manager == "https://127.0.0.1:4433"


def test_any_workspace_exists_on_the_emulator(tmp_path: Path) -> None:
    recipe = loaded(
        tmp_path,
        'workspace: {subscription_id: "${env:UNSET}", resource_group: rg, workspace_name: ws}',
    )
    assert ids(target.on_emulator(recipe, EMULATOR)) == ("own-subscription", "rg", "ws")


def test_a_variable_that_is_set_counts_on_the_emulator_too(tmp_path: Path) -> None:
    recipe = loaded(
        tmp_path,
        'workspace: {subscription_id: "${env:UNSET}", resource_group: "${env:GROUP}", workspace_name: ws}',
    )
    chosen = target.on_emulator(recipe, {**EMULATOR, "GROUP": "rg-team"})
    assert ids(chosen) == ("own-subscription", "rg-team", "ws")


def test_a_runs_emulator_may_have_come_back_at_another_address() -> None:
    said = {"subscription_id": "sub", "resource_group": "rg", "workspace_name": "ws"}
    on_emulator = target.of_a_run(said | {"kind": "emulator"}, EMULATOR)
    on_azure = target.of_a_run(said | {"kind": "azure"}, EMULATOR)
    assert ids(on_emulator) == ids(on_azure) == ("sub", "rg", "ws")
    assert on_emulator.resource_manager == "https://127.0.0.1:4433"
    assert on_azure.resource_manager == "https://management.azure.com"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_nobody_signs_in_to_azure_through_this_machine(host: str) -> None:
    environment = {"ARM_CLOUD_METADATA_URL": f"https://{host}:4433/metadata/endpoints"}
    azure = Target(kind=TargetKind.AZURE, subscription_id="s", resource_group="r", workspace_name="w")
    with pytest.raises(UsageError, match="the target is azure, but ARM_CLOUD_METADATA_URL points at this"):
        sign_in(azure, environment, at_a_terminal=False)


@pytest.mark.parametrize("address", ["", "https://management.azure.com/metadata/endpoints"])
def test_no_token_for_the_emulator_is_asked_of_anyone_else(address: str) -> None:
    emulator = Target(kind=TargetKind.EMULATOR, subscription_id="s", resource_group="r", workspace_name="w")
    with pytest.raises(UsageError, match="its environment is not set"):
        sign_in(emulator, {"ARM_CLOUD_METADATA_URL": address}, at_a_terminal=False)
