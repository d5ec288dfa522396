"""How the service refuses a cluster or a deployment for which the quota has no cores left.

A dedicated cluster is refused at once if not even one node of it would fit, however few it keeps while idle
(Azure/mlops-v2#81, 2022-12-26; dotnet/machinelearning-modelbuilder#2140, 2022-06-08); that one of low
priority is held against the total of such cores alone is assumed. A deployment needs a fifth more than its
instances, in whole instances: one of four cores asks for eight (MicrosoftLearning/mslearn-azure-ml#30,
2023-06-25). Only limits that a test has set count here: the others are there to be read.
"""

import json
import math
import uuid
from collections.abc import Iterator

from runner.emulator.catalog import Size
from runner.emulator.cloud import Cloud
from runner.emulator.errors import ArmError
from runner.emulator.routes.usages import UNLIMITED, Pool, family_words, limit_of, total_of, used_cores
from runner.emulator.store import Document
from runner.emulator.workspace import Workspace, workspace_of

_RESERVE = 1.2


def refuse_cluster(cloud: Cloud, workspace: Workspace, properties: Document) -> None:
    """Refuse a new cluster whose first node, or whose idle ones, are beyond a limit by themselves."""
    size = cloud.catalog.size(properties["vmSize"])
    pool = Pool.LOW_PRIORITY if properties["vmPriority"] == "LowPriority" else Pool.DEDICATED
    nodes = max(1, properties["scaleSettings"]["minNodeCount"])
    if size is None:
        return
    for name, limit in _limits(cloud, pool, size):
        if nodes * size.vcpus > limit:
            message = (
                f"The specified subscription has a {name} vCPU quota of {limit} and cannot accomodate for at "
                f"least {nodes} requested managed compute nodes which maps to {nodes * size.vcpus} vCPUs. "
                f"Subscription: {workspace.subscription}."
            )
            raise ArmError(400, "ClusterMinNodesExceedCoreQuota", message)


def refuse_deployment(cloud: Cloud, document: Document, before: Document | None) -> None:
    """Refuse a deployment for which, beside those that are there, too few cores are left."""
    size = cloud.catalog.size(document["properties"]["instanceType"])
    if size is None:
        return
    subscription = workspace_of(document["id"]).subscription
    used = used_cores(cloud, subscription).get(size.family, 0) - _own_cores(cloud, size, before)
    needed = math.ceil(_RESERVE * document["sku"]["capacity"]) * size.vcpus
    for _, limit in _limits(cloud, Pool.DEDICATED, size):
        if used + needed > limit:
            raise _too_few(
                f"Not enough quota available for {size.name} in SubscriptionId {subscription}. Current "
                f"usage/limit: {used}/{limit}. Additional needed: {needed} Please see troubleshooting guide, "
                "available here: https://aka.ms/oe-tsg#error-outofquota"
            )


def _limits(cloud: Cloud, pool: Pool, size: Size) -> Iterator[tuple[str, int]]:
    """Yield the limits that a test has set for a size, each with the words that the service has for it."""
    family = family_words(size.family).replace(" Family", " family")
    for words, name in ((family, size.family), ("total", total_of(pool))):
        limit = limit_of(cloud, pool, name, UNLIMITED)
        if limit != UNLIMITED:
            yield words, limit


def _own_cores(cloud: Cloud, size: Size, before: Document | None) -> int:
    """Return the cores that a deployment gives back when it is replaced."""
    held = cloud.catalog.size(before["properties"]["instanceType"]) if before else None
    if before is None or held is None or held.family != size.family:
        return 0
    return int(before["sku"]["capacity"]) * held.vcpus


def _too_few(message: str) -> ArmError:
    """Write the error of the inference service as the front end passes it on: as text, within a detail."""
    told = {
        "errors": {"VmSize": [message]},
        "type": "https://tools.ietf.org/html/rfc7231#section-6.5.1",
        "title": "One or more validation errors occurred.",
        "status": 400,
        "traceId": f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01",
    }
    detail: dict[str, object] = {
        "code": "InferencingClientCreateDeploymentFailed",
        "message": f"InferencingClient HttpRequest error, error detail: {json.dumps(told)}",
    }
    return ArmError(400, "BadRequest", "The request is invalid.", detail=detail)
