"""Who may call a route: every way in is one of these checks."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from starlette.requests import Request

from runner.emulator.catalog import MODEL_CONTAINER
from runner.emulator.cloud import Cloud, cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.tokens import same


class Access(StrEnum):
    """What a request must show."""

    OPEN = "nothing: public metadata"
    BEARER = "a token that this start issued"
    IDENTITY = "the identity header"
    SIGNED = "a signature in the query"
    OWN = "what the handler asks: endpoint keys"
    ADMIN = "the admin token"


def check(access: Access, request: Request) -> None:
    """Raise 401 or 403 unless the request shows what the route asks for."""
    _CHECKS[access](cloud_of(request), request)


def bearer(request: Request) -> str:
    """Return the bearer token of a request, or an empty text."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _nothing(_cloud: Cloud, _request: Request) -> None:
    """Let anybody in."""


def _token(cloud: Cloud, request: Request) -> None:
    token = bearer(request)
    if cloud.tokens.claims(token) is None:
        raise cloud.tokens.expired(token) or ArmError(
            401, "InvalidAuthenticationToken", "The access token is missing, expired or not the emulator's."
        )


def _identity(cloud: Cloud, request: Request) -> None:
    if not same(request.headers.get("x-identity-header", ""), cloud.tokens.identity_header):
        raise ArmError(401, "Unauthorized", "X-IDENTITY-HEADER is missing or wrong.")


def _signature(cloud: Cloud, request: Request) -> None:
    params, query = request.path_params, request.query_params
    owner = params.get("owner")
    container = f"{MODEL_CONTAINER}{owner}" if owner else f"{params['account']}/{params['container']}"
    scope = container if query.get("sr") == "c" else f"{container}/{params.get('blob', '')}"
    granted = [query.get(part, "") for part in ("sr", "sp", "se")]
    if not cloud.tokens.signed(query.get("sig", ""), *granted, scope):
        raise _unauthentic("the signature is wrong.")
    if granted[2] and datetime.fromisoformat(granted[2]).timestamp() <= cloud.clock.time():
        raise _unauthentic("Signature not valid in the specified time frame.")
    if _permission(request) not in granted[1]:
        raise ArmError(
            403,
            "AuthorizationPermissionMismatch",
            "This request is not authorized to perform this operation using this permission.",
        )


def _unauthentic(reason: str) -> ArmError:
    return ArmError(403, "AuthenticationFailed", f"Server failed to authenticate the request: {reason}")


def _permission(request: Request) -> str:
    """Give the letter of what a request to a blob or a container wants to do."""
    if request.method in {"GET", "HEAD"}:
        return "l" if request.query_params.get("comp") == "list" else "r"
    return "d" if request.method == "DELETE" else "w"


def _admin(cloud: Cloud, request: Request) -> None:
    if not same(bearer(request), cloud.tokens.admin):
        raise ArmError(401, "Unauthorized", "The admin token is missing or wrong.")


_CHECKS: dict[Access, Callable[[Cloud, Request], None]] = {
    Access.OPEN: _nothing,
    Access.BEARER: _token,
    Access.IDENTITY: _identity,
    Access.SIGNED: _signature,
    Access.OWN: _nothing,
    Access.ADMIN: _admin,
}
