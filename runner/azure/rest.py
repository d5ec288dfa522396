"""What the SDK has no public method for: a signed-in client for REST, and the services' words for a state."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.pipeline.policies import BearerTokenCredentialPolicy

from runner.azure.translate import word
from runner.azure.transport import Transport
from runner.errors import NotFound
from runner.facts import Provisioning, Target

Seen = TypeVar("Seen")

# How long after a 404 that would end a run it is looked again.
_SECOND_LOOK_SECONDS = 2.0
_STATES = {
    "Succeeded": Provisioning.SUCCEEDED,
    "Failed": Provisioning.FAILED,
    "Canceled": Provisioning.FAILED,
}


def provisioning(state: object) -> Provisioning:
    """Read a resource's `provisioningState`; whatever has not ended is under way."""
    return _STATES.get(word(state), Provisioning.IN_PROGRESS)


def created(entity: object) -> str:
    """Read when a resource was made, in ISO form, "" where the service does not tell."""
    moment = getattr(getattr(entity, "creation_context", None), "created_at", None)
    told = moment or getattr(entity, "created_on", None)
    # The SDK keeps an endpoint's time among its properties.
    told = told or (getattr(entity, "properties", None) or {}).get("createdAt")
    return told.isoformat() if isinstance(told, datetime) else str(told or "")


def cancelled(state: object) -> str:
    """Say clearly that an operation was cancelled, for which the service has no words; else ""."""
    return "the operation was cancelled" if word(state) == "Canceled" else ""


def signed_in_client(
    credential: TokenCredential, target: Target, wire: Transport
) -> PipelineClient[Any, Any]:
    """Give a client that shows a token for the target's management address."""
    token = BearerTokenCredentialPolicy(credential, f"{target.resource_manager}/.default")
    return PipelineClient("", policies=[token], transport=wire)


def seen_twice(look: Callable[[], Seen], wire: Transport) -> Seen:
    """Look, and once more if nothing was there: one stale answer is no ground to end a run.

    Raises NotFound where both looks say so.
    """
    try:
        return look()
    except NotFound:
        wire.pause(_SECOND_LOOK_SECONDS)
        return look()
