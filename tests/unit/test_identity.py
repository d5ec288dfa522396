"""The identity of an endpoint: how a recipe names it, when its id is complete, and what does not fit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner import preflight
from runner.errors import Diagnostic, RecipeInvalid
from runner.facts import EndpointState, Facts, Provisioning
from runner.load import Loaded, load_bytes, resolve
from runner.recipe import Endpoint, Identity, IdentityType
from tests.unit.bench import EARLIER_RUN, FACTS

GUID = "00000000-0000-4000-8000-000000000001"
OWN = (
    f"/subscriptions/{GUID}/resourceGroups/rg"
    "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/serving"
)
OPEN = OWN.replace(GUID, "${env:SUB}")


def loaded(identity: str) -> Loaded:
    text = f"version: 1\nname: small\nmodel: {{name: Phi-4}}\nendpoint:\n  name: my-chat\n{identity}\n"
    return load_bytes(text.encode(), Path("recipe.yaml"))


def of_the_user(resource_id: str) -> Loaded:
    return loaded(f'  identity:\n    type: user_assigned\n    user_assigned_identities: ["{resource_id}"]')


def refusal(identity: str) -> list[Diagnostic]:
    with pytest.raises(RecipeInvalid) as caught:
        loaded(identity)
    return list(caught.value.diagnostics)


def endpoint(there: Loaded) -> Endpoint:
    assert there.recipe.endpoint is not None
    return there.recipe.endpoint


def test_an_identity_becomes_a_value() -> None:
    assert endpoint(of_the_user(OWN)).identity == Identity(
        type=IdentityType.USER_ASSIGNED, user_assigned_identities=(OWN,)
    )
    assert endpoint(loaded("  identity: {type: system_assigned}")).identity == Identity(
        type=IdentityType.SYSTEM_ASSIGNED
    )
    assert endpoint(loaded("")).identity is None


@pytest.mark.parametrize(
    ("identity", "code", "key"),
    [
        ("{}", "missing-key", "type"),
        ("{type: none}", "not-allowed-value", "type"),
        ("{type: user_assigned}", "missing-key", "user_assigned_identities"),
        ("{type: user_assigned, user_assigned_identities: []}", "wrong-length", "user_assigned_identities"),
        (
            f"{{type: user_assigned, user_assigned_identities: {OWN}}}",
            "wrong-type",
            "user_assigned_identities",
        ),
        (
            f"{{type: user_assigned, user_assigned_identities: [{OWN}, {OWN}2]}}",
            "wrong-length",
            "user_assigned_identities",
        ),
        (
            "{type: user_assigned, user_assigned_identities: [serving]}",
            "wrong-form",
            "user_assigned_identities.0",
        ),
        (
            f"{{type: user_assigned, user_assigned_identities: [{OWN}/more]}}",
            "wrong-form",
            "user_assigned_identities.0",
        ),
        (
            f"{{type: user_assigned, user_assigned_identities: [{{resource_id: {OWN}}}]}}",
            "wrong-type",
            "user_assigned_identities.0",
        ),
        (
            "{type: user_assigned, user_assigned_identities: ['${HOME}/x']}",
            "bad-env-reference",
            "user_assigned_identities.0",
        ),
        (
            f"{{type: system_assigned, user_assigned_identities: [{OWN}]}}",
            "not-with-system-assigned",
            "user_assigned_identities",
        ),
        ("{type: '${env:TYPE}'}", "env-not-allowed-here", "type"),
    ],
)
def test_a_mistake_is_named_and_placed(identity: str, code: str, key: str) -> None:
    found = refusal(f"  identity: {identity}")
    assert [(each.code, each.key, each.line) for each in found] == [(code, f"endpoint.identity.{key}", 6)]
    assert GUID not in "".join(str(each) for each in found)


def test_ids_that_go_with_no_system_assigned_identity_are_shown_at_their_key() -> None:
    (found,) = refusal(f"  identity:\n    type: system_assigned\n    user_assigned_identities:\n    - {OWN}")
    assert (found.line, found.column) == (8, 5)


@pytest.mark.parametrize("written", [OWN, OWN.replace("resourceGroups", "resourcegroups"), OPEN])
def test_an_id_is_completed_from_the_environment(written: str) -> None:
    identity = endpoint(resolve(of_the_user(written), {"SUB": GUID}, needed={"endpoint"})).identity
    assert identity is not None
    assert identity.user_assigned_identities == (written.replace("${env:SUB}", GUID),)


@pytest.mark.parametrize("identity", ["", "  identity: {type: system_assigned}"])
def test_where_nothing_is_open_nothing_is_asked_of_the_environment(identity: str) -> None:
    assert resolve(loaded(identity), {}, needed={"endpoint"}) == loaded(identity)


@pytest.mark.parametrize(
    ("environment", "code"),
    [({}, "env-unset"), ({"SUB": "canary"}, "wrong-form"), ({"SUB": "${env:SUB}"}, "wrong-form")],
)
def test_an_id_that_cannot_be_completed_is_placed_and_not_repeated(
    environment: dict[str, str], code: str
) -> None:
    with pytest.raises(RecipeInvalid) as caught:
        resolve(of_the_user(OPEN), environment, needed={"endpoint"})
    (found,) = caught.value.diagnostics
    assert (found.code, found.line, found.key) == (code, 8, "endpoint.identity.user_assigned_identities.0")
    assert "canary" not in str(found)


def found(**identity: Any) -> Facts:  # noqa: ANN401 - the state's own fields
    state = EndpointState(
        id="/e", name="my-chat", provisioning=Provisioning.SUCCEEDED, tags=EARLIER_RUN, **identity
    )
    return replace(FACTS, endpoint=state)


SYSTEM = {"identity_type": "system_assigned"}


def by(resource_id: str) -> dict[str, object]:
    return {"identity_type": "user_assigned", "user_assigned_identities": (resource_id,)}


@pytest.mark.parametrize(
    ("recipe", "there", "reason"),
    [
        (of_the_user(OWN), SYSTEM, "has identity system_assigned, the recipe wants user_assigned"),
        (loaded(""), by(OWN), "has identity user_assigned, the recipe wants system_assigned"),
        (of_the_user(OWN), by(f"{OWN}2"), "has another user_assigned identity than the recipe wants"),
        (of_the_user(OWN), by(OWN.lower()), ""),
        (loaded(""), SYSTEM, ""),
        (loaded("  identity: {type: system_assigned}"), SYSTEM, ""),
        (of_the_user(OWN), {}, ""),
    ],
)
def test_an_endpoint_with_another_identity_is_refused(
    recipe: Loaded, there: dict[str, object], reason: str
) -> None:
    diagnostics = preflight.check(recipe, found(**there), None)
    told = [each.message for each in diagnostics if each.code == "endpoint-misfit"]
    assert told == ([f"endpoint my-chat {reason}, and an identity cannot be changed"] if reason else [])
