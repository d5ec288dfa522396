"""One job from its first state to its last: each node's five stages, one child process after another."""

import asyncio
import json
import logging
import shutil
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from runner.emulator import processes
from runner.emulator.catalog import BASE_MODEL
from runner.emulator.errors import ArmError
from runner.emulator.parts import Parts
from runner.emulator.pipeline import Node
from runner.emulator.runs import EXECUTION_LOG, RunRef, Status
from runner.emulator.stages import FILES, READ_AS, STAGES, Stage
from runner.emulator.store import Document, Kind
from runner.emulator.workspace import BLOB_STORE, Workspace

ENDED = ArmError(500, "EmulatorEnded", "The emulator ended while this job was running; submit it again.")
NODE_RUN = "azureml.PipelineRun"
STAGE_RUN = "azureml.StepRun"
_CANCELED = ArmError(409, "Canceled", "The job was canceled by the user.")
_BROKEN = ArmError(500, "InternalServerError", "The emulator has a fault; see its log.")
_LAST_BYTES = 8192
# What users of low priority nodes are told: Azure/MachineLearningNotebooks#1242, 2020-11-18.
_PREEMPTED = ArmError(
    400,
    "UserError",
    "AzureMLCompute job failed. PreemptionError: Nodes of this job got pre-empted. Check if the run has "
    "failed or restarted. Reason: Received pre-emption warning signal",
)
_MOMENT = 0.02
_SCRIPT_SECONDS = 0.3
_log = logging.getLogger(__name__)


class Preemption(StrEnum):
    """What becomes of a job whose low priority nodes are taken away while it trains.

    That it may go either way, and the error of the first, is as users report it
    (MicrosoftDocs/azure-docs#66288, 2020-11-18). That a job which goes on is Queued again before it starts
    from the beginning is assumed: the documentation says only that it is restarted, not resumed.
    """

    ENDS = "ends"
    RESTARTED = "restarted"


@dataclass(frozen=True, kw_only=True)
class Script:
    """How a test wants a job to end, in place of training; `queued_seconds` it waits for nodes before.

    That the job itself says Queued while its first stage waits is assumed: no recording has one that waits.
    """

    end: Status
    seconds: float | None
    queued_seconds: float = 0.0
    preempted: Preemption | None = None

    def __str__(self) -> str:
        preempted = f", preempted: {self.preempted}" if self.preempted else ""
        seconds = "" if self.seconds is None else f" in {self.seconds:g} s"
        return f"{self.end}{seconds}{preempted}"


@dataclass(frozen=True)
class Job:
    """A job that runs: who it is, and what it was asked."""

    ref: RunRef
    nodes: list[Node]
    script: Script | None

    def child(self, *path: str) -> RunRef:
        """Return the run of a node, or of a node's stage; the same at every start."""
        run_id = uuid.uuid5(uuid.NAMESPACE_URL, "/".join((self.ref.key, *path)))
        return RunRef(self.ref.workspace, str(run_id))


@dataclass(frozen=True)
class _Step:
    """A stage of a node as it runs; `paths` grows from stage to stage."""

    node: Node
    stage: Stage
    ref: RunRef
    paths: dict[str, str]
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name that the pipeline's log and error give."""
        return f"{self.node.name}/{self.stage.node}"


class _StageFailedError(Exception):
    """A stage ended badly; the error is the stage's own."""

    def __init__(self, stage: str, error: ArmError) -> None:
        super().__init__(error.message)
        self.stage = stage
        self.error = error


def metrics_file(parts: Parts, ref: RunRef) -> Path:
    """Return where a run's metrics lie, one JSON object a line."""
    root = str(parts.runs.get(ref)["rootRunId"])
    return parts.settings.state / "jobs" / ref.workspace.guid / root / ref.run_id / "metrics.jsonl"


def set_status(parts: Parts, ref: RunRef, status: Status, error: ArmError | None = None) -> None:
    """Move a job and its root run to a state."""
    document = parts.store.get(Kind.JOB, ref.workspace.resource("jobs", ref.run_id)) or {}
    document["properties"]["status"] = status
    parts.store.put(Kind.JOB, document["id"], document)
    parts.runs.move(ref, status, error)


