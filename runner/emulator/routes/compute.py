"""Compute clusters: they take a moment to come, have no nodes, and are only ever a name and a size."""

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.errors import NotFoundWithoutBodyError
from runner.emulator.operations import Family
from runner.emulator.routes import shortage
from runner.emulator.store import Document, Kind
from runner.emulator.wire import (
    accepted_delete,
    accepted_put,
    bad_argument,
    check_name,
    page,
    properties_of,
    read_json,
)
from runner.emulator.workspace import Workspace

NAME = re.compile(r"[a-zA-Z](?![a-zA-Z0-9-]*-\d+$)[a-zA-Z0-9\-]{2,23}", re.ASCII)
_PRIORITIES = {"dedicated": "Dedicated", "lowpriority": "LowPriority"}
_MAX_NODES = 100


async def get(request: Request) -> Response:
    """Answer a cluster, or a 404 without a body."""
    return JSONResponse(_found(request))


async def list_all(request: Request) -> Response:
    """Answer the workspace's clusters."""
    return page(cloud_of(request).store.below(Kind.COMPUTE, _id(request, "")), request)


async def put(request: Request) -> Response:
    """Create or change a cluster: 201 both times, and Creating until the operation ends."""
    cloud = cloud_of(request)
    check_name("compute", request.path_params["compute"], NAME)
    body = await read_json(request)
    before = cloud.store.get(Kind.COMPUTE, _id(request))
    document = _document(cloud, request, body, before)
    if before is None:
        shortage.refuse_cluster(cloud, Workspace.of(request), document["properties"]["properties"])
    user = ((body["properties"].get("properties") or {}).get("userAccountCredentials") or {}).get(
        "adminUserName"
    )
    cloud.store.put(Kind.COMPUTE, document["id"], document)

    async def work() -> None:
        await cloud.clock.sleep(cloud.latencies.compute)
        ready = cloud.store.get(Kind.COMPUTE, document["id"]) or document
        ready["properties"] |= {"provisioningState": "Succeeded", "computeLocation": document["location"]}
        ready["properties"]["properties"] |= _steady(cloud, user)
        ready["tags"] = ready["tags"] or {}
        cloud.store.put(Kind.COMPUTE, document["id"], ready)

    workspace = Workspace.of(request)
    operation = cloud.operations.begin(Family.COMPUTE, workspace.subscription, workspace.guid, work)
    return accepted_put(request, operation, document)


async def delete(request: Request) -> Response:
    """Delete a cluster; one that is not there is 204, as ARM asks."""
    cloud, key = cloud_of(request), _id(request)
    document = cloud.store.get(Kind.COMPUTE, key)
    if document is None:
        return Response(status_code=204)
    document["properties"]["provisioningState"] = "Deleting"
    cloud.store.put(Kind.COMPUTE, key, document)

    async def work() -> None:
        await cloud.clock.sleep(cloud.latencies.until_deleted(cloud.latencies.compute))
        cloud.store.delete(Kind.COMPUTE, key)

    workspace = Workspace.of(request)
    operation = cloud.operations.begin(Family.COMPUTE, workspace.subscription, workspace.guid, work)
    return accepted_delete(request, operation)


def recover(cloud: Cloud) -> None:
    """Finish what a killed emulator left half done."""
    for document in cloud.store.below(Kind.COMPUTE):
        state = document["properties"]["provisioningState"]
        if state == "Deleting":
            cloud.store.delete(Kind.COMPUTE, document["id"])
        elif state == "Creating":
            document["properties"] |= {"provisioningState": "Succeeded"}
            cloud.store.put(Kind.COMPUTE, document["id"], document)


def _id(request: Request, name: str | None = None) -> str:
    return Workspace.of(request).resource(
        "computes", request.path_params["compute"] if name is None else name
    )


def _found(request: Request) -> Document:
    document = cloud_of(request).store.get(Kind.COMPUTE, _id(request))
    if document is None:
        raise NotFoundWithoutBodyError(f"Compute {request.path_params['compute']} not found.")
    return document


