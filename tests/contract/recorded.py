"""What real Azure ML answered, condensed from the recordings that the SDK's own tests replay.

Each exchange: the status, the headers that mean something, and the body's keys. A leaf is `ANY`, or the value
itself where it says something about the service's behaviour. Source, all in Azure/azure-sdk-for-python under
sdk/ml/azure-ai-ml/tests/recordings/ (MIT licence), with the commit of each file beside its exchanges.

`DIFFERENCES` lists how the emulator's answers differ, with the reason. The test checks it both ways.
"""

from dataclasses import dataclass, field
from typing import Any

ANY = "(any)"

Shape = object
Body = dict[str, Any]


@dataclass(frozen=True)
class Exchange:
    """One answer of real Azure ML; `body` is None where it was empty."""

    source: str
    status: int
    headers: frozenset[str] = frozenset()
    body: Shape = None


_COMPUTE = "compute/e2etests/…test_aml_compute_create_and_delete.json@08fb6993"
_MODEL = "model/e2etests/…test_models_get_latest_label.json@503b47d5"
_ONLINE = "online_services/e2etests/…test_online_deployment.json@0edb01d7"
_JOB = "pipeline_job/e2etests/…test_pipeline_job_download.json@563adfe1"
_REGISTRY = "component/e2etests/…test_component_create_get_list_from_registry.json@3773b0eb"

_LRO = frozenset({"azure-asyncoperation"})
_MFE_LRO = frozenset({"azure-asyncoperation", "location", "x-ms-async-operation-timeout"})
_SYSTEM_DATA: Body = {
    "createdAt": ANY,
    "createdBy": ANY,
    "createdByType": ANY,
    "lastModifiedAt": ANY,
    "lastModifiedBy": ANY,
    "lastModifiedByType": ANY,
}
_SHORT_SYSTEM_DATA: Body = {"createdAt": ANY, "createdBy": ANY, "lastModifiedAt": ANY}
_SCALE: Body = {"maxNodeCount": 2, "minNodeCount": 0, "nodeIdleTimeBeforeScaleDown": "PT1M40S"}

