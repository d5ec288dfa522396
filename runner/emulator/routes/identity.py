"""The managed identity endpoint: the one place where tokens come from."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runner.emulator.cloud import cloud_of
from runner.emulator.errors import ArmError


async def token(request: Request) -> Response:
    """Issue a token for the resource asked for, as App Service's identity endpoint does."""
    resource = request.query_params.get("resource", "")
    if not resource:
        raise ArmError(400, "invalid_request", "The query parameter resource is missing.")
    cloud = cloud_of(request)
    text, expires = cloud.tokens.issue(resource)
    seen = str(int(cloud.clock.expires_on(expires)))
    return JSONResponse(
        {"access_token": text, "expires_on": seen, "resource": resource, "token_type": "Bearer"}
    )
