"""Who may call a route: every way in is one of these checks."""

from collections.abc import Callable
from enum import StrEnum

from starlette.requests import Request

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
    container = f"{params['account']}/{params['container']}"
    scope = container if query.get("sr") == "c" else f"{container}/{params.get('blob', '')}"
    if not cloud.tokens.signed(query.get("sig", ""), query.get("sr", ""), query.get("sp", ""), scope):
        raise ArmError(
            403, "AuthenticationFailed", "Server failed to authenticate the request: the signature is wrong."
        )
    if request.method not in {"GET", "HEAD"} and "w" not in query.get("sp", ""):
        raise ArmError(403, "AuthorizationPermissionMismatch", "This signature does not allow writing.")


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