class Execution:
    """Runs one job; whatever happens, its whole tree of runs ends in terminal states."""

    def __init__(self, parts: Parts, job: Job) -> None:
        self._parts = parts
        self._runs = parts.runs
        self._job = job
        self._output_paths: dict[str, str] = {}

    async def follow(self) -> None:
        """Run the job to its end; being cancelled ends it as its status says."""
        try:
            await self._run()
        except _StageFailedError as failure:
            error = failure.error
            message = f"Pipeline has failed child jobs. Failed nodes: /{failure.stage}. {error.message}"
            self._end(self._bad_end(), ArmError(error.status, error.code, message))
        except asyncio.CancelledError:
            if self._document()["properties"]["status"] == Status.CANCEL_REQUESTED:
                self._end(Status.CANCELED, _CANCELED)
            else:
                self._end(Status.FAILED, ENDED)
        except Exception:  # noqa: BLE001 - logged; a fault of ours must not leave a job that never ends
            _log.exception("job %s broke", self._job.ref.run_id)
            self._end(Status.FAILED, _BROKEN)

    def _bad_end(self) -> Status:
        """Return Failed, unless a script has nodes that are taken away cancel the job."""
        return (
            Status.CANCELED if self._job.script and self._job.script.end is Status.CANCELED else Status.FAILED
        )

    async def _run(self) -> None:
        job = self._job
        set_status(self._parts, job.ref, Status.PREPARING)
        await self._pause()
        if job.script is None:
            await self._parts.clock.sleep(self._parts.latencies.job or 0.0)
        elif job.script.queued_seconds:
            set_status(self._parts, job.ref, Status.QUEUED)
            await self._parts.clock.sleep(job.script.queued_seconds)
        set_status(self._parts, job.ref, Status.RUNNING)
        for node in job.nodes:
            await self._run_node(node)
        set_status(self._parts, job.ref, Status.FINALIZING)
        await self._pause()
        if job.script and job.script.end is Status.CANCELED:
            self._end(Status.CANCELED, _CANCELED)
            return
        self._store_outputs()
        self._end(Status.COMPLETED)

    async def _pause(self) -> None:
        """Let a state last that has no work of its own: a script's time is spread evenly."""
        script = self._job.script
        seconds = self._seconds(script) / (len(STAGES) + 2) if script else _MOMENT
        await self._parts.clock.sleep(seconds)

    def _seconds(self, script: Script) -> float:
        usual = _SCRIPT_SECONDS if self._parts.latencies.job is None else self._parts.latencies.job
        return usual if script.seconds is None else script.seconds

    async def _run_node(self, node: Node) -> None:
        ref = self._job.child(node.name)
        self._runs.move(ref, Status.RUNNING)
        workspace = self._job.ref.workspace
        paths = {
            name: str(self._parts.references.locate(workspace, uri).path) for name, uri in node.uris.items()
        }
        for stage in STAGES:
            await self._run_step(_Step(node, stage, self._job.child(node.name, stage.node), paths))
        for output, name in node.outputs.items():
            stage = next((stage for stage in STAGES if stage.output == output), STAGES[-1])
            self._output_paths[name] = f"azureml/{self._job.child(node.name, stage.node).run_id}/{output}"
        self._runs.move(ref, Status.COMPLETED)

    async def _run_step(self, step: _Step) -> None:
        ref = step.ref
        self._note(f"Submitting 1 runs, first five are: {step.name}:{ref.run_id}")
        self._runs.move(ref, Status.PREPARING)
        try:
            _check_files(step)
            if step.stage.trains:
                self._check_gpu(step.node)
            self._runs.move(ref, Status.RUNNING)
            await self._work(step)
        except ArmError as error:
            self._runs.append(ref, f"{error.code}: {error.message}")
            self._runs.move(ref, Status.FAILED, error)
            self._note(f"Run {ref.run_id} of {step.name} failed: {error.code}: {error.message}")
            raise _StageFailedError(step.name, error) from error
        self._runs.move(ref, Status.COMPLETED)
        self._note(f"Completing processing run id {ref.run_id}.")

    async def _work(self, step: _Step) -> None:
        """Run a stage, and hand its output folder to the later ones."""
        output = step.stage.output
        if output:
            path = f"azureml/{step.ref.run_id}/{output}"
            folder = self._parts.blobs.path(self._job.ref.workspace.container(BLOB_STORE) or "", path)
            folder.mkdir(parents=True, exist_ok=True)
            step.outputs[output] = str(folder)
            self._runs.update(step.ref, outputs={output: path})
        await (self._pretend(step) if self._job.script else self._train(step))
        self._runs.move(step.ref, Status.FINALIZING)
        if output and step.stage.node in READ_AS:
            step.paths[READ_AS[step.stage.node]] = step.outputs[output]

    async def _train(self, step: _Step) -> None:
        """Run the trainer; its output is the stage's log, its exit status the stage's end."""
        metrics = metrics_file(self._parts, step.ref)
        spec = {
            "inputs": step.node.literals,
            "paths": {name: step.paths[name] for name in step.stage.reads if name in step.paths},
            "outputs": step.outputs,
            "metrics_file": str(metrics),
        }
        file = metrics.with_name("spec.json")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(spec, indent=1), encoding="utf-8")
        log = self._runs.log_file(step.ref)
        process = await processes.start(
            self._parts.settings.trainer, [step.stage.command, str(file)], log=log
        )
        try:
            status = await process.wait()
        finally:
            await processes.stop(process)
        if status:
            raise _exit_error(status, log)

    async def _pretend(self, step: _Step) -> None:
        """Do nothing but take time, and end as the script says."""
        self._runs.append(step.ref, f"scripted by a test, nothing is trained: {step.stage.node}")
        await self._pause()
        if step.stage.trains:
            await self._pretend_to_train(step)
        for folder in map(Path, step.outputs.values()):
            if BASE_MODEL.is_dir():
                shutil.copytree(BASE_MODEL, folder, dirs_exist_ok=True)
            note = "No model was trained: a test scripted this job.\n"
            (folder / "scripted.txt").write_text(note, encoding="utf-8")

    async def _pretend_to_train(self, step: _Step) -> None:
        """Leave a loss behind, and have the nodes taken away or fail where the script says so."""
        script = self._job.script
        if script and script.preempted is Preemption.RESTARTED:
            self._runs.append(step.ref, _PREEMPTED.message)
            for ref in (step.ref, self._job.ref):
                self._move(ref, Status.QUEUED)
            await self._parts.clock.sleep(script.queued_seconds)
            for ref in (step.ref, self._job.ref):
                self._move(ref, Status.RUNNING)
            await self._pause()
        _pretend_metrics(metrics_file(self._parts, step.ref), self._parts.clock.time())
        if script and script.preempted is Preemption.ENDS:
            raise _PREEMPTED
        if script and script.end is Status.FAILED:
            raise ArmError(400, "UserError", "The test's script says that this job fails.")

    def _move(self, ref: RunRef, status: Status) -> None:
        """Move the job or one of its stages to a state."""
        if ref == self._job.ref:
            set_status(self._parts, ref, status)
        else:
            self._runs.move(ref, status)

    def _check_gpu(self, node: Node) -> None:
        """Fine-tuning needs a GPU; the emulator asks the size, not the machine."""
        name = self._finetune_size(self._job.ref.workspace, node)
        size = self._parts.catalog.size(name)
        if size is None or not size.gpus:
            raise ArmError(400, "SKUNotSupported", f"The size {name} has no GPU, which fine-tuning needs.")

    def _finetune_size(self, workspace: Workspace, node: Node) -> str:
        name = node.literals.get("compute_finetune", "serverless")
        if name == "serverless":
            return node.literals.get("instance_type_finetune", "")
        compute = self._parts.store.get(Kind.COMPUTE, workspace.resource("computes", name))
        return str(compute["properties"]["properties"]["vmSize"]) if compute else ""

    def _store_outputs(self) -> None:
        document = self._document()
        declared = document["properties"]["outputs"] or {}
        document["output_paths"] = {
            name: path for name, path in self._output_paths.items() if name in declared
        }
        self._parts.store.put(Kind.JOB, document["id"], document)
        self._runs.update(self._job.ref, outputs=document["output_paths"])

    def _end(self, status: Status, error: ArmError | None = None) -> None:
        """End the whole tree: nodes as the job, stages that never came to an end as canceled."""
        for run in self._runs.tree(self._job.ref):
            follows = run["runType"] == NODE_RUN or error is ENDED
            ref = RunRef(self._job.ref.workspace, run["runId"])
            if ref != self._job.ref:
                self._runs.move(ref, status if follows else Status.CANCELED, error)
        self._note(f"Finishing experiment: {status}.")
        self._store_stages()
        set_status(self._parts, self._job.ref, status, error)

    def _store_stages(self) -> None:
        """Write the job's times as a property, as the service does when it is over."""
        document, run = self._document(), self._runs.get(self._job.ref)
        execution = {
            "StartTime": run["startTimeUtc"],
            "EndTime": self._parts.clock.stamp(),
            "Status": "Finished",
        }
        stages = json.dumps({"Initialization": None, "Execution": execution})
        document["properties"]["properties"]["azureml.pipelines.stages"] = stages
        self._parts.store.put(Kind.JOB, document["id"], document)
        self._runs.update(self._job.ref, properties=document["properties"]["properties"])

    def _document(self) -> Document:
        ref = self._job.ref
        return self._parts.store.get(Kind.JOB, ref.workspace.resource("jobs", ref.run_id)) or {}

    def _note(self, text: str) -> None:
        line = f"[{self._parts.clock.moment():%Y-%m-%d %H:%M:%SZ}] {text}"
        self._runs.append(self._job.ref, line, EXECUTION_LOG)


def _check_files(step: _Step) -> None:
    for name in FILES:
        if name in step.stage.reads and name in step.paths and not Path(step.paths[name]).exists():
            message = f"The input {name} was not found in its datastore."
            raise ArmError(400, "ScriptExecution.StreamAccess.NotFound", message)


def _pretend_metrics(file: Path, seconds: float) -> None:
    stamp = int(seconds * 1000)
    points = [
        {"key": "loss", "value": 8.0 / step, "step": step, "timestamp_ms": stamp + step}
        for step in range(1, 5)
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(point) + "\n" for point in points), encoding="utf-8")


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
