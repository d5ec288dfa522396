"""Pipeline jobs as ARM resources: submitted once under a name, read, listed, canceled."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.pipeline import Node, parse
from runner.emulator.runs import TERMINAL, RunRef, Status
from runner.emulator.settings import AML_AUDIENCE
from runner.emulator.store import Document, Kind
from runner.emulator.wire import (
    ASSET_NAME,
    active_only,
    bad_argument,
    check_name,
    clean,
    page,
    properties_of,
    read_json,
    system_data,
)
from runner.emulator.workspace import PROVIDER, Workspace

_MUTABLE = {"tags", "description", "displayName", "isArchived", "services"}
# The component's inputs that name a compute, each with the one for the size it has if it is serverless.
_COMPUTE_INPUTS = {
    "compute_model_import": "instance_type_model_import",
    "compute_preprocess": "instance_type_preprocess",
    "compute_finetune": "instance_type_finetune",
    "compute_model_evaluation": "instance_type_model_evaluation",
}
_SERVERLESS = "serverless"
_HIDDEN = {"request", "stand_in", "output_paths"}


async def get(request: Request) -> Response:
    """Answer a job; a child of one has its id and no properties, which sends clients to run history."""
    cloud, workspace, name = cloud_of(request), Workspace.of(request), request.path_params["job"]
    document = cloud.jobs.get(workspace, name)
    if document is None:
        cloud.runs.get(RunRef(workspace, name))
        return JSONResponse(
            {"id": workspace.resource("jobs", name), "name": name, "type": _TYPE, "properties": None}
        )
    return JSONResponse(_shown(cloud, document))


async def list_all(request: Request) -> Response:
    """Answer the workspace's jobs, newest first."""
    cloud = cloud_of(request)
    documents = cloud.store.below(Kind.JOB, Workspace.of(request).resource("jobs") + "/")[::-1]
    return page([_shown(cloud, document) for document in active_only(documents, request)], request)


async def put(request: Request) -> Response:
    """Submit a job: 201; again with the same body 200; with another body it is refused."""
    cloud, name = cloud_of(request), request.path_params["job"]
    check_name("job", name, ASSET_NAME)
    _check_user_token(cloud, request)
    given = properties_of(await read_json(request))
    before = cloud.jobs.get(Workspace.of(request), name)
    if before:
        return JSONResponse(_shown(cloud, _update(cloud, before, given)))
    nodes = parse(given, cloud.catalog)
    workspace = Workspace.of(request)
    _check_computes(cloud, workspace, given, nodes)
    document = cloud.jobs.submit(_document(cloud, workspace, name, given), nodes)
    document["properties"]["status"] = Status.PREPARING
    location = f"{cloud.settings.base_url}{request.url.path}?{request.url.query}"
    return JSONResponse(_shown(cloud, document), 201, {"Location": location})


async def cancel(request: Request) -> Response:
    """Ask a job to end: 202, and a URL that answers 200 when it has."""
    cloud, workspace, name = cloud_of(request), Workspace.of(request), request.path_params["job"]
    job = cloud.jobs.get(workspace, name)
    if job is None:
        raise ArmError(404, "UserError", f"Job {name} was not found.", inner=("NotFound",))
    if job["properties"]["status"] in TERMINAL:
        return Response(status_code=200)
    cloud.jobs.cancel(workspace, name)
    location = f"{cloud.settings.base_url}{workspace.resource('jobs', name)}/cancelResult"
    return Response(status_code=202, headers={"Location": location})


_TYPE = "Microsoft.MachineLearningServices/workspaces/jobs"


def _check_user_token(cloud: Cloud, request: Request) -> None:
    """Refuse a pipeline without its user's token, which comes in a header of its own."""
    token = request.headers.get("x-azureml-token", "")
    if error := cloud.tokens.expired(token):
        raise error
    claims = cloud.tokens.claims(token) or {}
    if claims.get("aud") != AML_AUDIENCE:
        message = f"A pipeline job needs the header x-azureml-token, a token for {AML_AUDIENCE}."
        raise ArmError(401, "InvalidAuthenticationToken", message)


def _check_computes(cloud: Cloud, workspace: Workspace, given: Document, nodes: list[Node]) -> None:
    """Refuse a compute that does not exist, wherever it is named; URIs are checked as they are located."""
    named = {node.literals.get(name, _SERVERLESS) for node in nodes for name in _COMPUTE_INPUTS}
    settings = given.get("settings")
    default = settings.get("default_compute") if isinstance(settings, dict) else None
    named |= {str(each).rpartition("/")[2] for each in (given.get("computeId"), default) if each}
    for name in sorted(named - {_SERVERLESS}):
        if cloud.store.get(Kind.COMPUTE, workspace.resource("computes", name)) is None:
            raise ArmError(
                400, "UserError", f"Unknown compute target '{name}'.", inner=("NotFound", "ComputeNotFound")
            )
    for node in nodes:
        _check_instance_types(cloud, node)
    for uri in (uri for node in nodes for uri in node.uris.values()):
        cloud.references.locate(workspace, uri)


