"""The workspace's MLflow tracking API, as far as it reads: a run, and the history of one metric.

Only the child that trains has metrics. What the job, its node and the other children log on Azure is not
published; the notebooks that show a fine-tuning's curves read them from that child.
"""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.errors import ArmError, TrackingError
from runner.emulator.runs import RunRef, Status
from runner.emulator.store import Document
from runner.emulator.workspace import Workspace

# MLflow's own most, and what it takes without being told (https://mlflow.org/docs/latest/rest-api.html).
MOST_POINTS = 25_000
_STATES = {
    Status.COMPLETED: "FINISHED",
    Status.FAILED: "FAILED",
    Status.CANCELED: "KILLED",
    Status.NOT_STARTED: "SCHEDULED",
}


async def get_run(request: Request) -> Response:
    """Answer a run with the newest point of each of its metrics."""
    return JSONResponse({"run": tracked(cloud_of(request), _ref(request))})


async def get_history(request: Request) -> Response:
    """Answer the points of one metric in the order in which they were logged, page by page."""
    ref = _ref(request)
    key = request.query_params.get("metric_key", "")
    if not key:
        raise invalid("Missing value for required parameter 'metric_key'.")
    points = [point for point in _points(cloud_of(request), ref) if point["key"] == key]
    shown, rest = paged(points, request.query_params, MOST_POINTS)
    return JSONResponse({"metrics": [_metric(point) for point in shown], **rest})


def tracked(cloud: Cloud, ref: RunRef) -> Document:
    """Return a run as MLflow tells it. Raises the error of one that is not there."""
    run = _found(cloud, ref)
    newest = {point["key"]: point for point in _points(cloud, ref)}
    info = {
        "run_id": run["runId"],
        "run_uuid": run["runId"],
        "run_name": run["displayName"],
        "experiment_id": run["experiment"],
        "status": _STATES.get(run["status"], "RUNNING"),
        "artifact_uri": "",
        "lifecycle_stage": "active",
        **_times(run),
    }
    data = {"metrics": [_metric(point) for point in newest.values()], "params": [], "tags": _tags(run)}
    return {"info": info, "data": data, "inputs": {}}


def paged(items: list[Document], asked: Mapping[str, Any], most: int) -> tuple[list[Document], Document]:
    """Return a page of a list, and what leads to the next one: nothing after the last."""
    count, token = str(asked.get("max_results") or most), str(asked.get("page_token") or "0")
    if not count.isdecimal() or not 1 <= int(count) <= most:
        raise invalid(f"Invalid value {count} for parameter 'max_results': it must be from 1 to {most}.")
    if not token.isdecimal():
        raise invalid("Invalid page token.")
    end = int(token) + int(count)
    return items[int(token) : end], {"next_page_token": str(end)} if end < len(items) else {}


def invalid(message: str) -> TrackingError:
    """Return the error of a request that MLflow cannot make sense of."""
    return TrackingError(400, "INVALID_PARAMETER_VALUE", message)


def _ref(request: Request) -> RunRef:
    run_id = request.query_params.get("run_id") or request.query_params.get("run_uuid")
    if not run_id:
        raise invalid("Missing value for required parameter 'run_id'.")
    return RunRef(Workspace.of(request), run_id)


def _found(cloud: Cloud, ref: RunRef) -> Document:
    """Return a run; one that is not there is told as Azure does (zenml-io/zenml#4207, 2025-11-18)."""
    try:
        return cloud.runs.get(ref)
    except ArmError as error:
        message = f"Run with id={ref.run_id} not found"
        raise TrackingError(404, "RESOURCE_DOES_NOT_EXIST", message) from error


def _points(cloud: Cloud, ref: RunRef) -> list[Document]:
    """Read the points that the trainer has written so far; a line without its end is not yet one."""
    _found(cloud, ref)
    file = cloud.jobs.metrics_file(ref)
    if not file.is_file():
        return []
    whole, _, _ = file.read_text(encoding="utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines() if line.strip()]


def _metric(point: Document) -> Document:
    return {
        "key": point["key"],
        "value": _number(point["value"]),
        "timestamp": point["timestamp_ms"],
        "step": point["step"],
    }


def _number(value: float) -> float | str:
    """Write what JSON has no number for as protobuf's JSON does: by these names, and no others."""
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else f"{'-' if value < 0 else ''}Infinity"


def _tags(run: Document) -> list[Document]:
    """Return a run's tags, and those by which MLflow knows the tree; a root has no parent."""
    tree = {
        "mlflow.runName": run["displayName"],
        "mlflow.rootRunId": run["rootRunId"],
        "mlflow.parentRunId": run["parentRunId"],
    }
    told = run["tags"] | {key: value for key, value in tree.items() if value}
    return [{"key": key, "value": str(value)} for key, value in told.items()]


def _times(run: Document) -> Document:
    """Return when a run began and ended, in milliseconds, as far as it has."""
    told = {"start_time": run["startTimeUtc"], "end_time": run["endTimeUtc"]}
    return {
        name: int(datetime.fromisoformat(stamp).timestamp() * 1000) for name, stamp in told.items() if stamp
    }
