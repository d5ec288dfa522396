"""The rows to train on: prepared and checked here, uploaded, registered as data assets by content."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict

from runner import dataset, naming
from runner.durable import sync_folder
from runner.errors import Drifted
from runner.facts import Facts
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

_FOLDER = "data"


class Asset(TypedDict):
    """One split as a data asset; `file` is relative to the run's folder.

    `source_rows` counts the rows at the source, `turns` messages, `characters` those of their contents;
    `dropped` the rows that were left out, by what was wrong with them first.
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


class DatasetStep:
    """See the module."""

    traits = Traits(kind="data asset", doing="preparing the rows")
    delete = nothing_to_delete
    standing = nothing_stands
    listed = nothing_listed

    def plan(self, recipe: Recipe, facts: Facts) -> Change:
        """Create assets, or only read what is in the workspace. Content is not read for a plan."""
        del facts
        section = given(recipe.dataset)
        if section.azureml:
            action, name = Action.READ, section.azureml
            reason = f"version {section.revision} in the workspace"
        else:
            action, name = Action.CREATE, f"{recipe.name}-*"
            reason = f"{seen.asked(section)}, unless equal content is there"
        return Change(
            step="dataset",
            action=action,
            kind=self.traits.kind,
            name=name,
            reason=reason,
            needs=self.traits.needs,
        )

    def intend(self, context: Context) -> Mapping[str, Json]:
        """Prepare and check the rows; the content decides the assets' versions."""
        section = given(context.recipe.dataset)
        if section.azureml:
            return {"name": section.azureml, "existing": True, "assets": _existing(context)}
        folder = context.run_folder / _FOLDER
        folder.mkdir(exist_ok=True)
        prepared = (
            dataset.bring(context.prepared, folder)
            if context.prepared
            else dataset.prepare(
                section, folder=context.recipe_folder, into=folder, progress=context.progress
            )
        )
        assets = {
            role: Asset(
                name=naming.data_asset(context.recipe, role),
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
            for role, split in prepared.items()
        }
        name = f"{context.recipe.name}-*"
        revision = next((split.revision for split in prepared.values()), None)
        warnings = [str(warning) for split in prepared.values() for warning in split.warnings]
        return {
            "name": name,
            "assets": assets,
            "revision": revision,
            "warnings": [*seen.left_out(prepared), *warnings],
        }

    def observe(self, context: Context, intent: Mapping[str, Json]) -> Observation:
        """Look at every asset: all there, or something is absent."""
        found = {
            role: context.cloud.assets.data(asset["name"], asset["version"])
            for role, asset in intent["assets"].items()
        }
        missing = [intent["assets"][role]["name"] for role, state in found.items() if state is None]
        if missing and intent.get("existing"):
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
        """Upload what is not there yet and register it."""
        for asset in intent["assets"].values():
            if context.cloud.assets.data(asset["name"], asset["version"]):
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


def restore(section: Dataset, intent: Mapping[str, Json], recipe_folder: Path, run_folder: Path) -> None:
    """Have the files of a recorded intent as they were prepared; those that are missing or damaged, anew.

    Raises Drifted where the source no longer gives those very rows.
    """
    wanted = {role: asset for role, asset in intent["assets"].items() if "file" in asset}
    if all(_is_whole(run_folder / asset["file"], asset["sha256"]) for asset in wanted.values()):
        return
    with TemporaryDirectory(prefix=".data-", dir=run_folder) as fresh:
        prepared = dataset.prepare(section, folder=recipe_folder, into=Path(fresh))
        others = [role for role, asset in wanted.items() if prepared[role].sha256 != asset["sha256"]]
        if others:
            raise _other_rows(section, others)
        (run_folder / _FOLDER).mkdir(exist_ok=True)
        for role, asset in wanted.items():
            prepared[role].path.replace(run_folder / asset["file"])
        dropped = Path(fresh) / dataset.DROPPED
        if dropped.exists():
            dropped.replace(run_folder / _FOLDER / dataset.DROPPED)
    sync_folder(run_folder / _FOLDER)


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _other_rows(section: Dataset, roles: list[str]) -> Drifted:
    source = section.huggingface or section.path
    return Drifted(
        f"{source} no longer gives the rows that the run was opened with: {', '.join(roles)}",
        (),
        hint="bring them back as they were, or begin anew with runner run",
    )


def _existing(context: Context) -> Mapping[str, Json]:
    section = given(context.recipe.dataset)
    return {
        role: {"name": f"{section.azureml}-{split}", "version": section.revision or "1"}
        for role, split in section.splits().items()
    }


def _summary(intent: Mapping[str, Json]) -> str:
    counted = {role: asset.get("rows") for role, asset in intent["assets"].items()}
    rows = ", ".join(f"{rows} {role} rows" for role, rows in counted.items() if rows is not None)
    return "; ".join([rows, *intent.get("warnings", ())])
