"""The system registry, read only: models with their tags as text, and the fine-tuning component."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.catalog import REGISTRY, REGISTRY_ID, Catalog, Component, RegistryModel
from runner.emulator.cloud import cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.routes import registry_files
from runner.emulator.store import Document
from runner.emulator.wire import bad_argument, page, read_json

_CREATED = "2026-01-01T00:00:00+00:00"
_SYSTEM_DATA = {
    "createdAt": _CREATED,
    "createdBy": "azureml",
    "createdByType": "User",
    "lastModifiedAt": _CREATED,
    "lastModifiedBy": "azureml",
    "lastModifiedByType": "User",
}


async def list_models(request: Request) -> Response:
    """Answer the names of the models."""
    names = sorted({model.name for model in _catalog(request).models})
    return page([_container("models", name) for name in names], request)


async def list_model_versions(request: Request) -> Response:
    """Answer a model's versions; a name that the registry lacks has an empty list."""
    return page(
        [_model(request, model) for model in _catalog(request).model_versions(request.path_params["name"])],
        request,
    )


async def get_model(request: Request) -> Response:
    """Answer one version of a model."""
    return JSONResponse(_model(request, _model_of(request)))


async def reference(request: Request) -> Response:
    """Answer how to get at the files of a version of a model."""
    body = await read_json(request)
    model = _model_of(request)
    asset = f"{REGISTRY_ID}/models/{model.name}/versions/{model.version}"
    if str(body.get("assetId")).lower() != asset.lower():
        raise bad_argument("The property assetId is not the id of the asset in the address.")
    return registry_files.reference(request, model, body.get("blobUri"))


def _model_of(request: Request) -> RegistryModel:
    model = _catalog(request).model(request.path_params["name"], request.path_params["version"])
    if model is None:
        raise _not_found(request, "models")
    return model


async def list_components(request: Request) -> Response:
    """Answer the names of the components."""
    names = sorted({component["name"] for component in _catalog(request).components})
    return page([_container("components", name) for name in names], request)


async def list_component_versions(request: Request) -> Response:
    """Answer a component's versions."""
    catalog = _catalog(request)
    versions = catalog.component_versions(request.path_params["name"])
    return page([_component(catalog, component) for component in versions], request)


async def get_component(request: Request) -> Response:
    """Answer one version of a component, its booleans and numbers as text."""
    catalog = _catalog(request)
    component = catalog.component(request.path_params["name"], request.path_params["version"])
    if component is None:
        raise _not_found(request, "components")
    return JSONResponse(_component(catalog, component))


def _catalog(request: Request) -> Catalog:
    if request.path_params["registry"] != REGISTRY:
        raise ArmError(404, "RegistryNotFound", f"Registry {request.path_params['registry']} not found.")
    return cloud_of(request).catalog


def _not_found(request: Request, kind: str) -> ArmError:
    params = request.path_params
    message = f"{REGISTRY_ID}/{kind}/{params['name']}/versions/{params['version']} not found."
    return ArmError(404, "UserError", message, inner=("NotFound",))


def _container(kind: str, name: str) -> Document:
    return {
        "id": f"{REGISTRY_ID}/{kind}/{name}",
        "name": name,
        "type": f"Microsoft.MachineLearningServices/registries/{kind}",
        "properties": {"description": None, "tags": {}, "properties": {}, "isArchived": False},
        "systemData": _SYSTEM_DATA,
    }


def _model(request: Request, model: RegistryModel) -> Document:
    return {
        "id": f"{REGISTRY_ID}/models/{model.name}/versions/{model.version}",
        "name": model.version,
        "type": "Microsoft.MachineLearningServices/registries/models/versions",
        "properties": {
            "description": model.tags.get("summary"),
            "tags": model.tags,
            "properties": model.properties,
            "isArchived": model.archived is not None,
            "isAnonymous": False,
            "flavors": {},
            "modelType": "mlflow_model",
            "modelUri": registry_files.uri(cloud_of(request), model),
            "stage": None,
        },
        "systemData": _SYSTEM_DATA,
    }


def _component(catalog: Catalog, component: Component) -> Document:
    return {
        "id": f"{REGISTRY_ID}/components/{component['name']}/versions/{component['version']}",
        "name": component["version"],
        "type": "Microsoft.MachineLearningServices/registries/components/versions",
        "properties": {
            "description": None,
            "tags": {},
            "properties": {},
            "isArchived": catalog.is_archived(component),
            "isAnonymous": False,
            "componentSpec": component,
        },
        "systemData": _SYSTEM_DATA,
    }
