"""The two datastores that every workspace has, and the signature that opens their container."""

from datetime import UTC, datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.store import Document
from runner.emulator.workspace import BLOB_STORE, Workspace

STORAGE_VERSION = "2023-11-03"
_CREATED = "2026-01-01T00:00:00+00:00"


async def get(request: Request) -> Response:
    """Answer one datastore."""
    name = request.path_params["datastore"]
    workspace = Workspace.of(request)
    if name not in workspace.datastores:
        raise ArmError(404, "UserError", f"Could not find datastore: {name}", inner=("NotFound",))
    return JSONResponse(_document(cloud_of(request), workspace, name))


async def list_all(request: Request) -> Response:
    """Answer the datastores, or only the default one."""
    workspace, only_default = Workspace.of(request), request.query_params.get("isDefault") == "true"
    names = [BLOB_STORE] if only_default else list(workspace.datastores)
    return JSONResponse({"value": [_document(cloud_of(request), workspace, name) for name in names]})


async def list_secrets(request: Request) -> Response:
    """Answer a signature for the datastore's container."""
    container = Workspace.of(request).container(request.path_params["datastore"])
    if container is None:
        raise ArmError(404, "UserError", "Could not find datastore.", inner=("NotFound",))
    return JSONResponse({"secretsType": "Sas", "sasToken": container_signature(cloud_of(request), container)})


def container_signature(cloud: Cloud, container: str) -> str:
    """Return the query that lets a client read and write a container."""
    return _query(cloud, "c", "racwdl", container)


def reading_signature(cloud: Cloud, container: str, seconds: float) -> str:
    """Return the query that lets a client read and list a container, for so long."""
    expiry = datetime.fromtimestamp(cloud.clock.time() + seconds, UTC)
    return _query(cloud, "c", "rl", container, f"{expiry:%Y-%m-%dT%H:%M:%SZ}")


def blob_url(cloud: Cloud, container: str, name: str) -> str:
    """Return a URL that lets whoever has it read one blob."""
    account, _, folder = container.partition("/")
    signature = _query(cloud, "b", "r", f"{container}/{name}")
    return f"{cloud.settings.base_url}/{account}.blob.local/{folder}/{name}?{signature}"


def _query(cloud: Cloud, resource: str, permissions: str, scope: str, expiry: str = "") -> str:
    signature = cloud.tokens.sign(resource, permissions, expiry, scope)
    until = f"&se={quote(expiry, safe='')}" if expiry else ""
    return f"sv={STORAGE_VERSION}{until}&sr={resource}&sp={permissions}&sig={signature}"


def _document(cloud: Cloud, workspace: Workspace, name: str) -> Document:
    """Describe a datastore; the account's name carries our address, so that its URL needs no DNS."""
    host = cloud.settings.base_url.removeprefix("https://")
    is_default = name == BLOB_STORE
    return {
        "id": workspace.resource("datastores", name),
        "name": name,
        "type": "Microsoft.MachineLearningServices/workspaces/datastores",
        "properties": {
            "description": None,
            "tags": None,
            "properties": None,
            "isDefault": is_default,
            "credentials": {"credentialsType": "Sas"},
            "datastoreType": "AzureBlob",
            "accountName": f"{host}/{workspace.account}",
            "containerName": workspace.datastores[name],
            "endpoint": "local",
            "protocol": "https",
            "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity" if is_default else "None",
        },
        "systemData": {
            "createdAt": _CREATED,
            "createdBy": "emulator",
            "createdByType": "Application",
            "lastModifiedAt": _CREATED,
            "lastModifiedBy": "emulator",
            "lastModifiedByType": "Application",
        },
    }
