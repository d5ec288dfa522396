"""Online endpoints: a name, its keys, and how its traffic is split."""

import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator import endpoint_rules
from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.endpoint_identity import identity
from runner.emulator.errors import ArmError
from runner.emulator.operations import Family, Operation, Work
from runner.emulator.store import Document, Kind
from runner.emulator.tokens import TOKEN_SECONDS
from runner.emulator.wire import (
    CREATED_BY,
    accepted_delete,
    accepted_put,
    bad_argument,
    operation_url,
    page,
    properties_of,
    read_json,
)
from runner.emulator.workspace import Workspace, workspace_of

_HIDDEN = {"operation"}
_IN_PROGRESS = {"Creating", "Updating", "Deleting"}


async def get(request: Request) -> Response:
    """Answer one endpoint."""
    return JSONResponse(shown(cloud_of(request), found(request)))


async def list_all(request: Request) -> Response:
    """Answer the workspace's endpoints."""
    cloud = cloud_of(request)
    documents = cloud.store.below(Kind.ENDPOINT, Workspace.of(request).resource("onlineEndpoints") + "/")
    return page([shown(cloud, document) for document in documents], request)


async def put(request: Request) -> Response:
    """Create an endpoint, or change its traffic: 201 both times."""
    cloud, key = cloud_of(request), _id(request)
    name = request.path_params["endpoint"]
    endpoint_rules.check_endpoint_name(name)
    body = await read_json(request)
    before = cloud.store.get(Kind.ENDPOINT, key)
    refuse_while_changing(before)
    _refuse_taken(cloud, key, name)
    document = _document(cloud, request, body, before)
    if before is None:
        cloud.store.put(
            Kind.KEYS,
            key,
            {"primaryKey": secrets.token_urlsafe(32), "secondaryKey": secrets.token_urlsafe(32)},
        )

    async def work() -> None:
        await cloud.clock.sleep(cloud.latencies.traffic if before else cloud.latencies.endpoint)
        document["properties"]["provisioningState"] = "Succeeded"
        cloud.store.put(Kind.ENDPOINT, key, document)

    operation = begin(cloud, Family.ENDPOINT, document, Kind.ENDPOINT, work)
    return accepted_put(request, operation, shown(cloud, document))


async def delete(request: Request) -> Response:
    """Delete an endpoint with all its deployments; one that is not there is 204."""
    cloud, key = cloud_of(request), _id(request)
    document = cloud.store.get(Kind.ENDPOINT, key)
    if document is None:
        return Response(status_code=204)
    document["properties"]["provisioningState"] = "Deleting"

    async def work() -> None:
        for deployment in deployments(cloud, key):
            await cloud.serving.stop(deployment["id"])
            cloud.store.delete(Kind.DEPLOYMENT, deployment["id"])
        await cloud.clock.sleep(cloud.latencies.until_deleted(cloud.latencies.endpoint))
        cloud.store.delete(Kind.KEYS, key)
        cloud.store.delete(Kind.ENDPOINT, key)

    return accepted_delete(request, begin(cloud, Family.ENDPOINT, document, Kind.ENDPOINT, work))


async def list_keys(request: Request) -> Response:
    """Answer the keys of an endpoint whose mode is Key."""
    document = found(request)
    _require_mode(document, "Key")
    return JSONResponse(cloud_of(request).store.get(Kind.KEYS, document["id"]))


async def regenerate_keys(request: Request) -> Response:
    """Replace one key: 202, and done when the operation is."""
    cloud, document = cloud_of(request), found(request)
    _require_mode(document, "Key")
    body = await read_json(request)
    which = f"{str(body.get('keyType')).lower()}Key"
    keys = cloud.store.get(Kind.KEYS, document["id"]) or {}
    if which not in keys:
        raise bad_argument(f"keyType {body.get('keyType')} is neither Primary nor Secondary.")
    wanted = body.get("keyValue")  # the SDK sends the key that is to go
    keys[which] = wanted if wanted and wanted != keys[which] else secrets.token_urlsafe(32)

    async def work() -> None:
        cloud.store.put(Kind.KEYS, document["id"], keys)

    workspace = Workspace.of(request)
    operation = cloud.operations.begin(Family.ENDPOINT, workspace.subscription, workspace.guid, work)
    return accepted_delete(request, operation)


async def token(request: Request) -> Response:
    """Answer a token for an endpoint whose mode is AMLToken."""
    document = found(request)
    _require_mode(document, "AMLToken")
    text, expires = cloud_of(request).tokens.issue(document["id"].lower())
    body = {
        "accessToken": text,
        "tokenType": "Bearer",
        "expiryTimeUtc": expires,
        "refreshAfterTimeUtc": expires - TOKEN_SECONDS // 2,
    }
    return JSONResponse(body)


