"""The workspace's MLflow tracking API, as far as it reads: a run, and the history of one metric."""

import json
import math

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.cloud import cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.runs import RunRef, Status
from runner.emulator.store import Document
from runner.emulator.workspace import Workspace

_STATES = {
    Status.COMPLETED: "FINISHED",
    Status.FAILED: "FAILED",
    Status.CANCELED: "KILLED",
    Status.NOT_STARTED: "SCHEDULED",
}


async def get_run(request: Request) -> Response:
    """Answer a run with the last point of each of its metrics."""
    ref = _ref(request)
    run = cloud_of(request).runs.get(ref)
    last = {point["key"]: point for point in _points(request, ref)}
    tags = [{"key": key, "value": str(value)} for key, value in run["tags"].items()]
    info = {
        "run_id": run["runId"],
        "run_uuid": run["runId"],
        "run_name": run["displayName"],
        "experiment_id": run["experiment"],
        "status": _STATES.get(run["status"], "RUNNING"),
        "artifact_uri": "",
        "lifecycle_stage": "active",
    }
    data = {"metrics": [_metric(point) for point in last.values()], "params": [], "tags": tags}
    return JSONResponse({"run": {"info": info, "data": data, "inputs": {}}})


async def get_history(request: Request) -> Response:
    """Answer all points of one metric, in the order in which they were logged."""
    ref = _ref(request)
    cloud_of(request).runs.get(ref)
    key = request.query_params.get("metric_key", "")
    return JSONResponse(
        {"metrics": [_metric(point) for point in _points(request, ref) if point["key"] == key]}
    )


def _ref(request: Request) -> RunRef:
    run_id = request.query_params.get("run_id") or request.query_params.get("run_uuid")
    if not run_id:
        raise ArmError(400, "INVALID_PARAMETER_VALUE", "The query parameter run_id is missing.")
    return RunRef(Workspace.of(request), run_id)


def _points(request: Request, ref: RunRef) -> list[Document]:
    """Read the points that the trainer has written so far; a line without its end is not yet one."""
    file = cloud_of(request).jobs.metrics_file(ref)
    if not file.is_file():
        return []
    whole, _, _ = file.read_text(encoding="utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines() if line.strip()]


def _metric(point: Document) -> Document:
    return {
        "key": point["key"],
        # MLflow writes what JSON has no number for as text.
        "value": point["value"] if math.isfinite(point["value"]) else str(point["value"]),
        "timestamp": point["timestamp_ms"],
        "step": point["step"],
    }
