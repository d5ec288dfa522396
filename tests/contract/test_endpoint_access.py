"""Identity and sign-in of endpoints through the genuine SDK: what it sends, is given, and is refused."""

import time

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    IdentityConfiguration,
    ManagedIdentityConfiguration,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
)
from azure.ai.ml.entities._endpoint.online_endpoint import (
    EndpointAadToken,
    EndpointAuthKeys,
    EndpointAuthToken,
)
from azure.ai.ml.exceptions import ValidationException
from azure.core.exceptions import HttpResponseError

from runner import recipe
from runner.azure.endpoints import Endpoints
from runner.azure.rest import signed_in_client
from runner.azure.transport import Transport
from runner.facts import Target, TargetKind
from runner.recipe import Identity, IdentityType
from runner.redact import MASK, redact
from tests.emulator.emulated import Emulated

SIZE = "Standard_NC24ads_A100_v4"
BASE = "azureml://registries/azureml/models/Phi-3-tiny-4k-instruct/versions/1"
GUID = "00000000-0000-4000-8000-000000000001"
OWN = (
    f"/subscriptions/{GUID}/resourceGroups/rg"
    "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/serving"
)
DAY = 24 * 3600


def name_of(workspace: MLClient) -> str:
    return f"ep-{str(workspace.workspace_name)[3:]}"


def make(
    workspace: MLClient, *, auth_mode: str = "key", identity: IdentityConfiguration | None = None
) -> str:
    """Have an endpoint, and return its name."""
    endpoint = ManagedOnlineEndpoint(name=name_of(workspace), auth_mode=auth_mode, identity=identity)
    workspace.begin_create_or_update(endpoint).wait()
    return name_of(workspace)


def of_the_user(*ids: str) -> IdentityConfiguration:
    own = [ManagedIdentityConfiguration(resource_id=each) for each in ids]
    return IdentityConfiguration(type="user_assigned", user_assigned_identities=own)


def path(workspace: MLClient) -> str:
    return (
        f"/subscriptions/{workspace.subscription_id}/resourceGroups/{workspace.resource_group_name}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{workspace.workspace_name}"
        f"/onlineEndpoints/{name_of(workspace)}"
    )


def ours(workspace: MLClient, emulator: Emulated) -> Endpoints:
    """Give the runner's own way to endpoints."""
    target = Target(
        kind=TargetKind.EMULATOR,
        subscription_id=str(workspace.subscription_id),
        resource_group=str(workspace.resource_group_name),
        workspace_name=str(workspace.workspace_name),
        resource_manager=emulator.url,
    )
    credential = workspace._credential  # noqa: SLF001 - the one the SDK itself uses
    return Endpoints(workspace, signed_in_client(credential, target, Transport()), emulator.url)


def test_an_identity_of_the_users_own_is_answered_as_arm_does(
    workspace: MLClient, emulator: Emulated
) -> None:
    make(workspace, identity=of_the_user(OWN))
    with emulator.client(emulator.token()) as client:
        identity = client.get(path(workspace)).json()["identity"]
    assert (identity["type"], list(identity)) == ("UserAssigned", ["type", "userAssignedIdentities"])
    assert {OWN: {"principalId", "clientId"}} == {
        each: set(known) for each, known in identity["userAssignedIdentities"].items()
    }


def test_without_an_identity_azure_makes_one(workspace: MLClient, emulator: Emulated) -> None:
    make(workspace)
    with emulator.client(emulator.token()) as client:
        identity = client.get(path(workspace)).json()["identity"]
    assert (identity["type"], set(identity)) == ("SystemAssigned", {"type", "principalId", "tenantId"})


@pytest.mark.parametrize(
    ("section", "kind", "ids"),
    [
        (None, "system_assigned", ()),
        (Identity(type=IdentityType.SYSTEM_ASSIGNED), "system_assigned", ()),
        (
            Identity(type=IdentityType.USER_ASSIGNED, user_assigned_identities=(OWN,)),
            "user_assigned",
            (OWN,),
        ),
    ],
)
def test_what_a_recipe_asks_for_is_what_is_found_and_survives_another_split_of_traffic(
    workspace: MLClient, emulator: Emulated, section: Identity | None, kind: str, ids: tuple[str, ...]
) -> None:
    endpoints, name = ours(workspace, emulator), name_of(workspace)
    asked = recipe.Endpoint(name=name, identity=section)
    endpoints.create(name, asked, description="for orders", tags={"a": "b"})
    wait_until_there(workspace, name)
    endpoints.route(name, {})
    wait_until_there(workspace, name)
    found = endpoints.get(name)
    assert found is not None
    assert (found.identity_type, found.user_assigned_identities) == (kind, ids)
    assert workspace.online_endpoints.get(name).description == "for orders"


