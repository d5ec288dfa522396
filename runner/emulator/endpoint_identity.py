"""The managed identity of an endpoint: chosen when the endpoint is made, and the same ever after.

That it cannot be changed: Microsoft's "Access Azure resources from an online endpoint with a managed
identity" (2024-03). That it is one of the user's own at most: the endpoint's schema in azure-ai-ml 1.35.2.
"""

import re
import uuid
from collections.abc import Mapping

from runner.emulator.errors import ArmError
from runner.emulator.settings import TENANT
from runner.emulator.store import Document
from runner.emulator.wire import bad_argument
from runner.emulator.workspace import Workspace

SYSTEM, USER = "SystemAssigned", "UserAssigned"
_MOST = 1
_ID = re.compile(
    r"/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.managedidentity/userassignedidentities/[^/]+",
    re.IGNORECASE,
)


def identity(given: object, before: Document | None, workspace: Workspace) -> Document:
    """Return an endpoint's identity as ARM shows it; `before` is that of an endpoint that is there."""
    wanted = given if isinstance(given, Mapping) else {}
    if before is None:
        return _shown(wanted, workspace)
    if wanted and _compared(_shown(wanted, workspace)) != _compared(before):
        message = "The identity of an endpoint cannot be changed after the endpoint has been created."
        raise ArmError(400, "UserError", message, inner=("Immutable", "EndpointIdentityImmutable"))
    return before


def _shown(wanted: Mapping[str, object], workspace: Workspace) -> Document:
    kind = str(wanted.get("type") or SYSTEM)
    own = wanted.get("userAssignedIdentities") or {}
    if kind not in {SYSTEM, USER} or not isinstance(own, Mapping):
        message = f"Online endpoints do not support the identity {kind}; the types are {SYSTEM} and {USER}."
        raise ArmError(400, "CannotSetResourceIdentity", message)
    if kind == SYSTEM:
        if own:
            raise bad_argument(f"userAssignedIdentities go with the type {USER}.")
        return {"type": SYSTEM, "principalId": workspace.guid, "tenantId": TENANT}
    _check(list(own))
    return {"type": USER, "userAssignedIdentities": {each: _known_as(each) for each in own}}


def _check(ids: list[str]) -> None:
    if not 1 <= len(ids) <= _MOST:
        raise bad_argument(f"An endpoint takes {_MOST} user-assigned identity, not {len(ids)}.")
    for each in ids:
        if not _ID.fullmatch(each):
            raise bad_argument("A user-assigned identity is named by its resource id.")


def _known_as(resource_id: str) -> Document:
    """Give the two ids by which Entra knows an identity; the same for the same identity."""
    names = ("principalId", "clientId")
    return {name: str(uuid.uuid5(uuid.NAMESPACE_URL, f"{resource_id.lower()}#{name}")) for name in names}


def _compared(shown: Document) -> tuple[str, frozenset[str]]:
    return shown["type"], frozenset(each.lower() for each in shown.get("userAssignedIdentities") or {})
