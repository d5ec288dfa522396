"""Pipeline jobs: each node's five stages run one after another as child processes, through their real states."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from runner.emulator import processes
from runner.emulator.blobs import Blobs
from runner.emulator.catalog import BASE_MODEL, BASE_MODEL_NAME, Catalog
from runner.emulator.errors import ArmError
from runner.emulator.pipeline import Node
from runner.emulator.references import References
from runner.emulator.runs import EXECUTION_LOG, TERMINAL, RunRef, Runs, Status
from runner.emulator.settings import Settings
from runner.emulator.stages import FILES, READ_AS, STAGES, Stage
from runner.emulator.store import Document, Kind, Store
from runner.emulator.workspace import BLOB_STORE, Workspace, workspace_of

STAND_IN = "emulator.stand_in"
SCRIPTED = "emulator.scripted"
ENDED = ArmError(500, "EmulatorEnded", "The emulator ended while this job was running; submit it again.")
_CANCELED = ArmError(409, "Canceled", "The job was canceled by the user.")
_LAST_BYTES = 8192
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Script:
    """How a test wants the next job to end, in place of training."""

    end: Status
    seconds: float


@dataclass
class _Job:
    """A job that runs: what it was asked, and where it keeps its files."""

    ref: RunRef
    nodes: list[Node]
    script: Script | None
    folder: Path
    output_paths: dict[str, str] = field(default_factory=dict)


class _StageFailedError(Exception):
    """A stage ended badly; the error is the stage's own."""

    def __init__(self, stage: str, error: ArmError) -> None:
        super().__init__(error.message)
        self.stage = stage
        self.error = error


