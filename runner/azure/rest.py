"""What the SDK has no public method for: a signed-in client for REST, and the services' words for a state."""

from typing import Any

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy

from runner.azure.translate import word
from runner.facts import Provisioning, Target

_STATES = {
    "Succeeded": Provisioning.SUCCEEDED,
    "Failed": Provisioning.FAILED,
    "Canceled": Provisioning.FAILED,
}


def provisioning(state: object) -> Provisioning:
    """Read a resource's `provisioningState`; whatever has not ended is under way."""
    return _STATES.get(word(state), Provisioning.IN_PROGRESS)


def signed_in_client(credential: TokenCredential, target: Target) -> PipelineClient[Any, Any]:
    """Give a client that shows a token for the target's management address."""
    token = BearerTokenCredentialPolicy(credential, f"{target.resource_manager}/.default")
    return PipelineClient("", policies=[RetryPolicy(), token])
