"""The rows to train on: prepared and checked here, uploaded, registered as data assets by content."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NotRequired, TypedDict

from runner import dataset, naming
from runner.dataset import PreparedSplit
from runner.dataset.fetching.remote import Workspace
from runner.durable import sync_folder
from runner.errors import Drifted
from runner.facts import AssetState, Facts
from runner.journal import Json
from runner.recipe import Dataset, Recipe, given
from runner.steps import seen
from runner.steps.step import (
    Action,
    Change,
    Context,
    Observation,
    Status,
    Traits,
    nothing_listed,
    nothing_stands,
    nothing_to_delete,
)

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud
    from runner.azure.sources import Sources

_FOLDER = "data"


class Asset(TypedDict):
    """One split as a data asset; `file` is relative to the run's folder.

    `existing`: it is not ours, and has the very content that was prepared. `source_rows` counts the rows at
    the source, `turns` messages, `characters` those of their contents; `dropped` the rows that were left out,
    by what was wrong with them first.
    """

    name: str
    version: str
    file: str
    sha256: str
    rows: int
    bytes: int
    source_rows: int
    turns: int
    characters: int
    dropped: Mapping[str, int]
    existing: NotRequired[bool]


class DatasetStep:
    """See the module."""

    traits = Traits(kind="data asset", doing="preparing the rows")
    delete = nothing_to_delete
    standing = nothing_stands
    listed = nothing_listed

    def plan(self, recipe: Recipe, facts: Facts) -> Change:
        """Create assets. Content is not read for a plan."""
        del facts
        section = given(recipe.dataset)
        return Change(
            step="dataset",
            action=Action.CREATE,
            kind=self.traits.kind,
            name=f"{recipe.name}-*",
            reason=f"{seen.asked(section)}, unless equal content is there",
            needs=self.traits.needs,
        )

    def intend(self, context: Context) -> Mapping[str, Json]:
        """Prepare and check the rows; the content decides the assets' versions."""
        section = given(context.recipe.dataset)
        folder = context.run_folder / _FOLDER
        folder.mkdir(exist_ok=True)
        prepared = (
            dataset.bring(context.prepared, folder)
            if context.prepared
            else dataset.prepare(
                section,
                folder=context.recipe_folder,
                into=folder,
                workspace=workspace_of(section, context.cloud),
                progress=context.progress,
            )
        )
        assets = {role: _asset(context, split) for role, split in prepared.items()}
        name = f"{context.recipe.name}-*"
        revision = _revision(section, prepared)
        warnings = [str(warning) for split in prepared.values() for warning in split.warnings]
        return {
            "name": name,
            "assets": assets,
            "revision": revision,
            "warnings": [*seen.left_out(prepared), *warnings],
            "statistics": seen.figures(context, prepared),
        }

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        """Look at every asset: all there, or something is absent."""
        found = {
            role: context.cloud.assets.data(asset["name"], asset["version"])
            for role, asset in intent["assets"].items()
        }
        absent = [intent["assets"][role] for role, state in found.items() if state is None]
        missing = [asset["name"] for asset in absent]
        # Earlier versions only named the assets of a workspace, and said so once for all of them.
        if absent and (intent.get("existing") or any(asset.get("existing") for asset in absent)):
            detail = f"not in the workspace: {', '.join(missing)}"
            return Observation(status=Status.FAILED, detail=detail, hint="check dataset.azureml and revision")
        if missing:
            return Observation(status=Status.ABSENT, detail=f"absent: {', '.join(missing)}")
        ids = {role: state.id for role, state in found.items() if state}
        outputs = {
            "name": intent["name"],
            "assets": intent["assets"],
            "ids": ids,
            "revision": intent.get("revision"),
            "warnings": intent.get("warnings", []),
        }
        return Observation(status=Status.SUCCEEDED, detail=_summary(intent), outputs=outputs)

    def create(self, context: Context, intent: Mapping[str, Json]) -> None:
        """Upload what is not there yet and register it; what was to be there already is not ours to make."""
        for asset in intent["assets"].values():
            if asset.get("existing") or context.cloud.assets.data(asset["name"], asset["version"]):
                continue
            blob = f"runner/{asset['name']}/{asset['sha256']}/{asset['name']}.jsonl"
            uri = context.cloud.storage.upload(context.run_folder / asset["file"], blob)
            tags = {
                **context.tags("dataset"),
                "runner.sha256": asset["sha256"],
                "runner.rows": str(asset["rows"]),
            }
            context.cloud.assets.register_data(
                asset["name"], asset["version"], path=uri, description=context.recipe.description, tags=tags
            )