def recover(cloud: Cloud) -> None:
    """Finish what a killed emulator left half done."""
    for document in cloud.store.below(Kind.ENDPOINT):
        state = document["properties"]["provisioningState"]
        if state == "Deleting":
            for deployment in deployments(cloud, document["id"]):
                cloud.store.delete(Kind.DEPLOYMENT, deployment["id"])
            cloud.store.delete(Kind.KEYS, document["id"])
            cloud.store.delete(Kind.ENDPOINT, document["id"])
        elif state in _IN_PROGRESS:
            document["properties"]["provisioningState"] = "Succeeded"
            cloud.store.put(Kind.ENDPOINT, document["id"], document)


def begin(cloud: Cloud, family: Family, document: Document, kind: Kind, work: Work) -> Operation:
    """Store the resource with its operation, and start the operation."""
    workspace = workspace_of(document["id"])
    operation = cloud.operations.begin(family, workspace.subscription, workspace.guid, work)
    document["operation"] = operation.name
    cloud.store.put(kind, document["id"], document)
    return operation


def found(request: Request) -> Document:
    """Return the endpoint that a request names, or raise the service's 404."""
    document = cloud_of(request).store.get(Kind.ENDPOINT, _id(request))
    if document is None:
        raise ArmError(
            404,
            "UserError",
            f"Endpoint {request.path_params['endpoint']} was not found.",
            inner=("NotFound",),
        )
    return document


def deployments(cloud: Cloud, endpoint_id: str) -> list[Document]:
    """Return an endpoint's deployments."""
    return cloud.store.below(Kind.DEPLOYMENT, f"{endpoint_id}/deployments/")


def refuse_while_changing(document: Document | None) -> None:
    """Refuse a change while another goes on."""
    state = document["properties"]["provisioningState"] if document else ""
    if document and state in _IN_PROGRESS:
        message = f"{document['name']} is in the state {state}; wait until its operation has ended."
        raise ArmError(409, "Conflict", message)


def shown(cloud: Cloud, document: Document) -> Document:
    """Return a resource as the wire has it: with the URL of its last operation, at this start's address."""
    workspace = workspace_of(document["id"])
    properties = dict(document["properties"])
    family = Family(document["operation"].partition(":")[0])
    url = operation_url(cloud, Operation(document["operation"], family, workspace.subscription))
    properties["properties"] = properties["properties"] | {"AzureAsyncOperationUri": url}
    if "scoringUri" in properties and properties["provisioningState"] != "Creating":
        home = f"{cloud.settings.base_url}/{document['name']}.{cloud.settings.location}.inference.local"
        properties |= {"scoringUri": f"{home}/score", "swaggerUri": f"{home}/swagger.json"}
    return {key: value for key, value in document.items() if key not in _HIDDEN} | {"properties": properties}


def _id(request: Request) -> str:
    return Workspace.of(request).resource("onlineEndpoints", request.path_params["endpoint"])


def _refuse_taken(cloud: Cloud, key: str, name: str) -> None:
    """Refuse a name that another workspace has: it is a host's, so it is unique in the region."""
    for other in cloud.store.below(Kind.ENDPOINT):
        if other["name"].lower() == name.lower() and other["id"].lower() != key.lower():
            message = f"The endpoint name {name} is taken in {cloud.settings.location}; choose another."
            raise ArmError(409, "UserError", message, inner=("EndpointNameTaken",))


def _document(cloud: Cloud, request: Request, body: Document, before: Document | None) -> Document:
    given, key, name = properties_of(body), _id(request), request.path_params["endpoint"]
    if before is None and given.get("traffic"):
        raise bad_argument("Traffic cannot be set when an endpoint is created: it has no deployment yet.")
    names = {deployment["name"].lower() for deployment in deployments(cloud, key)}
    created = before["systemData"]["createdAt"] if before else cloud.clock.stamp()
    return {
        "id": before["id"] if before else key,
        "name": before["name"] if before else name,
        "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
        "properties": {
            "description": given.get("description"),
            "properties": {**(given.get("properties") or {}), "azureml.onlineendpointid": key.lower()},
            "scoringUri": None,
            "swaggerUri": None,
            "authMode": endpoint_rules.auth_mode(given.get("authMode")),
            "provisioningState": "Updating" if before else "Creating",
            "compute": None,
            "traffic": endpoint_rules.traffic(given.get("traffic"), names),
            "mirrorTraffic": endpoint_rules.mirror_traffic(given.get("mirrorTraffic"), names),
            "publicNetworkAccess": given.get("publicNetworkAccess") or "Enabled",
        },
        "systemData": {"createdAt": created, "createdBy": CREATED_BY, "lastModifiedAt": cloud.clock.stamp()},
        "tags": body.get("tags") or {},
        "location": body.get("location") or cloud.settings.location,
        "kind": "Managed",
        "identity": identity(
            body.get("identity"), before["identity"] if before else None, Workspace.of(request)
        ),
    }


def _require_mode(document: Document, mode: str) -> None:
    actual = document["properties"]["authMode"]
    if actual != mode:
        raise bad_argument(f"Endpoint {document['name']} has authMode {actual}, not {mode}.")
