"""The blob service's REST API, as far as azure-storage-blob uses it to upload, list and download."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from runner.emulator.blobs import Blob
from runner.emulator.cloud import cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.wire import MAX_JSON_BYTES, read_bytes

_RANGE = re.compile(r"bytes=(\d+)-(\d*)$", re.ASCII)
_META = "x-ms-meta-"
_MD5 = "x-ms-blob-content-md5"
_CHUNK = 1024 * 1024


async def get(request: Request) -> Response:
    """Answer a blob or a range of it; a range of an empty blob is 416, as on Azure."""
    return content(request, _found(request))


async def head(request: Request) -> Response:
    """Answer a blob's properties and metadata; a missing one is a 404 whose code is in a header."""
    return properties(_found(request))


def properties(blob: Blob) -> Response:
    """Answer what is known of a blob, without its content."""
    return Response(headers=_headers(blob) | _digest(blob) | {"Content-Length": str(blob.size)})


def content(request: Request, blob: Blob) -> Response:
    """Answer of a blob what a request asks for; 412 if that is another content than is there."""
    if request.headers.get("if-match", "*") not in {"*", blob.etag}:
        raise ArmError(
            412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met."
        )
    wanted = request.headers.get("x-ms-range") or request.headers.get("range")
    if not wanted:
        return _content(blob, 0, blob.size, 200)
    match = _RANGE.match(wanted)
    start = int(match[1]) if match else blob.size
    if start >= blob.size:
        error = ArmError(416, "InvalidRange", "The range is invalid for the current size of the resource.")
        error.headers["Content-Range"] = f"bytes */{blob.size}"
        raise error
    end = min(int(match[2]) + 1, blob.size) if match and match[2] else blob.size
    return _content(blob, start, end, 206)


async def put(request: Request) -> Response:
    """Write a blob whole, one block of it, its block list or its metadata: `comp` says which."""
    component = request.query_params.get("comp", "")
    if component == "metadata":
        return _put_metadata(request)
    if component == "block":
        await cloud_of(request).blobs.stage(
            *_name(request), request.query_params.get("blockid", ""), request.stream()
        )
        return Response(status_code=201)
    if component not in {"", "blocklist"}:
        raise ArmError(501, "NotImplemented", f"The emulator's blob service has no comp={component}.")
    _check_absent(request)
    blob = await _commit(request) if component else await _write(request)
    cloud_of(request).blobs.describe(blob, _metadata(request), request.headers.get(_MD5) or blob.md5)
    return Response(status_code=201, headers={"ETag": blob.etag, "Last-Modified": blob.last_modified})


async def delete(request: Request) -> Response:
    """Delete a blob."""
    cloud_of(request).blobs.delete(_found(request))
    return Response(status_code=202)


async def get_container(request: Request) -> Response:
    """List a container's blobs, or answer that it exists."""
    if request.query_params.get("comp") != "list":
        return Response(headers={"ETag": '"0x1"', "Last-Modified": _http_time()})
    container = f"{request.path_params['account']}/{request.path_params['container']}"
    blobs = cloud_of(request).blobs.within(container, request.query_params.get("prefix", ""))
    return listing(request, request.path_params["container"], blobs)


def listing(request: Request, container: str, blobs: Iterable[Blob]) -> Response:
    """Answer blobs, all of which start as the request asks; below a delimiter, only what comes before it."""
    prefix, delimiter = (request.query_params.get(name, "") for name in ("prefix", "delimiter"))
    entries = dict.fromkeys(_entry(blob, prefix, delimiter) for blob in blobs)
    text = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<EnumerationResults ContainerName="{escape(container)}">'
        f"<Prefix>{escape(prefix)}</Prefix><Blobs>{''.join(entries)}</Blobs>"
        "<NextMarker /></EnumerationResults>"
    )
    return Response(text, media_type="application/xml")


async def put_container(request: Request) -> Response:
    """Answer that the container exists: each does."""
    del request
    raise ArmError(409, "ContainerAlreadyExists", "The specified container already exists.")


