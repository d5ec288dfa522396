"""Turn what the SDK raises into the runner's errors: what happened, where, and what to do next."""

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

from runner.errors import CloudUnavailable, RunnerError, StepFailed
from runner.redact import printable, redact

_TRANSIENT = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_ROLES = "see README, 'Roles on Azure', for the roles a run needs; a new role takes up to an hour to work"


class NotFound(StepFailed):
    """The resource is not there: an answer to who only looks, a failure to who wants to change it."""


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Run SDK calls; `doing` says in words what they are for and opens the message.

    Raises NotFound for a 404, CloudUnavailable where nothing is decided (sign-in, network, 429, 5xx), and
    StepFailed for everything the service or the SDK refused.
    """
    try:
        yield
    except RunnerError:
        raise
    except ResourceNotFoundError as error:
        raise NotFound(_told(doing, error)) from error
    except ClientAuthenticationError as error:
        raise CloudUnavailable(
            f"{doing}: sign-in was refused: {_first_line(error)}", hint="az login"
        ) from error
    except ValidationException as error:
        # The SDK's way to say that a name has no version at all.
        if error.error_type == ValidationErrorType.RESOURCE_NOT_FOUND:
            raise NotFound(f"{doing}: {_first_line(error)}") from error
        raise StepFailed(f"{doing}: {_first_line(error)}") from error
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


def _from_status(doing: str, error: HttpResponseError) -> RunnerError:
    text = _told(doing, error)
    if error.status_code in _TRANSIENT:
        return CloudUnavailable(text)
    if error.status_code == HTTPStatus.FORBIDDEN:
        return StepFailed(text, hint=_ROLES)
    return StepFailed(text)


def _told(doing: str, error: HttpResponseError) -> str:
    return f"{doing}: {_code(error)}{_first_line(error)}{_request_id(error)}"


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