def _document(cloud: Cloud, request: Request, body: Document, before: Document | None) -> Document:
    given = properties_of(body)
    if given.get("computeType") != "AmlCompute":
        raise bad_argument(f"The emulator has compute of type AmlCompute, not {given.get('computeType')}.")
    inner = _inner(cloud, given.get("properties") or {}, before)
    created = before["properties"]["createdOn"] if before else cloud.clock.stamp()
    return {
        "id": _id(request),
        "name": request.path_params["compute"],
        "type": "Microsoft.MachineLearningServices/workspaces/computes",
        "location": body.get("location") or cloud.settings.location,
        "tags": body.get("tags") or (before["tags"] if before else None),
        "properties": {
            "createdOn": created,
            "modifiedOn": cloud.clock.stamp(),
            "disableLocalAuth": bool(given.get("disableLocalAuth")),
            "description": given.get("description"),
            "resourceId": None,
            "computeType": "AmlCompute",
            **({"computeLocation": before["location"]} if before else {}),
            "provisioningState": "Creating",
            "provisioningErrors": None,
            "isAttachedCompute": False,
            "properties": inner,
        },
    }


def _inner(cloud: Cloud, given: Document, before: Document | None) -> Document:
    """Check size, priority and scale, and return them as the service writes them."""
    size = cloud.catalog.size(str(given.get("vmSize")))
    if size is None:
        raise bad_argument(f"The VM size {given.get('vmSize')} is not offered in {cloud.settings.location}.")
    priority = _PRIORITIES.get(str(given.get("vmPriority") or "Dedicated").lower())
    if priority is None:
        raise bad_argument(f"vmPriority {given.get('vmPriority')} is neither Dedicated nor LowPriority.")
    fixed = {"vmSize": size.name.upper(), "vmPriority": priority}
    for name, value in fixed.items():
        if before and before["properties"]["properties"][name] != value:
            raise bad_argument(f"{name} of an existing cluster cannot be changed.")
    return {
        **fixed,
        "scaleSettings": _scale(given.get("scaleSettings") or {}),
        "subnet": None,
        "currentNodeCount": None,
        "targetNodeCount": None,
        "nodeStateCounts": None,
        "allocationState": None,
        "errors": None,
        "remoteLoginPortPublicAccess": given.get("remoteLoginPortPublicAccess") or "NotSpecified",
        "osType": given.get("osType") or "Linux",
        "virtualMachineImage": None,
        "isolatedNetwork": False,
        "enableNodePublicIp": given.get("enableNodePublicIp", True),
    }


def _scale(given: Document) -> Document:
    most, least = given.get("maxNodeCount", 1), given.get("minNodeCount", 0)
    if not (isinstance(most, int) and isinstance(least, int) and 0 <= least <= most <= _MAX_NODES and most):
        raise bad_argument(
            f"scaleSettings {least}..{most}: nodes must be whole numbers, 0 <= min <= max <= {_MAX_NODES}."
        )
    idle = given.get("nodeIdleTimeBeforeScaleDown") or "PT2M"
    return {"maxNodeCount": most, "minNodeCount": least, "nodeIdleTimeBeforeScaleDown": idle}


def _steady(cloud: Cloud, user: str | None) -> Document:
    """Return what is known once the cluster is there; of its user the name alone, never a secret."""
    counts = ("preparing", "running", "idle", "unusable", "leaving", "preempted")
    return {
        "currentNodeCount": 0,
        "targetNodeCount": 0,
        "nodeStateCounts": {f"{name}NodeCount": 0 for name in counts},
        "allocationState": "Steady",
        "allocationStateTransitionTime": cloud.clock.stamp(),
        "propertyBag": {},
        **({"userAccountCredentials": _user(user)} if user else {}),
    }


def _user(name: str) -> Document:
    return {"adminUserName": name, "adminUserPassword": None, "adminUserSshPublicKey": None}
