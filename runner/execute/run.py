"""A run while it is carried out: where it is written down, who is told, and what time it is."""

from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as StopEvent
from threading import Lock
from typing import TYPE_CHECKING

from runner import manifest as manifests
from runner.clock import Clock
from runner.execute.observer import Observer
from runner.journal import Event, Journal
from runner.manifest import Manifest, RunStatus

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud


@dataclass(frozen=True, kw_only=True)
class Run:
    """What walking needs, in either direction. Setting `stop` ends all waiting."""

    cloud: "Cloud"
    journal: Journal
    folder: Path
    observer: Observer
    clock: Clock
    stop: StopEvent
    saving: Lock = field(default_factory=Lock)

    @property
    def manifest(self) -> Manifest:
        """Fold the journal as it stands."""
        return manifest_of(self.journal)

    def save(self) -> None:
        """Bring the manifest's file up to date with the journal; an older fold never replaces a newer."""
        with self.saving:
            manifests.write(self.manifest, self.folder / manifests.FILE_NAME)


def manifest_of(journal: Journal) -> Manifest:
    """Fold a journal as it stands."""
    return manifests.fold(journal.records)


def close(journal: Journal, status: RunStatus, folder: Path) -> Manifest:
    """Write the end of a run and its last manifest."""
    journal.append(Event.RUN_CLOSED, data={"status": status.value})
    manifest = manifest_of(journal)
    manifests.write(manifest, folder / manifests.FILE_NAME)
    return manifest
