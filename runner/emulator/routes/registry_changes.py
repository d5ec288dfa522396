"""The routes of test mode that have the registry move on: newer versions, and some that are gone."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.catalog import AssetKind, Catalog
from runner.emulator.cloud import bench_of, cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.store import Document
from runner.emulator.wire import read_json

_KEYS = {"kind", "name", "version", "change", "tags", "inputs"}
_CHANGES = ("add", "edit", "archive", "remove")


async def change(request: Request) -> Response:
    """Change one version of a model or component; the registry is as it was at the next start."""
    catalog = _catalog(request)
    body = await read_json(request)
    kind, name, version, wanted = _asked(body)
    if _is_known(catalog, kind, name, version) == (wanted == "add"):
        there = "has" if wanted == "add" else "has no"
        raise ArmError(400, "BadRequest", f"The registry {there} {kind} {name} {version}.")
    if wanted == "add":
        _add(catalog, kind, name, version)
    if wanted == "archive":
        catalog.archive(kind, name, version)
    if wanted == "remove":
        catalog.remove(kind, name, version)
    else:
        catalog.edit(kind, name, version, _edits(kind, body))
    return JSONResponse({"versions": catalog.versions(kind, name)})


async def take_back(request: Request) -> Response:
    """Have the registry as it was at the start."""
    _catalog(request).restore()
    return Response(status_code=204)


def _catalog(request: Request) -> Catalog:
    cloud = cloud_of(request)
    bench_of(cloud)
    return cloud.catalog


def _asked(body: Document) -> tuple[AssetKind, str, str, str]:
    if unknown := body.keys() - _KEYS:
        raise ArmError(400, "BadRequest", f"There is no key {', '.join(sorted(unknown))}.")
    kind, name, version, wanted = (body.get(key) for key in ("kind", "name", "version", "change"))
    if kind not in set(AssetKind) or wanted not in _CHANGES:
        message = f"Expected kind, {' or '.join(AssetKind)}, and change, one of {', '.join(_CHANGES)}."
        raise ArmError(400, "BadRequest", message)
    if not (isinstance(name, str) and isinstance(version, str) and name and version):
        raise ArmError(400, "BadRequest", "Expected name and version, as text.")
    return AssetKind(kind), name, version, wanted


def _is_known(catalog: Catalog, kind: AssetKind, name: str, version: str) -> bool:
    return version in catalog.versions(kind, name)


def _add(catalog: Catalog, kind: AssetKind, name: str, version: str) -> None:
    if not catalog.versions(kind, name):
        raise ArmError(400, "BadRequest", f"The registry has no {kind} {name} to copy.")
    catalog.add(kind, name, version)


def _edits(kind: AssetKind, body: Document) -> Document:
    edits = body.get("tags" if kind is AssetKind.MODEL else "inputs") or {}
    if not isinstance(edits, dict):
        raise ArmError(400, "BadRequest", "Expected tags or inputs by name; null takes one away.")
    return edits
