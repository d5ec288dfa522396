"""Which cloud a recipe is meant for, and which workspace there."""

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from runner.errors import RecipeInvalid, UsageError
from runner.facts import Target, TargetKind
from runner.load import Loaded, UnsetVariable, interpolate, resolve_workspace
from runner.recipe import Recipe, Workspace

_IDS = ("subscription_id", "resource_group", "workspace_name")


def choose(recipe: Recipe, asked: str | None) -> TargetKind:
    """Give the target that was asked for; else azure for a recipe with a workspace, else the emulator."""
    if asked:
        return TargetKind(asked)
    return TargetKind.AZURE if recipe.workspace else TargetKind.EMULATOR


def on_azure(loaded: Loaded, environment: Mapping[str, str]) -> Target:
    """Give the recipe's workspace. Raises RecipeInvalid where its section is missing or has gaps."""
    if loaded.recipe.workspace is None:
        diagnostic = loaded.source.diagnostic(
            ("workspace",),
            code="workspace-missing",
            message="the target is azure, but the recipe has no workspace section",
            expected="workspace: with subscription_id, resource_group and workspace_name, or config_file",
            mend="add it, or run with --target emulator",
        )
        raise RecipeInvalid("the recipe names no workspace", (diagnostic,))
    workspace = resolve_workspace(loaded, environment)
    ids = _from_config(loaded, workspace) if workspace.config_file else _ids(workspace)
    return Target(kind=TargetKind.AZURE, **ids)


def on_emulator(loaded: Loaded, environment: Mapping[str, str]) -> Target:
    """Give the recipe's workspace on the emulator, where any exists; `environment` is the emulator's.

    What the recipe leaves to variables that are not set, the emulator's own ids stand in for.
    """
    own = emulators_own(environment)
    workspace = loaded.recipe.workspace
    given = _filled_in(workspace, environment) if workspace else {}
    ids = {name: given.get(name) or getattr(own, name) for name in _IDS}
    return Target(kind=own.kind, resource_manager=own.resource_manager, **ids)


def emulators_own(environment: Mapping[str, str]) -> Target:
    """Give the workspace that the emulator has of itself; `environment` is the emulator's."""
    return Target(
        kind=TargetKind.EMULATOR,
        subscription_id=environment["AZURE_SUBSCRIPTION_ID"],
        resource_group=environment["AZURE_RESOURCE_GROUP"],
        workspace_name=environment["AZURE_WORKSPACE_NAME"],
        resource_manager=_address(environment),
    )


def is_of(said: Mapping[str, str], workspace: Target) -> bool:
    """Tell whether a manifest names this workspace; Azure compares names without case."""
    same = all(str(said[name]).lower() == getattr(workspace, name).lower() for name in _IDS)
    return same and bool(said["kind"] == workspace.kind.value)


def of_a_run(said: Mapping[str, str], environment: Mapping[str, str]) -> Target:
    """Give the workspace that a manifest names; an emulator may have come back at another address."""
    kind = TargetKind(said["kind"])
    ids = {name: said[name] for name in _IDS}
    if kind is TargetKind.AZURE:
        return Target(kind=kind, **ids)
    return Target(kind=kind, resource_manager=_address(environment), **ids)


def _address(environment: Mapping[str, str]) -> str:
    parts = urlsplit(environment["ARM_CLOUD_METADATA_URL"])
    return f"{parts.scheme}://{parts.netloc}"


def _ids(workspace: Workspace) -> dict[str, str]:
    return {name: getattr(workspace, name) or "" for name in _IDS}


def _filled_in(workspace: Workspace, environment: Mapping[str, str]) -> dict[str, str]:
    """Fill in what is set, and leave out what is not."""
    filled = {}
    for name, text in _ids(workspace).items():
        try:
            filled[name] = interpolate(text, environment)
        except UnsetVariable:
            continue
    return filled


def _from_config(loaded: Loaded, workspace: Workspace) -> dict[str, str]:
    path = loaded.source.folder / str(workspace.config_file)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: str(content[name]) for name in _IDS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} does not hold a workspace's subscription_id, resource_group and workspace_name",
            hint="download config.json from the workspace's overview page in the Azure portal",
        ) from error
