"""Deployments of an endpoint: each is a process that serves one model, from its creation to its end."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator import endpoint_rules
from runner.emulator.catalog import BASE_MODEL_NAME
from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.jobs import STAND_IN
from runner.emulator.operations import Family
from runner.emulator.references import Located
from runner.emulator.routes import endpoints, shortage
from runner.emulator.store import Document, Kind
from runner.emulator.wire import (
    CREATED_BY,
    accepted_delete,
    accepted_put,
    bad_argument,
    page,
    properties_of,
    read_json,
)
from runner.emulator.workspace import Workspace, workspace_of

_HIDDEN = {"settled"}
_UNSETTLED = {"maxQueueWait": "PT0S", "requestTimeout": "PT0S", "maxConcurrentRequestsPerInstance": 1}
_CONTAINERS = {"InferenceServer", "StorageInitializer"}


async def get(request: Request) -> Response:
    """Answer one deployment."""
    return JSONResponse(_shown(cloud_of(request), _found(request)))


async def list_all(request: Request) -> Response:
    """Answer the endpoint's deployments."""
    cloud, endpoint = cloud_of(request), endpoints.found(request)
    documents = endpoints.deployments(cloud, endpoint["id"])
    return page([_shown(cloud, document) for document in documents], request)


async def put(request: Request) -> Response:
    """Create or replace a deployment: it is Updating until its process can score, Failed if that dies."""
    cloud, endpoint, key = cloud_of(request), endpoints.found(request), _id(request)
    endpoint_rules.check_deployment_name(request.path_params["deployment"])
    body = await read_json(request)
    before = cloud.store.get(Kind.DEPLOYMENT, key)
    endpoints.refuse_while_changing(endpoint)
    endpoints.refuse_while_changing(before)
    document = _document(cloud, request, body, before)
    shortage.refuse_deployment(cloud, document, before)
    model = _model(cloud, document)
    if model.stand_in:
        document["properties"]["properties"][STAND_IN] = BASE_MODEL_NAME

    async def work() -> None:
        try:
            await cloud.clock.sleep(cloud.latencies.deployment)
            await cloud.serving.replace(key, model.path)
        except BaseException:
            _settle(cloud, key, "Failed")
            raise
        _settle(cloud, key, "Succeeded")

    operation = endpoints.begin(cloud, Family.DEPLOYMENT, document, Kind.DEPLOYMENT, work)
    return accepted_put(request, operation, _shown(cloud, document))


async def delete(request: Request) -> Response:
    """Delete a deployment, unless traffic still goes to it; one that is not there is 204."""
    cloud, key = cloud_of(request), _id(request)
    endpoint = endpoints.found(request)
    document = cloud.store.get(Kind.DEPLOYMENT, key)
    if document is None:
        return Response(status_code=204)
    if endpoint["properties"]["traffic"].get(document["name"], 0):
        raise bad_argument(f"Deployment {document['name']} still has traffic; set it to 0 first.")
    document["properties"]["provisioningState"] = "Deleting"

    async def work() -> None:
        await cloud.serving.stop(key)
        await cloud.clock.sleep(cloud.latencies.until_deleted(0.0))
        cloud.store.delete(Kind.DEPLOYMENT, key)

    return accepted_delete(
        request, endpoints.begin(cloud, Family.DEPLOYMENT, document, Kind.DEPLOYMENT, work)
    )


async def get_logs(request: Request) -> Response:
    """Answer the last lines of a container's log."""
    cloud, document = cloud_of(request), _found(request)
    body = await read_json(request)
    container, tail = body.get("containerType") or "InferenceServer", body.get("tail")
    if container not in _CONTAINERS:
        raise bad_argument(f"containerType {container} is not one of {', '.join(sorted(_CONTAINERS))}.")
    if container == "StorageInitializer":
        text = f"Model {document['properties']['model']} is on this machine; nothing was downloaded.\n"
    else:
        text = _read_log(cloud.serving.log_file(document["id"]), tail)
    return JSONResponse({"content": text})


def recover(cloud: Cloud) -> None:
    """Finish what a killed emulator left half done; what served is started again when it is asked."""
    for document in cloud.store.below(Kind.DEPLOYMENT):
        state = document["properties"]["provisioningState"]
        if state == "Deleting":
            cloud.store.delete(Kind.DEPLOYMENT, document["id"])
        elif state != "Succeeded":
            _settle(cloud, document["id"], "Failed")


