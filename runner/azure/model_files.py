"""The small text files of a registry's model, got at as the SDK itself downloads a registry's models.

The registry answers a reference: where the files lie, and a signature that reads them (azure-ai-ml 1.35.2,
`operations/_model_operations.py`, `_utils/_registry_utils.py`). The SDK would fetch all of it, weights too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from azure.ai.ml import MLClient
from azure.core.rest import HttpRequest
from azure.storage.blob import BlobProperties, ContainerClient

from runner.azure.translate import translated
from runner.azure.transport import NO_RETRIES, Transport
from runner.errors import StepFailed
from runner.redact import register

NAMES = frozenset(
    {
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
        "special_tokens_map.json",
        "config.json",
    }
)
MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_LISTED = 10_000

_API_VERSION = "2021-10-01-dataplanepreview"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reference:
    """Where a model's files lie; `container` carries the signature, if one is needed."""

    container: str
    prefix: str


def read(client: MLClient, registry: str, name: str, version: str, wire: Transport) -> Mapping[str, bytes]:
    """Give those of `NAMES` that the model has, by their names; of several of one name, the shortest path's.

    Raises NotFound for a model that is not there, CloudUnavailable where nothing is decided, and StepFailed
    for what is refused.
    """
    with translated(f"reading the files of model {name} {version}"):
        place = str(client.models.get(name, version=version).path)
        reference = _reference(_told(client, registry, name, version, place), place)
        container = ContainerClient.from_container_url(
            reference.container, transport=wire, retry_total=NO_RETRIES
        )
        listed = islice(container.list_blobs(name_starts_with=reference.prefix), MAX_LISTED)
        return {base: container.download_blob(path).readall() for base, path in _chosen(listed).items()}


def _told(client: MLClient, registry: str, name: str, version: str, place: str) -> Mapping[str, Any]:
    """Ask the registry for a reference, through the SDK's own client: there is no public way to it."""
    service = getattr(client.models, "_registry_service_client", None)
    if service is None:
        raise StepFailed("the installed azure-ai-ml has no way to a registry's files")
    group = getattr(client.models, "_resource_group_name", "")
    home = (
        f"/subscriptions/{service._config.subscription_id}/resourceGroups/{group}"  # noqa: SLF001 - as above
        f"/providers/Microsoft.MachineLearningServices/registries/{registry}"
    )
    asset = f"azureml://registries/{registry}/models/{name}/versions/{version}"
    request = HttpRequest(
        "POST",
        f"{home}/datarefs/{name}/versions/{version}",
        params={"api-version": _API_VERSION},
        headers={"Accept": "application/json"},
        json={"assetId": asset, "blobUri": place},
    )
    response = service.send_request(request)
    response.raise_for_status()
    told = response.json().get("blobReferenceForConsumption")
    return told if isinstance(told, Mapping) else {}


def _reference(told: Mapping[str, Any], place: str) -> _Reference:
    """Read an answer: a signature for the container, or the blobs' own address where none is needed."""
    folder = str(told.get("blobUri") or place)
    credential = told.get("credential") or {}
    signed = credential.get("sasUri") if isinstance(credential, Mapping) else None
    container = _secret(str(signed)) if signed else _container_of(folder)
    if urlsplit(container).scheme != "https":
        raise StepFailed("the registry told no address of the model's files")
    above, inside = (unquote(urlsplit(each).path).strip("/") for each in (container, folder))
    below = inside.removeprefix(f"{above}/") if inside.startswith(f"{above}/") else ""
    return _Reference(container=container, prefix=f"{below}/" if below else "")


def _secret(signed: str) -> str:
    """Keep a signature out of everything that is written, by its value and with all that stands beside it."""
    query = urlsplit(signed).query
    for value in (query, *parse_qs(query).get("sig", ())):
        register(value)
    return signed


def _container_of(folder: str) -> str:
    """Cut a blob's address behind its container, the first part of the path."""
    parts = urlsplit(folder)
    return f"{parts.scheme}://{parts.netloc}/{parts.path.strip('/').partition('/')[0]}"


def _chosen(listed: Iterable[BlobProperties]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for blob in listed:
        path = str(blob.name)
        base = path.rpartition("/")[2]
        if base not in NAMES or int(blob.size) > MAX_FILE_BYTES:
            continue
        found[base] = min(found.get(base, path), path, key=lambda each: (each.count("/"), len(each), each))
    return found
