"""The region's usages, as Azure answers them, to the lines of quota that the runner decides by.

A family has a dedicated and a low-priority row of one name, told apart by their type; the REST reference
spells names with blanks, the service without. A limit of -1 is none, and before a subscription is in full
use `currentValue` is null: such a row says nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from runner.facts import CorePool, Quota, family_key

# As a family's name ends, and what the totals are called, in the spelling that `family_key` gives.
_ENDINGS = {
    CorePool.DEDICATED: "clusterdedicatedvcpus",
    CorePool.LOW_PRIORITY: "clusterlowpriorityvcpus",
}
_TOTALS = {
    "totaldedicatedcores": CorePool.DEDICATED,
    "totalclusterdedicatedregionalvcpus": CorePool.DEDICATED,
    "totallowprioritycores": CorePool.LOW_PRIORITY,
    "totalclusterlowpriorityregionalvcpus": CorePool.LOW_PRIORITY,
}


def quota(rows: Iterable[Mapping[str, Any]], workspace: str) -> tuple[Quota, ...]:
    """Keep the rows of the subscription and of this workspace that have a limit, and forget the rest."""
    lines = (_line(row) for row in rows if _counts_here(str(row.get("id") or ""), workspace))
    return tuple(line for line in lines if line is not None)


def _counts_here(resource_id: str, workspace: str) -> bool:
    """Tell a row that limits this workspace from those of another workspace, or of a single cluster."""
    _, within, rest = resource_id.lower().partition("/workspaces/")
    return not within or rest.split("/")[:2] == [workspace.lower(), "usages"]


def _line(row: Mapping[str, Any]) -> Quota | None:
    name = row.get("name") or {}
    limit, used = row.get("limit"), row.get("currentValue", row.get("current_value"))
    if not isinstance(limit, int) or not isinstance(used, int) or limit < 0:
        return None
    spelled, shown = family_key(str(name.get("value") or "")), str(name.get("localizedValue") or "")
    pool = _TOTALS.get(spelled)
    if pool is not None:
        return Quota(name=shown or str(name["value"]), family="", pool=pool, limit=limit, used=used)
    pool = _pool(row, spelled)
    if pool is None:
        return None
    return Quota(
        name=shown or str(name["value"]),
        family=spelled.removesuffix(_ENDINGS[pool]),
        pool=pool,
        limit=limit,
        used=used,
    )


def _pool(row: Mapping[str, Any], spelled: str) -> CorePool | None:
    kind = str(row.get("type") or "").lower()
    if "lowprioritycores" in kind or spelled.endswith(_ENDINGS[CorePool.LOW_PRIORITY]):
        return CorePool.LOW_PRIORITY
    if "dedicatedcores" in kind or spelled.endswith(_ENDINGS[CorePool.DEDICATED]):
        return CorePool.DEDICATED
    return None