def _check_instance_types(cloud: Cloud, node: Node) -> None:
    """Refuse a size that is not offered; on a cluster of its own an input for a size means nothing."""
    for compute, size in _COMPUTE_INPUTS.items():
        name = node.literals.get(size, "")
        serverless = node.literals.get(compute, _SERVERLESS) == _SERVERLESS
        if serverless and name and cloud.catalog.size(name) is None:
            message = f"{size}: the instance type {name} is not offered in {cloud.settings.location}."
            raise ArmError(400, "UserError", message, inner=("BadArgument", "InvalidInstanceType"))


def _update(cloud: Cloud, before: Document, given: Document) -> Document:
    """Apply what may change of a job; refuse a body that is another job's."""
    for name in sorted(before["request"].keys() | given.keys()):
        if name not in _MUTABLE and clean(before["request"].get(name)) != clean(given.get(name)):
            message = (
                "A job with this name already exists. If you are trying to create a new job, use a different "
                f"name. If you are trying to update an existing job, the existing job's {name} cannot be "
                "changed. Only description, displayName, tags, isArchived, and services can be modified."
            )
            raise ArmError(400, "UserError", message, inner=("Immutable", "JobPropertyImmutable"))
    notes = {key: value for key, value in before["properties"]["tags"].items() if key.startswith("emulator.")}
    changes = {name: given[name] for name in _MUTABLE - {"services"} if given.get(name) is not None}
    before["properties"] |= changes | {"tags": (given.get("tags") or {}) | notes}
    cloud.store.put(Kind.JOB, before["id"], before)
    return before


def _document(cloud: Cloud, workspace: Workspace, name: str, given: Document) -> Document:
    for key in ("inputs", "outputs", "settings", "tags", "properties"):
        if not isinstance(given.get(key) or {}, dict):
            raise bad_argument(f"{key} must be an object.")
    created = system_data(cloud.clock)
    return {
        "id": workspace.resource("jobs", name),
        "name": name,
        "type": _TYPE,
        "request": given,
        "output_paths": {},
        "properties": _properties(name, given),
        "systemData": {key: value for key, value in created.items() if key.startswith("created")},
    }


def _properties(name: str, given: Document) -> Document:
    settings, compute_id = given.get("settings") or {}, str(given.get("computeId") or "")
    marks = {
        "azureml.DevPlatv2": "true",
        "azureml.runsource": "azureml.PipelineRun",
        "runSource": "MFE",
        "runType": "HTTP",
        "azureml.parameters": "{}",
        "azureml.continue_on_step_failure": str(bool(settings.get("continue_on_step_failure"))),
        "azureml.continue_on_failed_optional_input": "True",
        **({"azureml.defaultComputeName": compute_id.rpartition("/")[2]} if compute_id else {}),
        "azureml.defaultDataStoreName": "workspaceblobstore",
        "azureml.pipelineComponent": "pipelinerun",
    }
    return {
        "description": given.get("description"),
        "tags": given.get("tags") or {},
        "properties": {**marks, **(given.get("properties") or {})},
        "displayName": given.get("displayName") or name,
        "status": Status.NOT_STARTED,
        "experimentName": given.get("experimentName") or "Default",
        "computeId": given.get("computeId"),
        "isArchived": bool(given.get("isArchived")),
        "identity": given.get("identity"),
        "componentId": given.get("componentId"),
        "jobType": "Pipeline",
        "settings": settings,
        "jobs": given["jobs"],
        "inputs": given.get("inputs") or {},
        "outputs": {key: _output(value) for key, value in (given.get("outputs") or {}).items()},
        "sourceJobId": None,
    }


def _output(given: Document) -> Document:
    empty = {
        "description": None,
        "uri": None,
        "assetName": None,
        "assetVersion": None,
        "mode": "ReadWriteMount",
    }
    return empty | given


def _shown(cloud: Cloud, document: Document) -> Document:
    """Return the job as the wire has it; its services carry our address, which changes at each start."""
    host = cloud.settings.base_url.removeprefix("https://")
    home = document["id"].partition("/jobs/")[0]
    wsid = home.replace("/resourceGroups/", "/resourcegroups/").replace(f"/{PROVIDER}", "")
    services = {
        "Tracking": _service("Tracking", f"azureml://{host}/mlflow/v1.0{home}?"),
        "Studio": _service("Studio", f"{cloud.settings.base_url}/runs/{document['name']}?wsid={wsid}"),
    }
    shown = {key: value for key, value in document.items() if key not in _HIDDEN}
    return shown | {"properties": document["properties"] | {"services": services}}


def _service(kind: str, endpoint: str) -> Document:
    return {
        "jobServiceType": kind,
        "port": None,
        "endpoint": endpoint,
        "status": None,
        "errorMessage": None,
        "properties": None,
        "nodes": None,
    }
