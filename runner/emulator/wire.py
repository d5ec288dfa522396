"""The shapes that many routes share: request bodies, resources, long-running answers, fields of a body."""

import json
import re
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.clock import Clock
from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.operations import Family, Operation
from runner.emulator.store import Document
from runner.emulator.workspace import PROVIDER

MAX_JSON_BYTES = 4 * 1024 * 1024
FAST_POLL_MS = "100"
CREATED_BY = "emulator"
_ENDPOINT_TIMEOUT = {"x-ms-async-operation-timeout": "PT30M"}
ASSET_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}")


async def read_bytes(request: Request, limit: int) -> bytes:
    """Read a body of at most `limit` bytes."""
    parts: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise ArmError(413, "RequestEntityTooLarge", f"The request body is larger than {limit} bytes.")
        parts.append(chunk)
    return b"".join(parts)


async def read_json(request: Request) -> Document:
    """Read a body that must be a JSON object; an empty one is an empty object."""
    content = await read_bytes(request, MAX_JSON_BYTES)
    try:
        body = json.loads(content or b"{}")
    except ValueError as error:
        message = f"The request content was invalid and could not be deserialized: {error}"
        raise ArmError(400, "InvalidRequestContent", message) from error
    if not isinstance(body, dict):
        raise ArmError(400, "InvalidRequestContent", "The request content must be a JSON object.")
    return body


def properties_of(body: Document) -> Document:
    """Return the body's `properties`, which must be an object."""
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise ArmError(
            400, "UserError", "The request body needs an object `properties`.", inner=("BadArgument",)
        )
    return cast("Document", properties)


def check_name(kind: str, name: str, pattern: re.Pattern[str]) -> None:
    """Refuse a name that does not match the service's pattern as a whole."""
    if not pattern.fullmatch(name):
        message = f"The {kind} name {name!r} is invalid: it must match {pattern.pattern}."
        raise bad_argument(message)


def bad_argument(message: str) -> ArmError:
    """Return the 400 of a value that the service does not take."""
    return ArmError(400, "UserError", message, inner=("BadArgument",))


def system_data(clock: Clock, before: Document | None = None) -> Document:
    """Return who made a resource and when; `before` is what an earlier write said."""
    stamp = clock.stamp()
    created = before or {"createdAt": stamp, "createdBy": CREATED_BY, "createdByType": "Application"}
    return {
        **created,
        "lastModifiedAt": stamp,
        "lastModifiedBy": CREATED_BY,
        "lastModifiedByType": "Application",
    }


def operation_url(cloud: Cloud, operation: Operation, route: str | None = None) -> str:
    """Return the URL at which an operation's state is read."""
    is_compute = operation.family is Family.COMPUTE
    route = route or ("computeOperationsStatus" if is_compute else "mfeOperationsStatus")
    home = f"{cloud.settings.base_url}/subscriptions/{operation.subscription}/{PROVIDER}"
    version = "2022-01-01-preview&service=new" if is_compute else "2022-02-01-preview"
    return f"{home}/locations/{cloud.settings.location}/{route}/{operation.name}?api-version={version}"


def accepted_put(request: Request, operation: Operation, body: Document) -> Response:
    """Answer a PUT that goes on: compute names only the operation, the others the resource too."""
    cloud = cloud_of(request)
    headers = {"Azure-AsyncOperation": operation_url(cloud, operation)}
    if operation.family is not Family.COMPUTE:
        headers |= {
            "Location": f"{cloud.settings.base_url}{request.url.path}?{request.url.query}",
            **_ENDPOINT_TIMEOUT,
        }
    return JSONResponse(body, 201, headers)


def accepted_delete(request: Request, operation: Operation) -> Response:
    """Answer a DELETE that goes on: compute with an empty body, the others with `null`."""
    cloud = cloud_of(request)
    headers = {"Azure-AsyncOperation": operation_url(cloud, operation)}
    if operation.family is Family.COMPUTE:
        return Response(status_code=202, headers=headers)
    headers |= {"Location": operation_url(cloud, operation, "mfeOperationResults"), **_ENDPOINT_TIMEOUT}
    return Response("null", 202, headers, media_type="application/json; charset=utf-8")


def page(items: list[Document], request: Request) -> Response:
    """Answer a list in one page: newest first where asked, and as many as asked."""
    newest_first = "desc" in request.query_params.get("$orderBy", "").lower()
    ordered = items[::-1] if newest_first else items
    top = request.query_params.get("$top", "")
    return JSONResponse({"value": ordered[: int(top)] if top.isdecimal() else ordered})


def active_only(items: list[Document], request: Request) -> list[Document]:
    """Leave out archived assets, unless the request asks for them."""
    view = request.query_params.get("listViewType", "ActiveOnly")
    if view == "All":
        return items
    wanted = view == "ArchivedOnly"
    return [item for item in items if bool(item["properties"].get("isArchived")) is wanted]


def clean(value: Any) -> Any:  # noqa: ANN401 - JSON is of any type
    """Return `value` without its nulls, which clients add and leave out at will."""
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items() if item is not None}
    return [clean(item) for item in value] if isinstance(value, list) else value
