"""The emulator's own routes, for whoever started it: its state, its end, and scripted jobs in tests."""

import os

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.cloud import cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.execution import Script
from runner.emulator.runs import Status
from runner.emulator.store import Kind
from runner.emulator.wire import read_json

_ENDS = {Status.COMPLETED, Status.FAILED, Status.CANCELED}
_MAX_SECONDS = 600.0


async def status(request: Request) -> Response:
    """Answer what runs."""
    cloud = cloud_of(request)
    deployments = cloud.store.below(Kind.DEPLOYMENT)
    return JSONResponse(
        {
            "pid": os.getpid(),
            "test_mode": cloud.settings.test_mode,
            "jobs_running": cloud.jobs.running,
            "operations_running": cloud.operations.running,
            "serving_processes": cloud.serving.running,
            "deployments": [document["id"] for document in deployments],
        }
    )


async def shutdown(request: Request) -> Response:
    """End the emulator once this answer is out."""
    cloud_of(request).activity.stop.set()
    return Response(status_code=202)


async def script_job(request: Request) -> Response:
    """Let the next job submitted end as told, without training; only in test mode."""
    cloud = cloud_of(request)
    if not cloud.settings.test_mode:
        raise ArmError(403, "Forbidden", "Jobs can be scripted in test mode only.")
    body = await read_json(request)
    end, seconds = body.get("end"), body.get("seconds", 0.3)
    if end not in _ENDS or not isinstance(seconds, int | float) or not 0 <= seconds <= _MAX_SECONDS:
        raise ArmError(
            400, "BadRequest", f"Expected end, one of {', '.join(sorted(_ENDS))}, and seconds up to 600."
        )
    cloud.jobs.next_script = Script(Status(end), float(seconds))
    return JSONResponse({"end": end, "seconds": seconds})
