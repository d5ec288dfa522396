"""A run as an RO-Crate (profile Process Run Crate 0.5), which other programs can read without this one.

The manifest is what is told; no text of the dataset is in a crate unless it is asked for.
"""

import os
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from runner import manifest as manifests
from runner.crate import writing
from runner.crate.actions import actions, software, where
from runner.crate.entity import encodable, references, said
from runner.crate.payload import Wanted, staged
from runner.crate.things import things
from runner.durable import sync_folder
from runner.errors import Drifted, UsageError
from runner.journal import Json
from runner.manifest import Manifest
from runner.manifest.states import run_from
from runner.verifying import differing, verified

__all__ = ["Wanted", "export"]

_UNSAID = "None was stated: ask whoever ran it before it is used."


def export(folder: Path, target: Path, wanted: Wanted) -> tuple[str, ...]:
    """Write a run's crate to a new folder, or to a new zip, and give the names of the files in it.

    Raises UsageError where nothing can be written or something is not to be, Drifted for a run that is not
    as it was recorded; then nothing is written.
    """
    _check(target)
    run = run_from(encodable(asdict(manifests.load(folder / manifests.FILE_NAME))))
    _refuse_changed(folder)
    try:
        with TemporaryDirectory(prefix=".crate-", dir=target.parent) as work:
            return _written(run, folder, Path(work), target, wanted)
    except OSError as error:
        raise UsageError(f"{error.filename or target} cannot be written: {error.strerror}") from error


def _check(target: Path) -> None:
    if os.path.lexists(target):
        raise UsageError(f"{target} is there already", hint="name a folder or a .zip that is not there yet")
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}", hint="make it, or choose another with -o")


def _refuse_changed(folder: Path) -> None:
    """Let nothing out under the name of a run that it is not; other runs are not looked at."""
    against = [each for each in differing(verified(folder, folder.parent)) if not each.file.startswith("../")]
    if against:
        raise Drifted(
            f"run {folder.name} is not as it was recorded, first in {against[0].file}",
            (),
            hint=f"runner verify {shlex.quote(str(folder))} tells all; nothing was written",
        )


def _written(run: Manifest, folder: Path, work: Path, target: Path, wanted: Wanted) -> tuple[str, ...]:
    stage, crate = work / "stage", work / "crate"
    stage.mkdir()
    files = staged(run, folder, stage, wanted)
    world = things(run, files)
    done = actions(run, world)
    writing.write(
        crate,
        _root(run, references((*done, world.trained)), wanted.rights),
        (*world.every, *software(run), *done),
        files,
    )
    if target.suffix.lower() == ".zip":
        writing.pack(crate, work / "crate.zip")
        crate = work / "crate.zip"
    crate.rename(target)
    sync_folder(target.parent)
    return tuple(sorted((*files, writing.METADATA)))


def _root(run: Manifest, mentions: Json, rights: str) -> Mapping[str, Json]:
    name = run.recipe["name"]
    return said(
        name=f"Fine-tuning run {run.run_id} of the recipe {name}",
        description=f"What a run of the recipe {name} used and made, {where(run)}. It ended as {run.status}."
        " Digests (SHA-256) name rows and model files that do not lie in this crate.",
        identifier=run.run_id,
        datePublished=run.ended or run.started,
        license=rights or _UNSAID,
        conformsTo={"@id": writing.PROFILE},
        mentions=mentions,
    )
