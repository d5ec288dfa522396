"""Data assets: a name and a version for what lies in a datastore."""

from starlette.requests import Request
from starlette.responses import Response

from runner.emulator import assets
from runner.emulator.cloud import cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.wire import bad_argument, properties_of, read_json
from runner.emulator.workspace import Workspace

_TYPES = {"uri_file", "uri_folder", "mltable"}


async def get_version(request: Request) -> Response:
    """Answer one version."""
    return assets.get_version(request, assets.DATA)


async def list_versions(request: Request) -> Response:
    """Answer a name's versions."""
    return assets.list_versions(request, assets.DATA)


async def get_container(request: Request) -> Response:
    """Answer a name."""
    return assets.get_container(request, assets.DATA)


async def list_containers(request: Request) -> Response:
    """Answer the names."""
    return assets.list_containers(request, assets.DATA)


async def put_version(request: Request) -> Response:
    """Write a version; what it points to must have been uploaded."""
    given = properties_of(await read_json(request))
    await cloud_of(request).clock.sleep(cloud_of(request).latencies.dataset)
    kind = given.get("dataType")
    if kind not in _TYPES:
        raise bad_argument(f"dataType {kind} is not one of {', '.join(sorted(_TYPES))}.")
    uri = assets.required_uri(given, "dataUri")
    _check_there(request, uri)
    return assets.put_version(
        request,
        assets.DATA,
        {
            "description": given.get("description"),
            "tags": given.get("tags") or {},
            "properties": given.get("properties") or {},
            "isArchived": bool(given.get("isArchived")),
            "isAnonymous": bool(given.get("isAnonymous")),
            "dataUri": uri,
            "dataType": kind,
        },
    )


def _check_there(request: Request, uri: str) -> None:
    located = cloud_of(request).references.locate(Workspace.of(request), uri)
    if not located.path.exists():
        raise ArmError(
            404, "UserError", f"There is nothing at {uri}.", inner=("NotFound", "StorageObjectNotFound")
        )
