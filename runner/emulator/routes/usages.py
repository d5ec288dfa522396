"""The region's quota: how many cores of each family may run at once, and how many do.

The rows have the form of Azure's REST reference (Usages - List, 2025-06-01) with the names that the service
gives: a dedicated and a low-priority one for each family, told apart by their type alone, and a total of
each. A limit of -1 is none.
"""

from collections.abc import Iterator
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.cloud import Cloud, bench_of, cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.store import Document, Kind
from runner.emulator.wire import read_json

CORES = 1000
CLUSTERS = 500
UNLIMITED = -1
_PROVIDER = "Microsoft.MachineLearningServices"


class Pool(StrEnum):
    """How cores are bought; each way has limits of its own."""

    DEDICATED = "dedicatedCores"
    LOW_PRIORITY = "lowPriorityCores"


_WORDS = {Pool.DEDICATED: "Dedicated", Pool.LOW_PRIORITY: "LowPriority"}


async def get(request: Request) -> Response:
    """Answer the quota of the region: so large that only a test's limit is ever met."""
    cloud, subscription = cloud_of(request), request.path_params["subscription"]
    return JSONResponse({"value": list(_rows(cloud, subscription))})


async def set_limit(request: Request) -> Response:
    """Set the limit of one family, or of a total; only in test mode."""
    cloud = cloud_of(request)
    bench_of(cloud)
    body = await read_json(request)
    name, pool, limit = body.get("name"), body.get("pool", Pool.DEDICATED), body.get("limit")
    if name not in _names(cloud) or pool not in set(Pool) or not isinstance(limit, int) or limit < UNLIMITED:
        message = "Expected name, a family or a total; pool, dedicatedCores or lowPriorityCores; and limit."
        raise ArmError(400, "BadRequest", message)
    cloud.store.put(Kind.QUOTA, f"{pool}/{name}", {"limit": limit})
    return JSONResponse({"name": name, "pool": pool, "limit": limit})


async def clear_limits(request: Request) -> Response:
    """Take back the limits that tests have set."""
    store = bench_of(cloud_of(request)).store
    for pool in Pool:
        for name in _names(cloud_of(request)):
            store.delete(Kind.QUOTA, f"{pool}/{name}")
    return Response(status_code=204)


def _rows(cloud: Cloud, subscription: str) -> Iterator[Document]:
    home = f"/subscriptions/{subscription}/usages"
    yield _row(home, "totalCores", "TotalClusters", "Total Clusters") | {
        "currentValue": len(cloud.store.below(Kind.COMPUTE, f"/subscriptions/{subscription}/")),
        "limit": CLUSTERS,
    }
    for pool, word in _WORDS.items():
        used = used_cores(cloud, subscription) if pool is Pool.DEDICATED else {}
        total = total_of(pool)
        yield _row(home, pool, total, f"Total Cluster {word} Regional vCPUs") | {
            "currentValue": sum(used.values()),
            "limit": limit_of(cloud, pool, total, CORES),
        }
        for family in _families(cloud):
            shown = f"{family_words(family)} Cluster {word} vCPUs"
            default = CORES if pool is Pool.DEDICATED else UNLIMITED
            yield _row(f"{home}/{shown.replace(' ', '_')}", f"vmFamily/{pool}", family, shown) | {
                "currentValue": used.get(family, 0),
                "limit": limit_of(cloud, pool, family, default),
            }


def _row(resource_id: str, kind: str, name: str, shown: str) -> Document:
    return {
        "id": resource_id,
        "type": f"{_PROVIDER}/{kind}/usages",
        "unit": "Count",
        "name": {"value": name, "localizedValue": shown},
    }


def total_of(pool: Pool) -> str:
    """Return the name of the limit of all cores that are bought so."""
    return f"Total{_WORDS[pool]}Cores"


def family_words(family: str) -> str:
    """Write a family as a portal does: `standardNCADSA100v4Family` is `Standard NCADSA100v4 Family`."""
    series = family.replace(" ", "").removeprefix("standard").removesuffix("Family")
    return f"Standard {series} Family"


def _families(cloud: Cloud) -> list[str]:
    return sorted({size.family for size in cloud.catalog.sizes.values()})


def _names(cloud: Cloud) -> set[str]:
    return {*_families(cloud), *map(total_of, Pool)}


def limit_of(cloud: Cloud, pool: Pool, name: str, default: int) -> int:
    """Return the limit of a family or a total that a test has set, else `default`."""
    if not cloud.settings.test_mode:  # what a test left behind is no business of an ordinary start
        return default
    document = cloud.store.get(Kind.QUOTA, f"{pool}/{name}")
    return default if document is None else int(document["limit"])


def used_cores(cloud: Cloud, subscription: str) -> dict[str, int]:
    """Return the cores of running deployments by family: clusters scale to zero here."""
    used: dict[str, int] = {}
    for deployment in cloud.store.below(Kind.DEPLOYMENT, f"/subscriptions/{subscription}/"):
        size = cloud.catalog.size(deployment["properties"]["instanceType"])
        if size:
            used[size.family] = used.get(size.family, 0) + size.vcpus * deployment["sku"]["capacity"]
    return used