def wait_until_there(workspace: MLClient, name: str) -> None:
    deadline = time.monotonic() + 30
    while workspace.online_endpoints.get(name).provisioning_state != "Succeeded":
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


def test_an_identity_cannot_be_changed(workspace: MLClient) -> None:
    make(workspace, identity=of_the_user(OWN))
    make(workspace, identity=of_the_user(OWN.upper()))  # the same one: ids have no case
    for other in (None, of_the_user(f"{OWN}2")):
        with pytest.raises(HttpResponseError, match="identity of an endpoint cannot be changed"):
            make(workspace, identity=other)


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        (of_the_user(), "takes 1 user-assigned identity, not 0"),
        (of_the_user(OWN, f"{OWN}2"), "takes 1 user-assigned identity, not 2"),
        (of_the_user("serving"), "named by its resource id"),
        (IdentityConfiguration(type="none"), "do not support the identity None"),
        (
            IdentityConfiguration(
                type="system_assigned",
                user_assigned_identities=[ManagedIdentityConfiguration(resource_id=OWN)],
            ),
            "go with the type UserAssigned",
        ),
    ],
)
def test_an_identity_that_azure_refuses_is_refused(
    workspace: MLClient, identity: IdentityConfiguration, message: str
) -> None:
    with pytest.raises(HttpResponseError, match=message):
        make(workspace, identity=identity)


def test_each_mode_has_its_own_credential(workspace: MLClient) -> None:
    keys = workspace.online_endpoints.get_keys(make(workspace, auth_mode="key"))
    assert isinstance(keys, EndpointAuthKeys)
    assert keys.primary_key != keys.secondary_key


def test_a_token_of_azure_ml_ends_within_a_day(workspace: MLClient) -> None:
    token = workspace.online_endpoints.get_keys(make(workspace, auth_mode="aml_token"))
    assert isinstance(token, EndpointAuthToken)
    assert time.time() < token.refresh_after_time_utc < token.expiry_time_utc <= time.time() + DAY


def test_a_token_of_entra_comes_from_the_signed_in_account_and_not_from_the_endpoint(
    workspace: MLClient,
) -> None:
    token = workspace.online_endpoints.get_keys(make(workspace, auth_mode="aad_token"))
    assert isinstance(token, EndpointAadToken)
    assert token.expiry_time_utc > time.time()


@pytest.mark.parametrize("auth_mode", ["key", "aml_token", "aad_token"])
def test_what_the_sdk_is_given_lets_it_score_and_is_a_secret_at_once(
    workspace: MLClient, emulator: Emulated, auth_mode: str
) -> None:
    name = make(workspace, auth_mode=auth_mode)
    workspace.online_deployments.begin_create_or_update(
        ManagedOnlineDeployment(
            name="demo", endpoint_name=name, model=BASE, instance_type=SIZE, instance_count=1
        )
    ).wait()
    credential = ours(workspace, emulator).key(name)
    assert redact(f"it is {credential}!") == f"it is {MASK}!"
    uri = workspace.online_endpoints.get(name).scoring_uri
    with emulator.client(credential) as client:
        answer = client.post(uri, json={}, headers={"azureml-model-deployment": "demo"})
    assert answer.status_code == 200


@pytest.mark.parametrize("auth_mode", ["aml_token", "aad_token"])
def test_a_token_endpoint_has_no_keys(workspace: MLClient, emulator: Emulated, auth_mode: str) -> None:
    name = make(workspace, auth_mode=auth_mode)
    with emulator.client(emulator.token()) as client:
        answer = client.post(f"{path(workspace)}/listKeys")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "UserError")
    with pytest.raises(ValidationException, match="does not use keys"):
        workspace.online_endpoints.begin_regenerate_keys(name)
