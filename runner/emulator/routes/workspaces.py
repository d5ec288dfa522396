"""The workspace resource, and the VM sizes that its region offers."""

import math

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.catalog import Size
from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.settings import TENANT
from runner.emulator.store import Document
from runner.emulator.workspace import Workspace

_CREATED = "2026-01-01T00:00:00+00:00"


async def get(request: Request) -> Response:
    """Answer any workspace by name: each exists."""
    cloud, workspace = cloud_of(request), Workspace.of(request)
    return JSONResponse(
        {
            "id": workspace.id,
            "name": workspace.name,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "location": cloud.settings.location,
            "tags": {"emulator": "true"},
            "etag": None,
            "properties": _properties(cloud, workspace),
            "identity": {"type": "SystemAssigned", "principalId": workspace.guid, "tenantId": TENANT},
            "sku": {"name": "Basic", "tier": "Basic"},
            "systemData": {
                "createdAt": _CREATED,
                "createdBy": "emulator",
                "createdByType": "User",
                "lastModifiedAt": _CREATED,
                "lastModifiedBy": "emulator",
                "lastModifiedByType": "User",
            },
        }
    )


async def sizes(request: Request) -> Response:
    """Answer the VM sizes of the region."""
    return JSONResponse({"value": [_size(size) for size in cloud_of(request).catalog.sizes.values()]})


def _properties(cloud: Cloud, workspace: Workspace) -> Document:
    base_url = cloud.settings.base_url
    providers = f"/subscriptions/{workspace.subscription}/resourceGroups/{workspace.group}/providers"
    host = base_url.removeprefix("https://")
    return {
        "friendlyName": workspace.name,
        "description": "",
        "storageAccount": f"{providers}/Microsoft.Storage/storageAccounts/{workspace.account}",
        "keyVault": f"{providers}/Microsoft.Keyvault/vaults/{workspace.account}",
        "applicationInsights": f"{providers}/Microsoft.insights/components/{workspace.account}",
        "containerRegistry": None,
        "hbiWorkspace": False,
        "tenantId": TENANT,
        "imageBuildCompute": None,
        "provisioningState": "Succeeded",
        "v1LegacyMode": False,
        "softDeleteEnabled": False,
        "notebookInfo": None,
        "storageHnsEnabled": False,
        "workspaceId": workspace.guid,
        "linkedModelInventoryArmId": None,
        "privateLinkCount": 0,
        "publicNetworkAccess": "Disabled",
        "discoveryUrl": f"{base_url}/discovery",
        "mlFlowTrackingUri": f"azureml://{host}/mlflow/v1.0{workspace.id}",
        "sdkTelemetryAppInsightsKey": None,
        "sasGetterUri": "",
    }


def _size(size: Size) -> Document:
    """Write a size as the service does.

    The count of GPUs is a whole number (azure-ai-ml's VirtualMachineSize.gpus). That a part of a card counts
    as one is inferred: SkyPilot's table, made of Azure's resource SKUs, had one GPU for
    Standard_NV6ads_A10_v5, a sixth of a card (skypilot-org/skypilot issue 3708, 2024-06-29).
    """
    return {
        "name": size.name,
        "family": size.family,
        "vCPUs": size.vcpus,
        "gpus": math.ceil(size.gpus),
        "osVhdSizeMB": 1_047_552,
        "maxResourceVolumeMB": int((size.disk_gb or 0) * 1024),
        "memoryGB": size.memory_gb,
        "lowPriorityCapable": True,
        "premiumIO": True,
        "supportedComputeTypes": ["AmlCompute", "ComputeInstance"],
    }