_NEW_CLUSTER: Body = {
    "id": ANY,
    "name": ANY,
    "type": "Microsoft.MachineLearningServices/workspaces/computes",
    "location": ANY,
    "tags": None,
    "properties": {
        "createdOn": ANY,
        "modifiedOn": ANY,
        "disableLocalAuth": False,
        "description": "some_desc_aml",
        "resourceId": None,
        "computeType": "AmlCompute",
        "provisioningState": "Creating",
        "provisioningErrors": None,
        "isAttachedCompute": False,
        "properties": {
            "vmSize": "STANDARD_DS2_V2",
            "vmPriority": "Dedicated",
            "scaleSettings": _SCALE,
            "subnet": None,
            "currentNodeCount": None,
            "targetNodeCount": None,
            "nodeStateCounts": None,
            "allocationState": None,
            "errors": None,
            "remoteLoginPortPublicAccess": "Enabled",
            "osType": "Linux",
            "virtualMachineImage": None,
            "isolatedNetwork": False,
            "enableNodePublicIp": True,
        },
    },
}
_CLUSTER: Body = {
    **_NEW_CLUSTER,
    "tags": {},
    "properties": {
        **_NEW_CLUSTER["properties"],
        "computeLocation": ANY,
        "provisioningState": "Succeeded",
        "properties": {
            **_NEW_CLUSTER["properties"]["properties"],
            "userAccountCredentials": {
                "adminUserName": ANY,
                "adminUserPassword": None,
                "adminUserSshPublicKey": ANY,
            },
            "currentNodeCount": 0,
            "targetNodeCount": 0,
            "nodeStateCounts": {
                "preparingNodeCount": 0,
                "runningNodeCount": 0,
                "idleNodeCount": 0,
                "unusableNodeCount": 0,
                "leavingNodeCount": 0,
                "preemptedNodeCount": 0,
            },
            "allocationState": ANY,
            "allocationStateTransitionTime": ANY,
            "propertyBag": {},
        },
    },
}
_MODEL_VERSION: Body = {
    "id": ANY,
    "name": "2",
    "type": "Microsoft.MachineLearningServices/workspaces/models/versions",
    "properties": {
        "description": None,
        "tags": {},
        "properties": {},
        "isArchived": False,
        "isAnonymous": False,
        "flavors": {},
        "modelType": "custom_model",
        "modelUri": ANY,
        "jobName": None,
    },
    "systemData": _SYSTEM_DATA,
}
_NEW_ENDPOINT: Body = {
    "id": ANY,
    "name": ANY,
    "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
    "properties": {
        "description": None,
        "properties": {"azureml.onlineendpointid": ANY, "AzureAsyncOperationUri": ANY},
        "scoringUri": None,
        "swaggerUri": None,
        "authMode": "AMLToken",
        "provisioningState": "Creating",
        "compute": None,
        "traffic": {},
        "mirrorTraffic": {},
        "publicNetworkAccess": "Enabled",
    },
    "systemData": _SHORT_SYSTEM_DATA,
    "tags": {},
    "location": ANY,
    "kind": "Managed",
    "identity": {"type": "SystemAssigned", "principalId": ANY, "tenantId": ANY},
}
_TRAFFIC: Body = {
    "scoringUri": ANY,
    "swaggerUri": ANY,
    "provisioningState": "Updating",
    "traffic": {"demo": 100},
}
_UPDATED_ENDPOINT: Body = {
    **_NEW_ENDPOINT,
    "properties": {**_NEW_ENDPOINT["properties"], **_TRAFFIC},
}
_ENDPOINT: Body = {
    **_NEW_ENDPOINT,
    "properties": {**_UPDATED_ENDPOINT["properties"], "provisioningState": "Succeeded"},
}
_PROBE: Body = {
    "failureThreshold": 30,
    "successThreshold": 1,
    "timeout": "PT2S",
    "period": "PT10S",
    "initialDelay": "PT10S",
}
_NEW_DEPLOYMENT: Body = {
    "id": ANY,
    "name": "demo",
    "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments",
    "properties": {
        "description": "description for online deployment",
        "properties": {"AzureAsyncOperationUri": ANY},
        "codeConfiguration": {"codeId": ANY, "scoringScript": "score.py"},
        "environmentId": ANY,
        "environmentVariables": {},
        "scaleSettings": {"scaleType": "Default"},
        "requestSettings": {
            "maxQueueWait": "PT0S",
            "requestTimeout": "PT0S",
            "maxConcurrentRequestsPerInstance": 1,
        },
        "modelMountPath": None,
        "appInsightsEnabled": False,
        "livenessProbe": None,
        "readinessProbe": None,
        "provisioningState": "Updating",
        "instanceType": "Standard_DS2_V2",
        "model": ANY,
        "privateNetworkConnection": False,
        "egressPublicNetworkAccess": "Enabled",
        "endpointComputeType": "Managed",
    },
    "systemData": _SHORT_SYSTEM_DATA,
    "tags": {},
    "location": ANY,
    "kind": "Managed",
    "sku": {"name": "Default", "tier": "Standard", "capacity": 1},
}
_DEPLOYMENT: Body = {
    **_NEW_DEPLOYMENT,
    "properties": {
        **_NEW_DEPLOYMENT["properties"],
        "requestSettings": {
            "maxQueueWait": "PT0S",
            "requestTimeout": "PT5S",
            "maxConcurrentRequestsPerInstance": 1,
        },
        "livenessProbe": _PROBE,
        "readinessProbe": _PROBE,
        "provisioningState": "Succeeded",
    },
}
_MFE_STATUS: Body = {"id": ANY, "name": ANY, "startTime": ANY, "percentComplete": 0.0, "status": "Updating"}
_SERVICE: Body = {
    "jobServiceType": ANY,
    "port": None,
    "endpoint": ANY,
    "status": None,
    "errorMessage": None,
    "properties": None,
    "nodes": None,
}
_JOB_BODY: Body = {
    "id": ANY,
    "name": ANY,
    "type": "Microsoft.MachineLearningServices/workspaces/jobs",
    "properties": {
        "description": ANY,
        "tags": {"tag": "tagvalue"},
        "properties": {
            "azureml.DevPlatv2": "true",
            "azureml.runsource": "azureml.PipelineRun",
            "runSource": "MFE",
            "runType": "HTTP",
            "azureml.parameters": "{}",
            "azureml.continue_on_step_failure": "False",
            "azureml.continue_on_failed_optional_input": "True",
            "azureml.defaultComputeName": ANY,
            "azureml.defaultDataStoreName": "workspaceblobstore",
            "azureml.pipelineComponent": "pipelinerun",
        },
        "displayName": ANY,
        "status": "Preparing",
        "experimentName": ANY,
        "services": {"Tracking": _SERVICE, "Studio": _SERVICE},
        "computeId": ANY,
        "isArchived": False,
        "identity": None,
        "componentId": None,
        "jobType": "Pipeline",
        "settings": ANY,
        "jobs": ANY,
        "inputs": {},
        "outputs": {
            "trained_model": {
                "description": None,
                "uri": None,
                "assetName": None,
                "assetVersion": None,
                "mode": "ReadWriteMount",
                "jobOutputType": ANY,
            }
        },
        "sourceJobId": None,
    },
    "systemData": {"createdAt": ANY, "createdBy": ANY, "createdByType": ANY},
}
_FINISHED_JOB: Body = {
    **_JOB_BODY,
    "properties": {
        **_JOB_BODY["properties"],
        "status": "Completed",
        "properties": {**_JOB_BODY["properties"]["properties"], "azureml.pipelines.stages": ANY},
    },
}
_RUN_METADATA: Body = {
    "runNumber": ANY,
    "rootRunId": ANY,
    "createdUtc": ANY,
    "createdBy": {"userObjectId": ANY, "userName": ANY},
    "token": None,
    "error": None,
    "warnings": None,
    "revision": ANY,
    "statusRevision": ANY,
    "runUuid": ANY,
    "parentRunUuid": None,
    "rootRunUuid": ANY,
    "computeDuration": ANY,
    "lastModifiedUtc": ANY,
    "duration": ANY,
    "runId": ANY,
    "parentRunId": None,
    "experimentId": ANY,
    "status": "Completed",
    "startTimeUtc": ANY,
    "endTimeUtc": ANY,
    "displayName": ANY,
    "name": None,
    "dataContainerId": ANY,
    "hidden": False,
    "runType": "azureml.PipelineRun",
    "runTypeV2": {"orchestrator": "Pipeline", "traits": ANY, "attribution": None, "computeType": None},
    "properties": ANY,
    "parameters": {},
    "actionUris": {"Cancel": ANY},
    "uniqueChildRunComputeTargets": ANY,
    "tags": ANY,
    "settings": {},
    "services": {},
    "inputDatasets": [],
    "outputDatasets": [],
    "runDefinition": None,
    "jobSpecification": None,
    "inputs": {},
    "outputs": {"trained_model": {"assetId": ANY, "type": "UriFolder"}},
}
_COMPONENT_VERSION: Body = {
    "id": ANY,
    "name": ANY,
    "type": "Microsoft.MachineLearningServices/registries/components/versions",
    "properties": {
        "description": None,
        "tags": ANY,
        "properties": {},
        "isArchived": False,
        "isAnonymous": False,
        "componentSpec": ANY,
    },
    "systemData": _SYSTEM_DATA,
}
_BLOB_STORE: Body = {
    "id": ANY,
    "name": "workspaceblobstore",
    "type": "Microsoft.MachineLearningServices/workspaces/datastores",
    "properties": {
        "description": None,
        "tags": None,
        "properties": None,
        "isDefault": True,
        "credentials": {"credentialsType": "AccountKey"},
        "datastoreType": "AzureBlob",
        "accountName": ANY,
        "containerName": ANY,
        "endpoint": ANY,
        "protocol": "https",
        "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
    },
    "systemData": _SYSTEM_DATA,
}

