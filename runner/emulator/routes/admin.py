"""The emulator's own routes, for whoever started it: its state, its end, and scripted jobs in tests."""

import os

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.cloud import Cloud, bench_of, cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.execution import Preemption, Script
from runner.emulator.runs import Status
from runner.emulator.store import Document, Kind
from runner.emulator.wire import read_json

_ENDS = {Status.COMPLETED, Status.FAILED, Status.CANCELED}
_MAX_SECONDS = 1e8
_MAX_TIMES = 1000
_KEYS = {"end", "seconds", "times", "always", "preempted", "queued_seconds"}


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
    """Let the next job submitted end as told, without training, or the next `times`, or `always` all."""
    cloud = _in_test_mode(request)
    body = await read_json(request)
    script, times = _script(body), body.get("times", 1)
    if not isinstance(times, int) or not 1 <= times <= _MAX_TIMES:
        raise ArmError(400, "BadRequest", f"times must be a whole number from 1 to {_MAX_TIMES}.")
    if body.get("always"):
        cloud.jobs.scripts.set_always(script)
    else:
        cloud.jobs.scripts.add(script, times)
    return JSONResponse({"end": script.end, "seconds": script.seconds})


async def clear_scripts(request: Request) -> Response:
    """Let jobs train again."""
    _in_test_mode(request).jobs.scripts.clear()
    return Response(status_code=204)


def _in_test_mode(request: Request) -> Cloud:
    cloud = cloud_of(request)
    bench_of(cloud)
    return cloud


def _script(body: Document) -> Script:
    """Read a script; `preempted` is true, or says what becomes of the job."""
    if unknown := body.keys() - _KEYS:
        raise ArmError(400, "BadRequest", f"A script has no key {', '.join(sorted(unknown))}.")
    preempted = Preemption.ENDS if body.get("preempted") is True else body.get("preempted") or None
    end = body.get("end", Status.FAILED if preempted is Preemption.ENDS else None)
    if end not in _ENDS or preempted not in {None, *Preemption}:
        message = f"Expected end, one of {', '.join(sorted(_ENDS))}, and preempted, true or restarted."
        raise ArmError(400, "BadRequest", message)
    return Script(
        end=Status(end),
        seconds=_seconds(body, "seconds") if "seconds" in body else None,
        queued_seconds=_seconds(body, "queued_seconds"),
        preempted=preempted and Preemption(preempted),
    )


def _seconds(body: Document, name: str) -> float:
    value = body.get(name, 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_SECONDS:
        raise ArmError(400, "BadRequest", f"{name} must be a number from 0 to {_MAX_SECONDS:g}.")
    return float(value)
