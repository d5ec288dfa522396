"""The rows that points have in common: prepared once in the sweep's folder, and handed to each run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Event as StopEvent
from threading import Lock
from typing import TYPE_CHECKING

from runner import dataset
from runner.dataset import PreparedSplit
from runner.errors import Drifted
from runner.execute.waiting import Interrupted
from runner.manifest import Manifest
from runner.recipe import Dataset
from runner.steps.dataset import workspace_of

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

_FOLDER = "data"


@dataclass(frozen=True, kw_only=True, slots=True)
class Before:
    """What an earlier process prepared of a section: its source's revision, and each split's digest."""

    section: Dataset
    revision: str | None
    digests: Mapping[str, str]


@dataclass(kw_only=True)
class Rows:
    """Prepares each section once; may be asked from several threads."""

    folder: Path
    recipe_folder: Path
    cloud: "Cloud"
    before: Sequence[Before] = ()
    _known: list[tuple[Dataset, Mapping[str, PreparedSplit]]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def of(self, section: Dataset, stop: StopEvent) -> Mapping[str, PreparedSplit]:
        """Give a section's rows, as they were before. Raises RecipeInvalid, Drifted, or Interrupted."""
        with self._lock:
            for known, prepared in self._known:
                if known == section:
                    return prepared
            into = self.folder / _FOLDER / str(len(self._known) + 1)
            self._known.append((section, self._prepared(section, into, stop)))
            return self._known[-1][1]

    def _prepared(self, section: Dataset, into: Path, stop: StopEvent) -> Mapping[str, PreparedSplit]:
        before = next((each for each in self.before if each.section == section), None)
        pinned = replace(section, revision=before.revision) if before and before.revision else section
        prepared = dataset.prepare(
            pinned,
            folder=self.recipe_folder,
            into=into,
            workspace=workspace_of(section, self.cloud),
            progress=partial(_ended_by, stop),
        )
        now = {role: split.sha256 for role, split in prepared.items()}
        if before and now != before.digests:
            raise Drifted(
                "the rows are no longer those that the first points of the sweep were trained on",
                (),
                hint="bring them back as they were, or begin anew with runner run",
            )
        return prepared


def _ended_by(stop: StopEvent, doing: str, done: int, total: int | None) -> None:
    """See `Progress`: it is told of nobody's rows yet, but a sweep that is to stop does not wait for them."""
    del doing, done, total
    if stop.is_set():
        raise Interrupted


def before(section: Dataset | None, said: Manifest) -> Before | None:
    """Give what a run has recorded of its rows; None where it did not come to that."""
    record = said.steps.get("dataset")
    if section is None or record is None or not record.intent:
        return None
    assets = record.intent["assets"]
    if not all("sha256" in asset for asset in assets.values()):  # earlier versions only named a workspace's
        return None
    digests = {role: str(asset["sha256"]) for role, asset in assets.items()}
    revision = record.intent.get("revision")
    return Before(section=section, revision=str(revision) if revision else None, digests=digests)
