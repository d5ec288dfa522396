"""The routes that a poller asks until an operation has ended."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.runs import TERMINAL
from runner.emulator.store import Document
from runner.emulator.wire import FAST_POLL_MS
from runner.emulator.workspace import Workspace

_PENDING = "Updating"


async def compute_status(request: Request) -> Response:
    """Answer as the compute service: a state and a percentage, no name."""
    cloud = cloud_of(request)
    record = cloud.operations.get(request.path_params["operation"])
    pending = record["status"] == _PENDING
    body: Document = {
        "status": "InProgress" if pending else record["status"],
        "percentComplete": 0.0 if pending else 100.0,
    }
    return JSONResponse(body | _error(record), headers=_pace(cloud, pending=pending))


async def mfe_status(request: Request) -> Response:
    """Answer as the front end does for endpoints and deployments."""
    cloud = cloud_of(request)
    record = cloud.operations.get(request.path_params["operation"])
    pending = record["status"] == _PENDING
    body: Document = {
        "id": request.url.path,
        "name": record["name"],
        "startTime": record["startTime"],
        "percentComplete": 0.0 if pending else 100.0,
        "status": record["status"],
    }
    ended = {} if pending else {"endTime": record["endTime"]}
    return JSONResponse(body | ended | _error(record), headers=_pace(cloud, pending=pending))


async def mfe_result(request: Request) -> Response:
    """Answer 202 while the operation goes on, 204 when it is over."""
    cloud = cloud_of(request)
    pending = cloud.operations.get(request.path_params["operation"])["status"] == _PENDING
    headers = _pace(cloud, pending=pending)
    if pending:
        headers["Location"] = str(request.url)
    return Response(status_code=202 if pending else 204, headers=headers)


async def job_result(request: Request) -> Response:
    """Answer 202 until a job that was asked to end has ended."""
    cloud = cloud_of(request)
    job = cloud.jobs.get(Workspace.of(request), request.path_params["job"])
    pending = job is not None and job["properties"]["status"] not in TERMINAL
    headers = _pace(cloud, pending=pending)
    if pending:
        headers["Location"] = str(request.url)
    return Response(status_code=202 if pending else 200, headers=headers)


def _error(record: Document) -> Document:
    return {"error": record["error"]} if record["error"] else {}


def _pace(cloud: Cloud, *, pending: bool) -> dict[str, str]:
    """Tell a poller to come back soon: the declared deviation that spares it 30 seconds."""
    return {"x-ms-retry-after-ms": FAST_POLL_MS} if pending and cloud.settings.fast_polling else {}
