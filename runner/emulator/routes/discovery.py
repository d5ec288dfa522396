"""Where things are: the cloud's metadata, a workspace's services, a registry's region."""

import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.catalog import REGISTRY
from runner.emulator.cloud import cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.settings import REGISTRY_RESOURCE_GROUP, REGISTRY_SUBSCRIPTION, TENANT

CLOUD_NAME = "EmulatorCloud"


async def cloud_metadata(request: Request) -> Response:
    """Answer the ARM metadata; its portal's suffix makes the token audience https://ml.azure.localhost."""
    base_url = cloud_of(request).settings.base_url
    return JSONResponse(
        {
            "name": CLOUD_NAME,
            "portal": "https://portal.emulator.localhost",
            "resourceManager": base_url,
            "authentication": {
                "loginEndpoint": f"{base_url}/login",
                "audiences": [base_url],
                "tenant": TENANT,
            },
            "suffixes": {"storage": "local"},
        }
    )


async def workspace_services(request: Request) -> Response:
    """Answer the discovery document: one address serves everything."""
    base_url = cloud_of(request).settings.base_url
    names = (
        "api",
        "catalog",
        "experimentation",
        "gallery",
        "history",
        "hyperdrive",
        "labeling",
        "modelmanagement",
    )
    return JSONResponse(dict.fromkeys((*names, "pipelines", "studio"), base_url))


async def registry(request: Request) -> Response:
    """Answer where a registry's resource provider is."""
    cloud = cloud_of(request)
    name = request.path_params["registry"]
    if name != REGISTRY:
        raise ArmError(404, "RegistryNotFound", f"Registry {name} not found; the emulator has {REGISTRY}.")
    region = cloud.settings.location
    return JSONResponse(
        {
            "registryId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"registry/{name}")),
            "registryName": name,
            "tenantId": TENANT,
            "primaryRegion": region,
            "regions": [region],
            "subscriptionId": REGISTRY_SUBSCRIPTION,
            "resourceGroup": REGISTRY_RESOURCE_GROUP,
            "workspaceName": None,
            "primaryRegionResourceProviderUri": f"{cloud.settings.base_url}/",
            "registryFqdns": {region: {"uri": cloud.settings.base_url}},
        }
    )
