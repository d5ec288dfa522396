"""The jobs of all workspaces: submitted, followed, canceled, and accounted for after a kill."""

import asyncio
from pathlib import Path

from runner.emulator.catalog import BASE_MODEL_NAME
from runner.emulator.execution import (
    ENDED,
    NODE_RUN,
    STAGE_RUN,
    Execution,
    Job,
    Script,
    metrics_file,
    set_status,
)
from runner.emulator.parts import Parts
from runner.emulator.pipeline import Node
from runner.emulator.runs import TERMINAL, RunRef, Status
from runner.emulator.stages import STAGES, Stage
from runner.emulator.store import Document, Kind
from runner.emulator.workspace import Workspace, workspace_of

STAND_IN = "emulator.stand_in"
SCRIPTED = "emulator.scripted"


class Scripts:
    """What tests want of the jobs to come: of the next ones in turn, then of all that follow."""

    def __init__(self) -> None:
        self._next: list[Script] = []
        self._always: Script | None = None

    def add(self, script: Script, times: int) -> None:
        """Script so many jobs more."""
        self._next += [script] * times

    def set_always(self, script: Script | None) -> None:
        """Script every job that has no script of its own."""
        self._always = script

    def take(self) -> Script | None:
        """Return the script of the job that is submitted now."""
        return self._next.pop(0) if self._next else self._always

    def clear(self) -> None:
        """Let jobs train again."""
        self._next, self._always = [], None


class Jobs:
    """A job is a task; one that was running when the emulator died is Failed, and says so."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.scripts = Scripts()
        self._recover()

    @property
    def running(self) -> int:
        """How many jobs have not ended."""
        return len(self._tasks)

    def submit(self, document: Document, nodes: list[Node]) -> Document:
        """Put the job with its runs, and start it; what it refers to must have been checked."""
        job = Job(RunRef(workspace_of(document["id"]), document["name"]), nodes, self.scripts.take())
        self._mark(document, job)
        self._parts.store.put(Kind.JOB, document["id"], document)
        self._create_runs(job, document["properties"])
        if self._parts.store.get(Kind.JOB, document["id"]) is None:
            return document  # a test has lost it on the way: taken on, and never to be seen
        task = asyncio.create_task(Execution(self._parts, job).follow())
        self._tasks[job.ref.key] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.ref.key, None))
        return document

    def get(self, workspace: Workspace, name: str) -> Document | None:
        """Return the job's document, or None."""
        return self._parts.store.get(Kind.JOB, workspace.resource("jobs", name))

    def cancel(self, workspace: Workspace, name: str) -> None:
        """Ask a job to end; one that has ended stays as it is."""
        ref = RunRef(workspace, name)
        if task := self._tasks.get(ref.key):
            set_status(self._parts, ref, Status.CANCEL_REQUESTED)
            task.cancel()

    def metrics_file(self, ref: RunRef) -> Path:
        """Return where a run's metrics lie."""
        return metrics_file(self._parts, ref)

    async def stop(self) -> None:
        """End all jobs, because the emulator ends."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _recover(self) -> None:
        for run in self._parts.store.below(Kind.RUN):
            self._parts.runs.move(RunRef(workspace_of(run["workspace"]), run["runId"]), Status.FAILED, ENDED)
        for job in self._parts.store.below(Kind.JOB):
            if job["properties"]["status"] not in TERMINAL:
                job["properties"]["status"] = Status.FAILED
                self._parts.store.put(Kind.JOB, job["id"], job)

    def _mark(self, document: Document, job: Job) -> None:
        """Write into the job's own tags what in it is not as on Azure."""
        uris = [uri for node in job.nodes for uri in node.uris.values()]
        document["stand_in"] = any(
            self._parts.references.locate(job.ref.workspace, uri).stand_in for uri in uris
        )
        notes = {STAND_IN: BASE_MODEL_NAME} if document["stand_in"] else {}
        if job.script:
            notes[SCRIPTED] = str(job.script)
        properties = document["properties"]
        properties["tags"] = {**(properties.get("tags") or {}), **notes}
        properties["properties"] = {**(properties.get("properties") or {}), **notes}

    def _create_runs(self, job: Job, properties: Document) -> None:
        """Put the tree: the job, its nodes, and the stages of each."""
        common = {"rootRunId": job.ref.run_id, "experiment": properties["experimentName"]}
        self._parts.runs.create(
            job.ref,
            **common,
            displayName=properties["displayName"],
            parentRunId=None,
            runType=NODE_RUN,
            tags=properties["tags"],
            properties=properties["properties"],
        )
        for node in job.nodes:
            ref = job.child(node.name)
            names = {
                "azureml.moduleName": node.component["name"],
                "azureml.moduleVersion": node.component["version"],
            }
            self._parts.runs.create(
                ref,
                **common,
                displayName=node.name,
                parentRunId=job.ref.run_id,
                runType=NODE_RUN,
                properties=names,
            )
            for stage in STAGES:
                self._parts.runs.create(
                    job.child(node.name, stage.node),
                    **common,
                    displayName=stage.node,
                    parentRunId=ref.run_id,
                    runType=STAGE_RUN,
                    target=_target(node, stage),
                    properties={"azureml.moduleName": stage.node, "azureml.pipelinerunid": job.ref.run_id},
                )


def _target(node: Node, stage: Stage) -> str:
    name = "compute_finetune" if stage.trains else "compute_preprocess"
    return node.literals.get(name, "serverless")
