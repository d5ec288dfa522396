"""What the SDK raises, as a person reads it."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceResponseError,
)
from azure.mgmt.core.exceptions import ARMErrorFormat

from runner.azure.answers import AnswerRefused
from runner.azure.translate import mend, translated
from runner.errors import CloudUnavailable, ExitCode, NotFound, RunnerError, SignInRefused, StepFailed

COMPUTE = "Microsoft.MachineLearningServices/workspaces/computes/write"


def answered(status: int, message: str, kind: type[HttpResponseError] = HttpResponseError) -> Exception:
    response = SimpleNamespace(status_code=status, reason="", headers={}, text=lambda: "")
    return kind(message, response=cast("Any", response))


def told(error: Exception) -> RunnerError:
    with pytest.raises(RunnerError) as raised, translated("creating compute gpu"):
        raise error
    return raised.value


def test_an_error_that_says_nothing_is_told_with_its_details() -> None:
    details = [{"code": "BadArgument", "message": "no size\n  Foo"}, {"code": "x", "message": "and no name"}]
    body = {"error": {"code": "BadRequest", "message": "The request is invalid.", "details": details}}
    response = SimpleNamespace(status_code=400, reason="", headers={}, text=lambda: json.dumps(body))
    error = told(HttpResponseError(response=cast("Any", response), error_format=ARMErrorFormat))
    said = "HTTP 400 BadRequest: (BadRequest) The request is invalid. no size Foo; and no name"
    assert error.message == f"creating compute gpu: {said}"


def test_what_is_not_found_while_it_is_changed_is_an_error_a_person_can_read() -> None:
    said = r"^routing traffic of endpoint e: \(ResourceNotFound\) endpoint e$"
    with pytest.raises(StepFailed, match=said), translated("routing traffic of endpoint e"):
        raise ResourceNotFoundError("(ResourceNotFound) endpoint e")


@pytest.mark.parametrize("kind", [ResourceNotFoundError, HttpResponseError])
def test_what_is_not_found_is_a_step_that_failed(kind: type[HttpResponseError]) -> None:
    error = told(answered(404, "no such cluster", kind))
    assert isinstance(error, NotFound)
    assert error.exit_code is ExitCode.STEP_FAILED


@pytest.mark.parametrize("kind", [ClientAuthenticationError, HttpResponseError])
def test_a_token_that_is_refused_is_not_waited_out(kind: type[HttpResponseError]) -> None:
    error = told(answered(401, "(ExpiredAuthenticationToken) over", kind))
    assert isinstance(error, SignInRefused)
    assert (error.exit_code, error.hint) == (ExitCode.CLOUD_UNAVAILABLE, "az login")


def test_a_token_that_could_not_be_had_may_be_had_later() -> None:
    error = told(ClientAuthenticationError("the sign-in service is down"))
    assert type(error) is CloudUnavailable
    assert error.hint == "az login"


@pytest.mark.parametrize("error", [ServiceResponseError("reset"), AnswerRefused("host answered 200 with …")])
def test_what_decides_nothing_can_be_gone_on_with(error: Exception) -> None:
    assert type(told(error)) is CloudUnavailable


@pytest.mark.parametrize(
    ("action", "role"),
    [
        (COMPUTE, "AzureML Compute Operator"),
        ("Microsoft.MachineLearningServices/workspaces/jobs/write", "AzureML Data Scientist"),
        ("Microsoft.MachineLearningServices/registries/assets/read", "AzureML Registry User"),
        ("Microsoft.MachineLearningServices/locations/usages/read", "Reader"),
        ("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", "Managed Identity Operator"),
    ],
)
def test_a_missing_permission_is_named_with_the_role_that_has_it(action: str, role: str) -> None:
    message = f"The client 'x' does not have authorization to perform action '{action}' over scope '/s'"
    hint = told(answered(403, message)).hint
    assert hint.startswith(f"the signed-in account lacks the action {action} (in {role}")
    assert hint.endswith("a new role takes up to an hour to work")


def test_a_permission_that_no_role_of_ours_has_is_named_alone() -> None:
    hint = told(answered(403, "may not perform action 'Microsoft.Web/sites/write' here")).hint
    assert hint.startswith("the signed-in account lacks the action Microsoft.Web/sites/write; see README")


def test_a_refusal_that_names_no_action_names_the_roles() -> None:
    assert told(answered(403, "no")).hint.startswith("see README, 'Roles on Azure'")


@pytest.mark.parametrize(
    "reason",
    [
        "(OutOfQuota) Not enough quota",
        "(OutOfCapacity) none left",
        "SubscriptionQuotaExceeded: x",
        "ClusterCoreQuotaReached",
    ],
)
def test_too_little_quota_is_told_with_what_helps(reason: str) -> None:
    error = told(answered(400, reason))
    assert "ask for more cores" in error.hint
    assert mend(reason) == error.hint


def test_what_has_nothing_to_do_with_quota_has_no_such_hint() -> None:
    assert told(answered(400, "(UserError) the quotation is wrong")).hint == ""