def workspace_of(section: Dataset, cloud: "Cloud") -> "Sources | None":
    """Give who reads rows that lie in the workspace; None where they lie elsewhere."""
    return cloud.sources if section.azureml else None


def restore(
    section: Dataset,
    intent: Mapping[str, Json],
    recipe_folder: Path,
    run_folder: Path,
    workspace: Workspace | None = None,
) -> None:
    """Have the files of a recorded intent as they were prepared; those that are missing or damaged, anew.

    Raises Drifted where the source no longer gives those very rows.
    """
    wanted = {role: asset for role, asset in intent["assets"].items() if "file" in asset}
    if all(_is_whole(run_folder / asset["file"], asset["sha256"]) for asset in wanted.values()):
        return
    with TemporaryDirectory(prefix=".data-", dir=run_folder) as fresh:
        prepared = dataset.prepare(section, folder=recipe_folder, into=Path(fresh), workspace=workspace)
        others = [role for role, asset in wanted.items() if prepared[role].sha256 != asset["sha256"]]
        if others:
            raise _other_rows(section, others)
        (run_folder / _FOLDER).mkdir(exist_ok=True)
        # The list goes first: once the files of all roles are whole, nobody comes here again.
        dropped = Path(fresh) / dataset.DROPPED
        if dropped.exists():
            dropped.replace(run_folder / _FOLDER / dataset.DROPPED)
        for role, asset in wanted.items():
            prepared[role].path.replace(run_folder / asset["file"])
    sync_folder(run_folder / _FOLDER)


def _asset(context: Context, split: PreparedSplit) -> Asset:
    """Name a split by its content, or as what is in the workspace with that very content already."""
    asset = Asset(
        name=naming.data_asset(context.recipe, split.role),
        version=naming.data_version(split.sha256),
        file=str(split.path.relative_to(context.run_folder)),
        sha256=split.sha256,
        rows=split.rows,
        bytes=split.bytes,
        source_rows=split.source_rows,
        turns=split.turns,
        characters=split.characters,
        dropped=dict(split.dropped),
    )
    found = _holding(context, split)
    return {**asset, "name": found.name, "version": found.version, "existing": True} if found else asset


def _holding(context: Context, split: PreparedSplit) -> AssetState | None:
    """Find the data asset that the rows were taken from, if its one file is what was made of it."""
    section = given(context.recipe.dataset)
    name, workspace = section.splits().get(split.role), workspace_of(section, context.cloud)
    if name is None or workspace is None:
        return None
    return workspace.holding(section.azureml or "", section.revision, split.role, name, split.path)


def _revision(section: Dataset, prepared: Mapping[str, PreparedSplit]) -> str | None:
    """Give what fixes the source: of data assets, the versions of all splits, as they were pinned."""
    if section.azureml:
        return section.revision
    return next((split.revision for split in prepared.values()), None)


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _other_rows(section: Dataset, roles: list[str]) -> Drifted:
    return Drifted(
        f"{section.source} no longer gives the rows that the run was opened with: {', '.join(roles)}",
        (),
        hint="bring them back as they were, or begin anew with runner run",
    )


def _summary(intent: Mapping[str, Json]) -> str:
    counted = {role: asset.get("rows") for role, asset in intent["assets"].items()}
    return ", ".join(
        f"{rows} {role} row{'' if rows == 1 else 's'}" for role, rows in counted.items() if rows is not None
    )
