"""Turn what the SDK raises into the runner's errors: what happened, where, and what to do next."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from http import HTTPStatus

from azure.ai.ml.exceptions import ValidationErrorType, ValidationException
from azure.core.exceptions import (
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    IncompleteReadError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)

from runner.azure.answers import AnswerRefused
from runner.azure.retrying import TRANSIENT
from runner.errors import CloudUnavailable, Conflict, NotFound, RunnerError, SignInRefused, StepFailed
from runner.redact import printable, redact

_ROLES = "see README, 'Roles on Azure', for the roles a run needs; a new role takes up to an hour to work"
_ACTION = re.compile(r"perform action '([\w./]+)'")
_PROVIDER = "microsoft.machinelearningservices/"
# Azure's built-in roles by what an action starts with, the first that fits; nothing fits the rest.
_ROLE_OF = {
    f"{_PROVIDER}workspaces/computes/": "AzureML Compute Operator",
    f"{_PROVIDER}workspaces/": "AzureML Data Scientist",
    f"{_PROVIDER}registries/": "AzureML Registry User",
    f"{_PROVIDER}locations/": "Reader (of the subscription)",
    "microsoft.managedidentity/": "Managed Identity Operator",
    "microsoft.storage/": "Storage Blob Data Contributor",
}
_QUOTA = re.compile(
    r"OutOfQuota|OutOfCapacity|QuotaExceeded|QuotaReached|InsufficientQuota|NotEnoughQuota|NotEnoughCores",
    re.IGNORECASE,
)
# The message of many an error of Azure ML whose reason is in its `details` alone.
_SAYS_NOTHING = {"The request is invalid.", "The request is invalid"}
_MORE_QUOTA = (
    "ask for more cores of the size's family (a deployment takes those of 1.2 x instance_count), take another"
    " size or region, or take back what is not needed"
)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Run SDK calls; `doing` says in words what they are for and opens the message.

    Raises NotFound for a 404, Conflict for a 409, CloudUnavailable where nothing is decided (network, 429,
    5xx, no token to be had), SignInRefused for a token that was refused, and StepFailed for all else.
    """
    try:
        yield
    except RunnerError:
        raise
    except ResourceNotFoundError as error:
        raise NotFound(_told(doing, error)) from error
    except ClientAuthenticationError as error:
        raise _sign_in(doing, error) from error
    except ValidationException as error:
        # The SDK's way to say that a name has no version at all.
        if error.error_type == ValidationErrorType.RESOURCE_NOT_FOUND:
            raise NotFound(f"{doing}: {_first_line(error)}") from error
        raise StepFailed(f"{doing}: {_first_line(error)}") from error
    except AnswerRefused as error:
        raise CloudUnavailable(f"{doing}: {_first_line(error)}") from error
    except (ServiceRequestError, ServiceResponseError, DecodeError, IncompleteReadError) as error:
        raise CloudUnavailable(f"{doing}: no answer: {_first_line(error)}") from error
    except HttpResponseError as error:
        raise _from_status(doing, error) from error
    except Exception as error:
        raise StepFailed(f"{doing}: {type(error).__name__}: {_first_line(error)}") from error


def word(value: object) -> str:
    """Give a service's word as plain text: the SDK hands out enums whose `str` is not their value."""
    plain = value.value if isinstance(value, Enum) else value
    return "" if plain is None else str(plain)


def mend(text: str) -> str:
    """Give what helps against a failure that the service gives such a reason for, "" where nobody knows."""
    return _MORE_QUOTA if _QUOTA.search(text) else ""


def _sign_in(doing: str, error: ClientAuthenticationError) -> CloudUnavailable:
    """Tell a token that was refused from one that could not be had: only the latter may pass by itself."""
    kind = SignInRefused if error.response is not None else CloudUnavailable
    return kind(f"{doing}: sign-in was refused: {_first_line(error)}", hint="az login")


def _from_status(doing: str, error: HttpResponseError) -> RunnerError:
    text = _told(doing, error)
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        return SignInRefused(f"{doing}: sign-in was refused: {_first_line(error)}", hint="az login")
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound(text)
    if error.status_code in TRANSIENT:
        return CloudUnavailable(text)
    if error.status_code == HTTPStatus.CONFLICT:
        return Conflict(text)
    if error.status_code == HTTPStatus.FORBIDDEN:
        return StepFailed(text, hint=_missing(str(error)))
    return StepFailed(text, hint=mend(f"{_code(error)}{error}"))


def _missing(said: str) -> str:
    """Name the action that was refused, and the built-in role that has it, where the service tells."""
    found = _ACTION.search(said)
    if not found:
        return _ROLES
    action = printable(found[1])
    role = next((role for start, role in _ROLE_OF.items() if action.lower().startswith(start)), "")
    which = f" (in {role})" if role else ""
    return f"the signed-in account lacks the action {action}{which}; {_ROLES}"


def _told(doing: str, error: HttpResponseError) -> str:
    return f"{doing}: {_code(error)}{_first_line(error)}{_details(error)}{_request_id(error)}"


def _details(error: HttpResponseError) -> str:
    """Give what ARM says in `details`, where its message alone tells nothing."""
    told = getattr(error, "error", None)
    if str(getattr(told, "message", None)) not in _SAYS_NOTHING:
        return ""
    details = [str(each.message) for each in getattr(told, "details", None) or () if each.message]
    return printable(redact(f" {'; '.join(' '.join(each.split()) for each in details)}"))[:600].rstrip()


def _code(error: HttpResponseError) -> str:
    code = getattr(getattr(error, "error", None), "code", None)
    status = f"HTTP {error.status_code}" if error.status_code else ""
    named = " ".join(part for part in (status, str(code) if code else "") if part)
    return f"{named}: " if named else ""


def _request_id(error: HttpResponseError) -> str:
    headers = getattr(error.response, "headers", None) or {}
    request_id = headers.get("x-ms-correlation-request-id") or headers.get("x-ms-request-id")
    return f" (request id {request_id})" if request_id else ""


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return printable(redact(lines[0] if lines else type(error).__name__))[:600]
