"""Run history: a run, its details with the URLs of its logs, its children, and where its outputs lie."""

import re
import uuid
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.routes.datastores import blob_url
from runner.emulator.runs import RunRef, log_prefix
from runner.emulator.store import Document, Kind
from runner.emulator.wire import page, read_json
from runner.emulator.workspace import ARTIFACT_STORE, BLOB_STORE, Workspace

_OUTPUT_ASSET = re.compile(
    r"azureml://locations/[^/]+/workspaces/[^/]+/data/azureml_(.+)_output_data_(.+)/versions/1$"
)


async def get(request: Request) -> Response:
    """Answer one run."""
    return JSONResponse(_run(cloud_of(request), _found(request)))


async def details(request: Request) -> Response:
    """Answer a run's state, its error and its logs; each log is whole behind its URL, and only grows."""
    cloud, ref = cloud_of(request), _ref(request)
    run = cloud.runs.get(ref)
    container = ref.workspace.container(ARTIFACT_STORE) or ""
    prefix = log_prefix(ref.run_id)
    urls = {name: blob_url(cloud, container, f"{prefix}{name}") for name in cloud.runs.logs(ref)}
    return JSONResponse(
        {
            "runId": run["runId"],
            "target": run.get("target"),
            "status": run["status"],
            "parentRunId": run["parentRunId"],
            "createdTimeUtc": run["createdUtc"],
            "startTimeUtc": run["startTimeUtc"],
            "endTimeUtc": run["endTimeUtc"],
            "error": run["error"],
            "warnings": [],
            "tags": run["tags"],
            "properties": run["properties"],
            "parameters": {},
            "services": {},
            "inputDatasets": [],
            "outputDatasets": [],
            "logFiles": urls,
            "revision": 1,
        }
    )


async def children(request: Request) -> Response:
    """Answer the runs just below a run, in the order in which they run."""
    _found(request)
    cloud = cloud_of(request)
    return page([_run(cloud, run) for run in cloud.runs.children(_ref(request))], request)


async def modify(request: Request) -> Response:
    """Change a run's tags, name, description or archiving; the job that it is changes with it."""
    cloud, ref = cloud_of(request), _ref(request)
    body = await read_json(request)
    run = cloud.runs.get(ref)
    changes = {
        name: body[name] for name in ("displayName", "description", "hidden") if body.get(name) is not None
    }
    tags = run["tags"] | (body.get("tags") or {})
    cloud.runs.update(ref, tags=tags, **changes)
    if job := cloud.jobs.get(ref.workspace, ref.run_id):
        shown = {"isArchived" if name == "hidden" else name: value for name, value in changes.items()}
        job["properties"] |= {"tags": tags, **shown}
        cloud.store.put(Kind.JOB, job["id"], job)
    return JSONResponse(_run(cloud, cloud.runs.get(ref)))


async def run_data(request: Request) -> Response:
    """Answer a run's metadata with its outputs as assets, which is how a download finds them."""
    cloud, workspace = cloud_of(request), Workspace.of(request)
    run_id = str((await read_json(request)).get("runId"))
    run = cloud.runs.get(RunRef(workspace, run_id))
    outputs = {name: _output(cloud, workspace, path) for name, path in run["outputs"].items()}
    metadata = _run(cloud, run) | {"outputs": outputs, "inputs": {}}
    return JSONResponse(
        {"runMetadata": metadata, "runDefinition": None, "jobSpecification": None, "systemSettings": None}
    )


async def resolve_uris(request: Request) -> Response:
    """Answer where output assets lie."""
    workspace = Workspace.of(request)
    body = await read_json(request)
    return JSONResponse(
        {"values": {asset: {"uri": _uri(workspace, asset)} for asset in body.get("values") or []}}
    )


def _ref(request: Request) -> RunRef:
    return RunRef(Workspace.of(request), request.path_params["run"])


def _found(request: Request) -> Document:
    return cloud_of(request).runs.get(_ref(request))


def _run(cloud: Cloud, run: Document) -> Document:
    """Return a run as the wire has it."""
    shown = {
        "runNumber": int(datetime.fromisoformat(run["createdUtc"]).timestamp()),
        "rootRunId": run["rootRunId"],
        "createdUtc": run["createdUtc"],
        "createdBy": {"userObjectId": "00000000-0000-4000-8000-0000000000e1", "userName": "emulator"},
        "token": None,
        "error": run["error"],
        "warnings": None,
        "revision": 1,
        "statusRevision": 1,
        "runUuid": _uuid(run["runId"]),
        "parentRunUuid": run["parentRunId"] and _uuid(run["parentRunId"]),
        "rootRunUuid": _uuid(run["rootRunId"]),
        "computeDuration": _duration(run),
        "lastModifiedUtc": run["endTimeUtc"] or run["startTimeUtc"] or run["createdUtc"],
        "duration": _duration(run),
        "runId": run["runId"],
        "parentRunId": run["parentRunId"],
        "experimentId": run["experiment"],
        "status": run["status"],
        "startTimeUtc": run["startTimeUtc"],
        "endTimeUtc": run["endTimeUtc"],
        "displayName": run["displayName"],
        "name": None,
        "dataContainerId": f"dcid.{run['runId']}",
        "hidden": bool(run.get("hidden")),
        "runType": run["runType"],
        "runTypeV2": {
            "orchestrator": "Pipeline",
            "traits": [run["runType"]],
            "attribution": None,
            "computeType": None,
        },
        "properties": run["properties"],
        "parameters": {},
        "actionUris": {
            "Cancel": f"{cloud.settings.base_url}{run['workspace']}/jobs/{run['rootRunId']}/cancel"
        },
        "uniqueChildRunComputeTargets": [],
        "tags": run["tags"],
        "settings": {},
        "services": {},
        "inputDatasets": [],
        "outputDatasets": [],
        "runDefinition": None,
        "jobSpecification": None,
    }
    if run.get("target"):
        shown |= {"target": run["target"], "compute": {"target": run["target"]}}
    return shown | ({"description": run["description"]} if run.get("description") else {})


def _uuid(run_id: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, run_id))


def _duration(run: Document) -> str | None:
    """Return how long a run took, as .NET writes it; None before its end."""
    if not (run["startTimeUtc"] and run["endTimeUtc"]):
        return None
    took = datetime.fromisoformat(run["endTimeUtc"]) - datetime.fromisoformat(run["startTimeUtc"])
    minutes, seconds = divmod(took.total_seconds(), 60)
    return f"{int(minutes) // 60:02}:{int(minutes) % 60:02}:{seconds:010.7f}"


def _output(cloud: Cloud, workspace: Workspace, path: str) -> Document:
    """Name an output's asset. Its type is a folder's, for the SDK cannot download one of type MLFlowModel."""
    _, run, output = path.split("/")
    name = f"azureml_{run}_output_data_{output}"
    asset = (
        f"azureml://locations/{cloud.settings.location}/workspaces/{workspace.guid}/data/{name}/versions/1"
    )
    return {"assetId": asset, "type": "uri_folder"}


def _uri(workspace: Workspace, asset: str) -> str:
    match = _OUTPUT_ASSET.match(asset)
    if match is None:
        raise ArmError(404, "UserError", f"Asset {asset} not found.", inner=("NotFound",))
    return workspace.long_uri(BLOB_STORE, f"azureml/{match[1]}/{match[2]}/")