async def ensure_serving(cloud: Cloud, document: Document) -> None:
    """Have a process for a deployment that was made by an earlier start."""
    if document["properties"]["provisioningState"] == "Failed":
        raise ArmError(424, "model_error", f"Deployment {document['name']} has failed.")
    await cloud.serving.ensure(document["id"], _model(cloud, document).path)


def _id(request: Request) -> str:
    """Return the deployment's id: the service lower-cases its name."""
    params = request.path_params
    path = (params["endpoint"], "deployments", params["deployment"].lower())
    return Workspace.of(request).resource("onlineEndpoints", *path)


def _found(request: Request) -> Document:
    endpoints.found(request)
    document = cloud_of(request).store.get(Kind.DEPLOYMENT, _id(request))
    if document is None:
        message = f"Deployment {request.path_params['deployment']} was not found."
        raise ArmError(404, "UserError", message, inner=("NotFound",))
    return document


def _shown(cloud: Cloud, document: Document) -> Document:
    shown = endpoints.shown(cloud, document)
    return {key: value for key, value in shown.items() if key not in _HIDDEN}


def _settle(cloud: Cloud, key: str, state: str) -> None:
    """End a change; only now the service says which probes and settings it took."""
    document = cloud.store.get(Kind.DEPLOYMENT, key)
    if document is not None:
        document["properties"] |= {"provisioningState": state, **document["settled"]}
        cloud.store.put(Kind.DEPLOYMENT, key, document)


def _model(cloud: Cloud, document: Document) -> Located:
    model = document["properties"]["model"]
    located = cloud.references.locate(workspace_of(document["id"]), str(model))
    if not located.path.exists():
        raise ArmError(
            404, "UserError", f"There is nothing at {model}.", inner=("NotFound", "StorageObjectNotFound")
        )
    return located


def _document(cloud: Cloud, request: Request, body: Document, before: Document | None) -> Document:
    given = properties_of(body)
    _check(cloud, given)
    created = before["systemData"]["createdAt"] if before else cloud.clock.stamp()
    key = _id(request)
    return {
        "id": key,
        "name": key.rpartition("/")[2],
        "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments",
        "properties": {
            "description": given.get("description"),
            "properties": given.get("properties") or {},
            "codeConfiguration": given.get("codeConfiguration"),
            "environmentId": given.get("environmentId"),
            "environmentVariables": given.get("environmentVariables") or {},
            "scaleSettings": given.get("scaleSettings") or {"scaleType": "Default"},
            "requestSettings": _UNSETTLED,
            "modelMountPath": given.get("modelMountPath"),
            "appInsightsEnabled": bool(given.get("appInsightsEnabled")),
            "livenessProbe": None,
            "readinessProbe": None,
            "provisioningState": "Updating",
            "instanceType": given["instanceType"],
            "model": given["model"],
            "privateNetworkConnection": False,
            "egressPublicNetworkAccess": given.get("egressPublicNetworkAccess") or "Enabled",
            "endpointComputeType": "Managed",
        },
        "settled": {
            "requestSettings": endpoint_rules.request_settings(given.get("requestSettings") or {}),
            "livenessProbe": endpoint_rules.probe("livenessProbe", given.get("livenessProbe") or {}),
            "readinessProbe": endpoint_rules.probe("readinessProbe", given.get("readinessProbe") or {}),
        },
        "systemData": {"createdAt": created, "createdBy": CREATED_BY, "lastModifiedAt": cloud.clock.stamp()},
        "tags": body.get("tags") or {},
        "location": body.get("location") or cloud.settings.location,
        "kind": "Managed",
        "sku": {
            "name": "Default",
            "tier": "Standard",
            "capacity": endpoint_rules.instance_count(body.get("sku")),
        },
    }


def _check(cloud: Cloud, given: Document) -> None:
    if given.get("endpointComputeType", "Managed") != "Managed":
        raise ArmError(501, "NotImplemented", "The emulator has managed deployments only.")
    if given.get("codeConfiguration"):
        raise ArmError(
            501, "NotImplemented", "The emulator serves its own models only, without a scoring script."
        )
    if not given.get("model"):
        raise bad_argument("A deployment needs a model.")
    if cloud.catalog.size(str(given.get("instanceType"))) is None:
        message = f"Instance type {given.get('instanceType')} is not supported in {cloud.settings.location}."
        raise ArmError(400, "UserError", message, inner=("BadArgument", "InvalidInstanceType"))


def _read_log(file: Path, tail: object) -> str:
    lines = (
        file.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True) if file.is_file() else []
    )
    return "".join(lines[-tail:] if isinstance(tail, int) and tail > 0 else lines)