class Jobs:
    """Submits, follows and cancels jobs; a job that was running when the emulator died is Failed, and says so."""

    def __init__(  # noqa: PLR0913 - the parts that a job touches
        self,
        settings: Settings,
        store: Store,
        blobs: Blobs,
        catalog: Catalog,
        references: References,
        runs: Runs,
    ) -> None:
        self._settings = settings
        self._store = store
        self._blobs = blobs
        self._catalog = catalog
        self._references = references
        self._runs = runs
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.next_script: Script | None = None
        self._recover()

    @property
    def running(self) -> int:
        """How many jobs have not ended."""
        return len(self._tasks)

    def submit(self, document: Document, nodes: list[Node]) -> Document:
        """Put the job and its runs, and start it; what it refers to must exist."""
        ref = RunRef(workspace_of(document["id"]), document["name"])
        script, self.next_script = self.next_script, None
        self._mark(document, ref.workspace, nodes, script)
        self._store.put(Kind.JOB, document["id"], document)
        job = _Job(ref, nodes, script, self._settings.state / "jobs" / ref.workspace.guid / ref.run_id)
        self._create_runs(job, document)
        task = asyncio.create_task(self._follow(job))
        self._tasks[ref.key] = task
        task.add_done_callback(lambda _: self._tasks.pop(ref.key, None))
        return document

    def get(self, workspace: Workspace, name: str) -> Document | None:
        """Return the job's document, or None."""
        return self._store.get(Kind.JOB, workspace.resource("jobs", name))

    def cancel(self, workspace: Workspace, name: str) -> None:
        """Ask a job to end; one that has ended stays as it is."""
        ref = RunRef(workspace, name)
        if task := self._tasks.get(ref.key):
            self._set_status(ref, Status.CANCEL_REQUESTED)
            task.cancel()

    async def stop(self) -> None:
        """End all jobs, because the emulator ends."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def metrics_file(self, ref: RunRef) -> Path:
        """Return where a run's metrics lie, one JSON object a line."""
        root = self._runs.get(ref)["rootRunId"]
        return self._settings.state / "jobs" / ref.workspace.guid / root / ref.run_id / "metrics.jsonl"

    def _recover(self) -> None:
        for run in self._store.below(Kind.RUN):
            self._runs.move(RunRef(workspace_of(run["workspace"]), run["runId"]), Status.FAILED, ENDED)
        for job in self._store.below(Kind.JOB):
            if job["properties"]["status"] not in TERMINAL:
                job["properties"]["status"] = Status.FAILED
                self._store.put(Kind.JOB, job["id"], job)

    def _mark(
        self, document: Document, workspace: Workspace, nodes: list[Node], script: Script | None
    ) -> None:
        """Write into the job's own tags what in it is not as on Azure."""
        models = [self._references.locate(workspace, uri) for node in nodes for uri in node.uris.values()]
        document["stand_in"] = any(located.stand_in for located in models)
        notes = {STAND_IN: BASE_MODEL_NAME} if document["stand_in"] else {}
        if script:
            notes[SCRIPTED] = f"{script.end} in {script.seconds:g} s"
        properties = document["properties"]
        properties["tags"] = {**(properties.get("tags") or {}), **notes}
        properties["properties"] = {**(properties.get("properties") or {}), **notes}

    def _create_runs(self, job: _Job, document: Document) -> None:
        properties = document["properties"]
        common = {"rootRunId": job.ref.run_id, "experiment": properties["experimentName"]}
        shown = {
            "displayName": properties["displayName"],
            "tags": properties["tags"],
            "runType": "azureml.PipelineRun",
        }
        self._runs.create(job.ref, **common, **shown, parentRunId=None, properties=properties["properties"])
        for node in job.nodes:
            parent = _child_id(job.ref, node.name)
            self._runs.create(
                RunRef(job.ref.workspace, parent),
                **common,
                displayName=node.name,
                parentRunId=job.ref.run_id,
                runType="azureml.PipelineRun",
                properties={
                    "azureml.moduleName": node.component["name"],
                    "azureml.moduleVersion": node.component["version"],
                },
            )
            for stage in STAGES:
                self._runs.create(
                    RunRef(job.ref.workspace, _child_id(job.ref, node.name, stage.node)),
                    **common,
                    displayName=stage.node,
                    parentRunId=parent,
                    runType="azureml.StepRun",
                    target=_target(node, stage),
                    properties={"azureml.moduleName": stage.node, "azureml.pipelinerunid": job.ref.run_id},
                )

    async def _follow(self, job: _Job) -> None:
        try:
            await self._run(job)
        except _StageFailedError as failure:
            error = failure.error
            message = f"Pipeline has failed child jobs. Failed nodes: /{failure.stage}. {error.message}"
            self._end(job, Status.FAILED, ArmError(error.status, error.code, message))
        except asyncio.CancelledError:
            requested = (self.get(job.ref.workspace, job.ref.run_id) or {})["properties"]["status"]
            if requested == Status.CANCEL_REQUESTED:
                self._end(job, Status.CANCELED, _CANCELED)
            else:
                self._end(job, Status.FAILED, ENDED)
        except Exception:
            _log.exception("job %s broke", job.ref.run_id)
            self._end(
                job,
                Status.FAILED,
                ArmError(500, "InternalServerError", "The emulator has a fault; see its log."),
            )

    async def _run(self, job: _Job) -> None:
        self._set_status(job.ref, Status.PREPARING)
        await asyncio.sleep(_pause(job, 1))
        self._set_status(job.ref, Status.RUNNING)
        for node in job.nodes:
            await self._run_node(job, node)
        self._set_status(job.ref, Status.FINALIZING)
        await asyncio.sleep(_pause(job, 1))
        if job.script and job.script.end is Status.CANCELED:
            self._end(job, Status.CANCELED, _CANCELED)
            return
        self._store_outputs(job)
        self._end(job, Status.COMPLETED)

    async def _run_node(self, job: _Job, node: Node) -> None:
        ref = RunRef(job.ref.workspace, _child_id(job.ref, node.name))
        self._runs.move(ref, Status.RUNNING)
        located = {name: self._references.locate(job.ref.workspace, uri) for name, uri in node.uris.items()}
        paths = {name: str(place.path) for name, place in located.items()}
        for stage in STAGES:
            await self._run_stage(job, node, stage, paths)
        for output, name in node.outputs.items():
            job.output_paths[name] = _output_path(job.ref, node, output)
        self._runs.move(ref, Status.COMPLETED)

    async def _run_stage(self, job: _Job, node: Node, stage: Stage, paths: dict[str, str]) -> None:
        ref = RunRef(job.ref.workspace, _child_id(job.ref, node.name, stage.node))
        self._note(job, f"Submitting 1 runs, first five are: {node.name}/{stage.node}:{ref.run_id}")
        self._runs.move(ref, Status.PREPARING)
        try:
            self._check_files(stage, paths)
            if stage.trains:
                self._check_gpu(job.ref.workspace, node)
            self._runs.move(ref, Status.RUNNING)
            await self._work(job, node, stage, ref, paths)
        except ArmError as error:
            self._runs.append(ref, f"{error.code}: {error.message}")
            self._runs.move(ref, Status.FAILED, error)
            self._note(
                job, f"Run {ref.run_id} of {node.name}/{stage.node} failed: {error.code}: {error.message}"
            )
            raise _StageFailedError(f"{node.name}/{stage.node}", error) from error
        self._runs.move(ref, Status.COMPLETED)
        self._note(job, f"Completing processing run id {ref.run_id}.")

    async def _work(self, job: _Job, node: Node, stage: Stage, ref: RunRef, paths: dict[str, str]) -> None:
        """Run a stage and hand its output folder to the later ones."""
        outputs = {}
        if stage.output:
            folder = self._blobs.path(
                job.ref.workspace.container(BLOB_STORE) or "", f"azureml/{ref.run_id}/{stage.output}"
            )
            folder.mkdir(parents=True, exist_ok=True)
            outputs[stage.output] = str(folder)
            self._runs.update(ref, outputs={stage.output: f"azureml/{ref.run_id}/{stage.output}"})
        if job.script:
            await self._pretend(job, stage, ref, outputs)
        else:
            await self._train(job, node, stage, ref, paths, outputs)
        self._runs.move(ref, Status.FINALIZING)
        if stage.output and stage.node in READ_AS:
            paths[READ_AS[stage.node]] = outputs[stage.output]

    async def _train(  # noqa: PLR0913 - what the trainer's specification holds
        self, job: _Job, node: Node, stage: Stage, ref: RunRef, paths: dict[str, str], outputs: dict[str, str]
    ) -> None:
        spec = {
            "inputs": node.literals,
            "paths": {name: paths[name] for name in stage.reads if name in paths},
            "outputs": outputs,
            "metrics_file": str(self.metrics_file(ref)),
        }
        file = job.folder / ref.run_id / "spec.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(spec, indent=1), encoding="utf-8")
        log = self._runs.log_file(ref)
        process = await processes.start(self._settings.trainer, [stage.command, str(file)], log=log)
        try:
            status = await process.wait()
        finally:
            await processes.stop(process)
        if status:
            raise _exit_error(status, log)

    async def _pretend(self, job: _Job, stage: Stage, ref: RunRef, outputs: dict[str, str]) -> None:
        """Do nothing but take time, and end as the script says."""
        self._runs.append(ref, f"scripted by a test, nothing is trained: {stage.node}")
        await asyncio.sleep(_pause(job, len(STAGES) + 2))
        if stage.trains:
            self._pretend_metrics(ref)
            if job.script and job.script.end is Status.FAILED:
                raise ArmError(400, "UserError", "The test's script says that this job fails.")
        for folder in outputs.values():
            shutil.copytree(BASE_MODEL, folder, dirs_exist_ok=True) if BASE_MODEL.is_dir() else None
            (Path(folder) / "scripted.txt").write_text(
                "No model was trained: a test scripted this job.\n", encoding="utf-8"
            )

    def _pretend_metrics(self, ref: RunRef) -> None:
        file = self.metrics_file(ref)
        file.parent.mkdir(parents=True, exist_ok=True)
        stamp = int(datetime.now(UTC).timestamp() * 1000)
        points = [
            {"key": "loss", "value": 8.0 / step, "step": step, "timestamp_ms": stamp + step}
            for step in range(1, 5)
        ]
        file.write_text("".join(json.dumps(point) + "\n" for point in points), encoding="utf-8")

    def _check_files(self, stage: Stage, paths: dict[str, str]) -> None:
        for name in FILES:
            if name in stage.reads and name in paths and not Path(paths[name]).exists():
                message = f"The input {name} was not found in its datastore."
                raise ArmError(400, "ScriptExecution.StreamAccess.NotFound", message)

    def _check_gpu(self, workspace: Workspace, node: Node) -> None:
        """Fine-tuning needs a GPU; the emulator asks the size, not the machine."""
        size_name = self._finetune_size(workspace, node)
        size = self._catalog.size(size_name)
        if size is None or not size.gpus:
            message = f"The size {size_name} has no GPU, which fine-tuning needs."
            raise ArmError(400, "SKUNotSupported", message)

    def _finetune_size(self, workspace: Workspace, node: Node) -> str:
        name = node.literals.get("compute_finetune", "serverless")
        if name == "serverless":
            return node.literals.get("instance_type_finetune", "")
        compute = self._store.get(Kind.COMPUTE, workspace.resource("computes", name))
        return str(compute["properties"]["properties"]["vmSize"]) if compute else ""

    def _store_outputs(self, job: _Job) -> None:
        document = self.get(job.ref.workspace, job.ref.run_id) or {}
        declared = document["properties"]["outputs"] or {}
        document["output_paths"] = {name: path for name, path in job.output_paths.items() if name in declared}
        self._store.put(Kind.JOB, document["id"], document)
        self._runs.update(job.ref, outputs=document["output_paths"])

    def _set_status(self, ref: RunRef, status: Status) -> None:
        document = self.get(ref.workspace, ref.run_id) or {}
        document["properties"]["status"] = status
        self._store.put(Kind.JOB, document["id"], document)
        self._runs.move(ref, status)

    def _end(self, job: _Job, status: Status, error: ArmError | None = None) -> None:
        """End the whole tree: what has not ended by now ends as canceled, or as the job does."""
        for run in self._runs.tree(job.ref):
            if run["runId"] != job.ref.run_id:
                is_node = run["runType"] == "azureml.PipelineRun"
                child = status if is_node or error is ENDED else Status.CANCELED
                self._runs.move(RunRef(job.ref.workspace, run["runId"]), child, error)
        self._note(job, f"Finishing experiment: {status}.")
        document = self.get(job.ref.workspace, job.ref.run_id) or {}
        document["properties"]["status"] = status
        self._store.put(Kind.JOB, document["id"], document)
        self._runs.move(job.ref, status, error)

    def _note(self, job: _Job, text: str) -> None:
        line = f"[{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}] {text}"
        self._runs.append(job.ref, line, EXECUTION_LOG)


def _child_id(job: RunRef, *path: str) -> str:
    """Return a run id that the same job and node always have."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join((job.key, *path))))


def _output_path(job: RunRef, node: Node, output: str) -> str:
    stage = next((stage for stage in STAGES if stage.output == output), STAGES[-1])
    return f"azureml/{_child_id(job, node.name, stage.node)}/{output}"


def _target(node: Node, stage: Stage) -> str:
    name = "compute_finetune" if stage.trains else "compute_preprocess"
    return node.literals.get(name, "serverless")


def _pause(job: _Job, parts: int) -> float:
    """Return how long a state lasts that has no work of its own."""
    return job.script.seconds / parts if job.script and parts > 1 else 0.02


def _exit_error(status: int, log: Path) -> ArmError:
    """Read a failed stage's last line, `ERROR <Code>: <message>`; without one, say what Azure says."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LAST_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
    last = lines[-1] if lines else ""
    if last.startswith("ERROR "):
        code, _, message = last.removeprefix("ERROR ").partition(":")
        return ArmError(400, code.strip(), message.strip())
    message = f"Execution failed. User process exited with status code {status}. See user_logs/std_log.txt."
    return ArmError(400, "UserError", message)
