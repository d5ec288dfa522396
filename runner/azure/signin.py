"""Signing in: the one credential a process uses, proven by a token before anything else happens."""

import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, DefaultAzureCredential, InteractiveBrowserCredential

from runner.azure.credential import RenewableCredential
from runner.errors import CloudUnavailable, UsageError
from runner.facts import Target, TargetKind

# Where the SDK reads its cloud and its registry from. (A managed identity on loopback is common on Azure.)
_CLOUD = ("ARM_CLOUD_METADATA_URL", "REGISTRY_DISCOVERY_ENDPOINT_URL")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def sign_in(target: Target, environment: Mapping[str, str], *, at_a_terminal: bool) -> RenewableCredential:
    """Give a credential that has fetched a token for the target's management address, and can renew it.

    `DefaultAzureCredential` first; a browser only where a person sits at a terminal. Raises CloudUnavailable
    when nobody can be signed in, UsageError when the environment points at the other kind of target.
    """
    _refuse_the_other_cloud(target, environment)
    # azure-identity logs a page of attempts; the one clear line below replaces it.
    logging.getLogger("azure").setLevel(logging.ERROR)
    try:
        return _proven(RenewableCredential(DefaultAzureCredential), target)
    except (ClientAuthenticationError, CredentialUnavailableError) as error:
        if target.kind is TargetKind.AZURE and at_a_terminal:
            return _in_the_browser(target)
        raise CloudUnavailable(
            "no Azure credential works here: DefaultAzureCredential found none that is signed in",
            hint="sign in with `az login` (or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET),"
            " or run on the emulator with --target emulator",
        ) from error


def _in_the_browser(target: Target) -> RenewableCredential:
    try:
        # One for all renewals: a second one would ask the person again.
        return _proven(RenewableCredential.around(InteractiveBrowserCredential()), target)
    except (ClientAuthenticationError, CredentialUnavailableError) as error:
        raise CloudUnavailable("sign-in in the browser did not succeed", hint="az login") from error


def _proven(credential: RenewableCredential, target: Target) -> RenewableCredential:
    credential.get_token(f"{target.resource_manager}/.default")
    return credential


def _refuse_the_other_cloud(target: Target, environment: Mapping[str, str]) -> None:
    """Never send a user's own token to an emulator, nor call a run on an emulator a run on Azure."""
    local = [name for name in _CLOUD if urlsplit(environment.get(name, "")).hostname in _LOOPBACK]
    if target.kind is TargetKind.AZURE and local:
        raise UsageError(
            f"the target is azure, but {', '.join(local)} points at this machine",
            hint="unset what `runner emulator env` exported, or pass --target emulator",
        )
    if target.kind is TargetKind.EMULATOR and local != list(_CLOUD):
        raise UsageError("the target is the emulator, but its environment is not set")
