"""The files of the registry's models: a signature for a model's own container, and what it lets one read.

A registry keeps each asset in a container of its own, and hands out a signature for it (the SDK's
`_model_operations.download`, azure-ai-ml 1.35.2). Where Azure has a host for the storage account, this one's
address stands, so that what the SDK reads out of such a URL by its places is right.
"""

import uuid
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.blobs import Blob
from runner.emulator.catalog import BASE_MODEL, MODEL_CONTAINER, AssetKind, RegistryModel
from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.routes import blobs
from runner.emulator.routes.datastores import reading_signature
from runner.emulator.wire import bad_argument

SIGNATURE_SECONDS = 24 * 3600
_FOLDER = "mlflow_model_folder"
_SUBSCRIPTION = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage"


def uri(cloud: Cloud, model: RegistryModel) -> str:
    """Return the URL of a model's folder, which opens nothing without a signature."""
    return f"{_container_url(cloud, model)}/{_FOLDER}"


def reference(request: Request, model: RegistryModel, asked: str | None) -> Response:
    """Answer a signature that reads and lists a model's container."""
    cloud = cloud_of(request)
    if asked and not f"{asked}/".startswith(f"{uri(cloud, model)}/"):
        raise bad_argument("The property blobUri does not belong to the asset.")
    signature = reading_signature(cloud, _container(model), SIGNATURE_SECONDS)
    credential = {"credentialType": "SAS", "sasUri": f"{_container_url(cloud, model)}?{signature}"}
    account = (
        f"{_SUBSCRIPTION.format(**request.path_params)}/storageAccounts/{request.path_params['registry']}"
    )
    told = {"blobUri": asked or uri(cloud, model), "storageAccountArmId": account, "credential": credential}
    return JSONResponse({"blobReferenceForConsumption": told})


async def get_container(request: Request) -> Response:
    """List the files of a model, or answer that its container exists."""
    model = _owner(request)
    if request.query_params.get("comp") != "list":
        return Response(headers={"ETag": '"0x1"', "Last-Modified": next(_files(model)).last_modified})
    prefix = request.query_params.get("prefix", "")
    return blobs.listing(
        request, _container(model), [blob for blob in _files(model) if blob.name.startswith(prefix)]
    )


async def get(request: Request) -> Response:
    """Answer a file or a range of it."""
    return blobs.content(request, _found(request))


async def head(request: Request) -> Response:
    """Answer a file's properties."""
    return blobs.properties(_found(request))


async def refuse(request: Request) -> Response:
    """Refuse to change what a registry has published: no signature for that is ever made."""
    raise ArmError(403, "AuthorizationPermissionMismatch", f"Nobody may {request.method} a registry's files.")


def _found(request: Request) -> Blob:
    wanted = request.path_params["blob"]
    found = next((blob for blob in _files(_owner(request)) if blob.name == wanted), None)
    if found is None:
        raise ArmError(404, "BlobNotFound", "The specified blob does not exist.")
    return found


def _owner(request: Request) -> RegistryModel:
    """Return the model whose container a request names."""
    wanted = MODEL_CONTAINER + request.path_params["owner"]
    found = next((model for model in cloud_of(request).catalog.models if _container(model) == wanted), None)
    if found is None:
        raise ArmError(404, "ContainerNotFound", "The specified container does not exist.")
    return found


def _files(model: RegistryModel) -> Iterator[Blob]:
    """Yield the files of a model in the order of their names: the small model stands in for each."""
    for path in sorted(path for path in BASE_MODEL.rglob("*") if path.is_file()):
        yield Blob(_container(model), f"{_FOLDER}/{path.relative_to(BASE_MODEL).as_posix()}", path, {})


def _container(model: RegistryModel) -> str:
    name = f"{AssetKind.MODEL}/{model.name.lower()}/{model.version}"
    return f"{MODEL_CONTAINER}{uuid.uuid5(uuid.NAMESPACE_URL, name)}"


def _container_url(cloud: Cloud, model: RegistryModel) -> str:
    return f"{cloud.settings.base_url}/{_container(model)}"