def _name(request: Request) -> tuple[str, str]:
    params = request.path_params
    return f"{params['account']}/{params['container']}", params["blob"]


def _found(request: Request) -> Blob:
    blob = cloud_of(request).blobs.get(*_name(request))
    if blob is None:
        raise ArmError(404, "BlobNotFound", "The specified blob does not exist.")
    return blob


def _check_absent(request: Request) -> None:
    if request.headers.get("if-none-match") == "*" and cloud_of(request).blobs.get(*_name(request)):
        raise ArmError(409, "BlobAlreadyExists", "The specified blob already exists.")


async def _write(request: Request) -> Blob:
    kind = request.headers.get("x-ms-blob-type")
    if kind != "BlockBlob":
        raise ArmError(501, "NotImplemented", f"The emulator's blob service writes block blobs, not {kind}.")
    return await cloud_of(request).blobs.write(*_name(request), request.stream())


async def _commit(request: Request) -> Blob:
    content = await read_bytes(request, MAX_JSON_BYTES)
    if b"<!" in content:
        raise ArmError(400, "InvalidXmlDocument", "A block list has no document type.")
    try:
        blocks = [element.text or "" for element in ET.fromstring(content)]  # noqa: S314 - no entities: refused above
    except ET.ParseError as error:
        raise ArmError(400, "InvalidXmlDocument", "The block list is not XML.") from error
    return cloud_of(request).blobs.commit(*_name(request), blocks)


def _put_metadata(request: Request) -> Response:
    blob = _found(request)
    cloud_of(request).blobs.describe(blob, _metadata(request), blob.md5)
    return Response(headers={"ETag": blob.etag, "Last-Modified": blob.last_modified})


def _metadata(request: Request) -> dict[str, str]:
    return {key.removeprefix(_META): value for key, value in request.headers.items() if key.startswith(_META)}


def _headers(blob: Blob) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "ETag": blob.etag,
        "Last-Modified": blob.last_modified,
        "Accept-Ranges": "bytes",
        "x-ms-blob-type": "BlockBlob",
        "x-ms-creation-time": blob.last_modified,
        **{f"{_META}{key}": value for key, value in blob.metadata.items()},
    }


def _digest(blob: Blob, header: str = "Content-MD5") -> dict[str, str]:
    """Give the digest that is kept of the whole blob; of a part of it that has a header of its own."""
    return {header: blob.md5} if blob.md5 else {}


def _content(blob: Blob, start: int, end: int, status: int) -> Response:
    headers = _headers(blob) | {"Content-Length": str(end - start)}
    if status == 206:  # noqa: PLR2004 - a status code
        headers |= _digest(blob, _MD5) | {"Content-Range": f"bytes {start}-{end - 1}/{blob.size}"}
    else:
        headers |= _digest(blob)
    return StreamingResponse(_read(blob, start, end), status, headers)


def _read(blob: Blob, start: int, end: int) -> Iterator[bytes]:
    with blob.path.open("rb") as file:
        file.seek(start)
        left = end - start
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk


def _entry(blob: Blob, prefix: str, delimiter: str) -> str:
    folder, below, _ = blob.name.removeprefix(prefix).partition(delimiter) if delimiter else ("", "", "")
    if below:
        return f"<BlobPrefix><Name>{escape(prefix + folder + delimiter)}</Name></BlobPrefix>"
    return _listed(blob)


def _listed(blob: Blob) -> str:
    metadata = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in blob.metadata.items())
    return (
        f"<Blob><Name>{escape(blob.name)}</Name><Properties>"
        f"<Creation-Time>{blob.last_modified}</Creation-Time><Last-Modified>{blob.last_modified}</Last-Modified>"
        f"<Etag>{blob.etag.strip(chr(34))}</Etag><Content-Length>{blob.size}</Content-Length>"
        "<Content-Type>application/octet-stream</Content-Type>"
        f"<Content-MD5>{escape(blob.md5 or '')}</Content-MD5>"
        "<BlobType>BlockBlob</BlobType>"
        f"</Properties><Metadata>{metadata}</Metadata></Blob>"
    )


def _http_time() -> str:
    return datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
