"""Run history: the tree of runs that a job is, each with its state, its times, its error and its logs."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from runner.emulator.blobs import Blobs
from runner.emulator.clock import Clock
from runner.emulator.errors import ArmError
from runner.emulator.store import Document, Kind, Store
from runner.emulator.workspace import ARTIFACT_STORE, Workspace

USER_LOG = "user_logs/std_log.txt"
EXECUTION_LOG = "logs/azureml/executionlogs.txt"


class Status(StrEnum):
    """The states of a run that occur here."""

    NOT_STARTED = "NotStarted"
    PREPARING = "Preparing"
    QUEUED = "Queued"
    RUNNING = "Running"
    FINALIZING = "Finalizing"
    CANCEL_REQUESTED = "CancelRequested"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"


TERMINAL = {Status.COMPLETED, Status.FAILED, Status.CANCELED}


@dataclass(frozen=True)
class RunRef:
    """A run's place: its workspace and its id."""

    workspace: Workspace
    run_id: str

    @property
    def key(self) -> str:
        """The key in the store."""
        return self.workspace.resource("runs", self.run_id)


class Runs:
    """Writes and reads runs; their logs are blobs of the artifact store."""

    def __init__(self, store: Store, blobs: Blobs, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock

    def create(self, ref: RunRef, **fields: object) -> None:
        """Put a new run, not started; `fields` are its parent, root, display name and so on."""
        document: Document = {
            "runId": ref.run_id,
            "workspace": ref.workspace.id,
            "status": Status.NOT_STARTED,
            "createdUtc": self._clock.stamp(),
            "startTimeUtc": None,
            "endTimeUtc": None,
            "error": None,
            "tags": {},
            "properties": {},
            "outputs": {},
            **fields,
        }
        self._store.put(Kind.RUN, ref.key, document)

    def get(self, ref: RunRef) -> Document:
        """Return the run, or raise the 404 of run history."""
        run = self._store.get(Kind.RUN, ref.key)
        if run is None:
            raise ArmError(404, "UserError", f"Run {ref.run_id} was not found.", inner=("NotFoundError",))
        return run

    def children(self, ref: RunRef) -> list[Document]:
        """Return the runs whose parent this is, in the order of their making."""
        runs = self._store.below(Kind.RUN, ref.workspace.resource("runs") + "/")
        return [run for run in runs if run.get("parentRunId") == ref.run_id]

    def tree(self, ref: RunRef) -> list[Document]:
        """Return the root run and all below it."""
        runs = self._store.below(Kind.RUN, ref.workspace.resource("runs") + "/")
        return [run for run in runs if run["rootRunId"] == ref.run_id]

    def update(self, ref: RunRef, **changes: object) -> None:
        """Change fields of a run."""
        self._store.put(Kind.RUN, ref.key, self.get(ref) | changes)

    def move(self, ref: RunRef, status: Status, error: ArmError | None = None) -> None:
        """Move a run to a state; a terminal state is never left again."""
        run = self.get(ref)
        if run["status"] in TERMINAL:
            return
        run["status"] = status
        if status is Status.RUNNING:
            run["startTimeUtc"] = self._clock.stamp()
        if status in TERMINAL:
            run["endTimeUtc"] = self._clock.stamp()
            run["error"] = {"error": error.body(), "time": self._clock.stamp()} if error else None
        self._store.put(Kind.RUN, ref.key, run)

    def log_file(self, ref: RunRef, name: str = USER_LOG) -> Path:
        """Return where a run's log lies; logs are only ever appended to."""
        container = ref.workspace.container(ARTIFACT_STORE) or ""
        return self._blobs.path(container, f"{log_prefix(ref.run_id)}{name}")

    def append(self, ref: RunRef, line: str, name: str = USER_LOG) -> None:
        """Append one line to a run's log."""
        path = self.log_file(ref, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def logs(self, ref: RunRef) -> list[str]:
        """Return the names of the logs that a run has by now."""
        container = ref.workspace.container(ARTIFACT_STORE) or ""
        prefix = log_prefix(ref.run_id)
        return [blob.name.removeprefix(prefix) for blob in self._blobs.within(container, prefix)]


def log_prefix(run_id: str) -> str:
    """Return the folder of a run in the artifact store."""
    return f"ExperimentRun/dcid.{run_id}/"