RECORDED: dict[str, Exchange] = {
    "workspace": Exchange(
        "workspaces, in " + _ONLINE,
        200,
        body={
            "id": ANY,
            "name": ANY,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "location": ANY,
            "tags": {},
            "etag": None,
            "properties": {
                "friendlyName": ANY,
                "description": "",
                "storageAccount": ANY,
                "keyVault": ANY,
                "applicationInsights": ANY,
                "hbiWorkspace": False,
                "tenantId": ANY,
                "imageBuildCompute": None,
                "provisioningState": "Succeeded",
                "v1LegacyMode": False,
                "softDeleteEnabled": False,
                "containerRegistry": ANY,
                "notebookInfo": ANY,
                "storageHnsEnabled": False,
                "workspaceId": ANY,
                "linkedModelInventoryArmId": None,
                "privateLinkCount": 0,
                "publicNetworkAccess": ANY,
                "discoveryUrl": ANY,
                "mlFlowTrackingUri": ANY,
                "sdkTelemetryAppInsightsKey": ANY,
                "sasGetterUri": "",
            },
            "identity": {"type": "SystemAssigned", "principalId": ANY, "tenantId": ANY},
            "sku": {"name": "Basic", "tier": "Basic"},
            "systemData": _SYSTEM_DATA,
        },
    ),
    "compute created": Exchange(_COMPUTE, 201, _LRO, _NEW_CLUSTER),
    "compute operation over": Exchange(_COMPUTE, 200, body={"status": "Succeeded", "percentComplete": 100.0}),
    "compute": Exchange(_COMPUTE, 200, body=_CLUSTER),
    "compute updated": Exchange(
        _COMPUTE,
        201,
        _LRO,
        {
            **_NEW_CLUSTER,
            "tags": {},
            "properties": {**_NEW_CLUSTER["properties"], "computeLocation": ANY},
        },
    ),
    "compute deleted": Exchange(_COMPUTE, 202, _LRO),
    "model created": Exchange(_MODEL, 201, frozenset({"location"}), _MODEL_VERSION),
    "latest model": Exchange(_MODEL, 200, body={"value": [_MODEL_VERSION]}),
    "blob missing": Exchange(_MODEL, 404, frozenset({"x-ms-error-code"})),
    "endpoint created": Exchange(_ONLINE, 201, _MFE_LRO, _NEW_ENDPOINT),
    "endpoint operation": Exchange(_ONLINE, 200, body=_MFE_STATUS),
    "datastore": Exchange(_ONLINE, 200, body=_BLOB_STORE),
    "datastore secrets": Exchange(_ONLINE, 200, body={"secretsType": "AccountKey", "key": ANY}),
    "deployment created": Exchange(_ONLINE, 201, _MFE_LRO, _NEW_DEPLOYMENT),
    "deployment": Exchange(_ONLINE, 200, body=_DEPLOYMENT),
    "deployments": Exchange(_ONLINE, 200, body={"value": [_DEPLOYMENT]}),
    "endpoint updated": Exchange(_ONLINE, 201, _MFE_LRO, _UPDATED_ENDPOINT),
    "endpoint": Exchange(_ONLINE, 200, body=_ENDPOINT),
    "endpoint token": Exchange(
        _ONLINE,
        200,
        body={"accessToken": ANY, "tokenType": "Bearer", "expiryTimeUtc": ANY, "refreshAfterTimeUtc": ANY},
    ),
    "score": Exchange(
        _ONLINE,
        200,
        frozenset(
            {
                "azureml-model-deployment",
                "server",
                "x-request-id",
                "x-ms-run-function-failed",
                "x-ms-run-fn-exec-ms",
            }
        ),
        ANY,
    ),
    "endpoint deleted": Exchange(_ONLINE, 202, _MFE_LRO, None),
    "job created": Exchange(_JOB, 201, frozenset({"location"}), _JOB_BODY),
    "job": Exchange(_JOB, 200, body=_FINISHED_JOB),
    "discovery": Exchange(
        _JOB,
        200,
        body=dict.fromkeys(
            (
                "api",
                "catalog",
                "experimentation",
                "gallery",
                "history",
                "hyperdrive",
                "labeling",
                "modelmanagement",
                "pipelines",
                "studio",
            ),
            ANY,
        ),
    ),
    "run data": Exchange(
        _JOB,
        200,
        body={
            "runMetadata": _RUN_METADATA,
            "runDefinition": ANY,
            "jobSpecification": None,
            "systemSettings": None,
        },
    ),
    "blob range": Exchange(_JOB, 206, frozenset({"content-range", "x-ms-blob-type"}), ANY),
    "empty blob range": Exchange(_JOB, 416, frozenset({"content-range", "x-ms-error-code"}), ANY),
    "registry discovery": Exchange(
        _REGISTRY,
        200,
        body={
            "registryId": ANY,
            "registryName": ANY,
            "tenantId": ANY,
            "primaryRegion": ANY,
            "regions": ANY,
            "subscriptionId": ANY,
            "resourceGroup": ANY,
            "workspaceName": None,
            "primaryRegionResourceProviderUri": ANY,
            "registryFqdns": ANY,
        },
    ),
    "component": Exchange(_REGISTRY, 200, body=_COMPONENT_VERSION),
    "components": Exchange(_REGISTRY, 200, body={"value": [_COMPONENT_VERSION]}),
}

