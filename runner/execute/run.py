"""A run while it is carried out: where it is written down, who is told, and what time it is."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as StopEvent
from threading import Lock
from typing import TYPE_CHECKING

from runner import manifest as manifests
from runner.clock import Clock
from runner.errors import ExitCode, NotWritten, Terminated
from runner.execute.observer import Observer
from runner.journal import Event, Journal, Json
from runner.manifest import Manifest, RunStatus

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Run:
    """What walking needs, in either direction. Setting `stop` ends all waiting.

    At most `at_once` steps run at the same time; with 1 they always run in the same order. With `cancel`, an
    interruption cancels what runs and cleans up as after a failure; else all goes on in the cloud.
    """

    cloud: "Cloud"
    journal: Journal
    folder: Path
    observer: Observer
    clock: Clock
    stop: StopEvent
    at_once: int = _AT_ONCE
    cancel: bool = False
    saving: Lock = field(default_factory=Lock)

    @property
    def manifest(self) -> Manifest:
        """Fold the journal as it stands."""
        return manifest_of(self.journal)

    def record(self, event: Event, *, step: str = "", data: Mapping[str, Json] | None = None) -> None:
        """Bring a record to the disk, and the manifest, which counts the lines that may not be cut off.

        What is only seen may be cut off: it is seen again. Raises NotWritten: what the record was to announce
        is then not to be done.
        """
        self.journal.append(event, step=step, data=data)
        if event is not Event.OBSERVED:
            self.save()

    def save(self) -> None:
        """Bring the manifest's file up to date with the journal; an older fold never replaces a newer."""
        with self.saving:
            _save(self.journal, self.folder)


def record(
    journal: Journal, folder: Path, event: Event, *, step: str = "", data: Mapping[str, Json] | None = None
) -> None:
    """Record something about a run that is not being carried out, as `Run.record` does."""
    journal.append(event, step=step, data=data)
    _save(journal, folder)


def _save(journal: Journal, folder: Path) -> None:
    try:
        manifests.write(manifest_of(journal), folder / manifests.FILE_NAME)
    except OSError as error:
        raise _not_written(folder, error) from error


def _not_written(folder: Path, error: OSError) -> NotWritten:
    return NotWritten(
        f"{folder} cannot be written to: {error.strerror or type(error).__name__}",
        hint=f"what runs in the cloud goes on; make room, then: runner resume {folder.name}",
    )


def stop(run: Run, interrupt: KeyboardInterrupt) -> None:
    """Have all waiting of a run end; the second time the process ends at once, and nothing is lost by it."""
    if run.stop.is_set():
        os._exit(ExitCode.TERMINATED if isinstance(interrupt, Terminated) else ExitCode.INTERRUPTED)
    run.stop.set()
    hurry = getattr(run.cloud, "hurry", None)
    if hurry and not run.cancel:  # who cancels still needs the cloud's patience
        hurry()


def manifest_of(journal: Journal) -> Manifest:
    """Fold a journal as it stands."""
    return manifests.fold(journal.records)


def close(run: Run, status: RunStatus) -> Manifest:
    """Write the end of a run and its last manifest."""
    # How often requests were sent once more is told by a cloud that counts it.
    retried = getattr(run.cloud, "retried", 0)
    run.record(Event.RUN_CLOSED, data={"status": status.value, "retried": retried})
    return run.manifest
