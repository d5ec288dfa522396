"""Versioned assets of a workspace, data and models alike: written, fixed, archived, listed."""

import re
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.store import Document, Kind
from runner.emulator.wire import ASSET_NAME, active_only, bad_argument, check_name, page, system_data
from runner.emulator.workspace import Workspace

_VERSION = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,29}", re.ASCII)


@dataclass(frozen=True)
class AssetType:
    """What tells one kind of asset from another on the wire."""

    kind: Kind
    segment: str
    label: str
    fixed: tuple[str, ...]


DATA = AssetType(Kind.DATA, "data", "data", ("dataUri", "dataType"))
MODEL = AssetType(Kind.MODEL, "models", "model", ("modelUri", "modelType"))


def version_id(request: Request, asset: AssetType) -> str:
    """Return the resource id of the version that a request names."""
    params = request.path_params
    return Workspace.of(request).resource(asset.segment, params["name"], "versions", params["version"])


def get_version(request: Request, asset: AssetType) -> Response:
    """Answer one version."""
    document = cloud_of(request).store.get(asset.kind, version_id(request, asset))
    if document is None:
        raise _not_found(asset, f"{request.path_params['name']}:{request.path_params['version']}")
    return JSONResponse(document)


def list_versions(request: Request, asset: AssetType) -> Response:
    """Answer the versions of a name; a name that never was has an empty list."""
    prefix = Workspace.of(request).resource(asset.segment, request.path_params["name"], "versions") + "/"
    return page(active_only(cloud_of(request).store.below(asset.kind, prefix), request), request)


def get_container(request: Request, asset: AssetType) -> Response:
    """Answer the name, with its newest version."""
    containers = _containers(cloud_of(request), Workspace.of(request), asset)
    name = request.path_params["name"]
    if name.lower() not in containers:
        raise _not_found(asset, name)
    return JSONResponse(containers[name.lower()])


def list_containers(request: Request, asset: AssetType) -> Response:
    """Answer the names, each with its newest version."""
    containers = _containers(cloud_of(request), Workspace.of(request), asset)
    return page(active_only(list(containers.values()), request), request)


def put_version(request: Request, asset: AssetType, properties: Document) -> Response:
    """Write a version: 201 for a new one; of an old one only tags, description and archiving may change."""
    cloud, key = cloud_of(request), version_id(request, asset)
    check_name(asset.label, request.path_params["name"], ASSET_NAME)
    check_name(f"{asset.label} version", request.path_params["version"], _VERSION)
    before = cloud.store.get(asset.kind, key)
    if before:
        _check_same(asset, before["properties"], properties)
    document: Document = {
        "id": before["id"] if before else key,
        "name": request.path_params["version"],
        "type": f"Microsoft.MachineLearningServices/workspaces/{asset.segment}/versions",
        "properties": properties,
        "systemData": system_data(cloud.clock, _created(before)),
    }
    cloud.store.put(asset.kind, key, document)
    location = f"{cloud.settings.base_url}{request.url.path}?{request.url.query}"
    return JSONResponse(document, 200 if before else 201, {} if before else {"Location": location})


def _created(before: Document | None) -> Document | None:
    if before is None:
        return None
    return {key: value for key, value in before["systemData"].items() if key.startswith("created")}


def _check_same(asset: AssetType, before: Document, after: Document) -> None:
    changed = [name for name in asset.fixed if str(before[name]).rstrip("/") != str(after[name]).rstrip("/")]
    if changed:
        message = (
            f"A {asset.label} version with this name and version already exists. If you are trying to "
            f"create a new {asset.label} version, use a different name or version. If you are trying to "
            f"update an existing {asset.label} version, the existing asset's {' and '.join(changed)} "
            "cannot be changed. "
            "Only tags, description, and isArchived can be updated."
        )
        raise ArmError(400, "UserError", message, inner=("Immutable",))


def _containers(cloud: Cloud, workspace: Workspace, asset: AssetType) -> dict[str, Document]:
    containers: dict[str, Document] = {}
    for document in cloud.store.below(asset.kind, workspace.resource(asset.segment) + "/"):
        home, _, version = document["id"].rpartition("/versions/")
        name = home.rpartition("/")[2]
        containers[name.lower()] = {
            "id": home,
            "name": name,
            "type": f"Microsoft.MachineLearningServices/workspaces/{asset.segment}",
            "properties": {
                "description": None,
                "tags": {},
                "properties": {},
                "isArchived": bool(document["properties"]["isArchived"]),
                "latestVersion": version,
                "nextVersion": str(int(version) + 1) if version.isdecimal() else None,
                **({"dataType": document["properties"]["dataType"]} if asset is DATA else {}),
            },
            "systemData": document["systemData"],
        }
    return containers


def _not_found(asset: AssetType, what: str) -> ArmError:
    return ArmError(404, "UserError", f"Not found {asset.label} {what}.", inner=("NotFound",))


def required_uri(properties: Document, name: str) -> str:
    """Return a URI that a body must have, spelled as the service echoes it."""
    uri = properties.get(name)
    if not isinstance(uri, str) or not uri:
        raise bad_argument(f"The property {name} is missing.")
    return uri.replace("/resourcegroups/", "/resourceGroups/")