EVERY_ANSWER = frozenset(
    {
        "cache-control",
        "expires",
        "pragma",
        "strict-transport-security",
        "x-content-type-options",
        "x-ms-response-type",
        "request-context",
        "server-timing",
        "x-aml-cluster",
        "x-ms-correlation-request-id",
        "x-ms-routing-request-id",
        "x-request-time",
        "x-ms-ratelimit-remaining-subscription",
    }
)


@dataclass(frozen=True)
class Reason:
    """Why a difference stands."""

    text: str
    differences: frozenset[str] = field(default_factory=frozenset)


DIFFERENCES = (
    Reason(
        "Headers of Azure's own plumbing, which no client reads.",
        frozenset(
            f"every answer: header {name} is missing"
            for name in (
                "request-context",
                "server-timing",
                "x-aml-cluster",
                "x-ms-ratelimit-remaining-subscription",
            )
        ),
    ),
    Reason(
        "A browser would from then on refuse plain HTTP on localhost, to every other program there too.",
        frozenset({"every answer: header strict-transport-security is missing"}),
    ),
    Reason(
        "Declared: pollers need not wait 30 seconds; --no-fast-polling leaves it out.",
        frozenset({"endpoint operation: header x-ms-retry-after-ms is not Azure's"}),
    ),
    Reason(
        "A datastore gives a signature, as newer clients ask for (expirableSecret), never an account key.",
        frozenset(
            {
                "datastore secrets: key is missing",
                "datastore secrets: sasToken is not Azure's",
                "datastore secrets: secretsType is 'Sas', not 'AccountKey'",
                "datastore: properties.credentials.credentialsType is 'Sas', not 'AccountKey'",
            }
        ),
    ),
    Reason(
        "The emulator serves its own models and takes no scoring script.",
        frozenset(
            {
                f"{name}.codeConfiguration is None, not {{'codeId': '(any)', 'scoringScript': 'score.py'}}"
                for name in (
                    "deployment created: properties",
                    "deployment: properties",
                    "deployments: value[].properties",
                )
            }
        ),
    ),
    Reason(
        "azure-ai-ml 1.35.2 downloads an output only if its type is spelled as it spells it.",
        frozenset({"run data: runMetadata.outputs.trained_model.type is 'uri_folder', not 'UriFolder'"}),
    ),
    Reason(
        "A workspace says what it is.",
        frozenset({"workspace: tags.emulator is not Azure's"}),
    ),
)
