"""Every route of the emulator on one page, and the gate that each request passes.

A route is a method, a path, the handler that turns it into calls on the emulator's parts, and what a
request must show. What is not in the list is answered 501, naming method and path.
"""

import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runner.emulator.access import Access, check
from runner.emulator.catalog import MODEL_CONTAINER
from runner.emulator.cloud import Cloud
from runner.emulator.errors import ArmError, arm_response, blob_response, scoring_response
from runner.emulator.routes import (
    admin,
    bench,
    blobs,
    compute,
    data,
    datastores,
    deployments,
    discovery,
    endpoints,
    experiments,
    identity,
    jobs,
    metrics,
    models,
    operations,
    registry,
    registry_changes,
    registry_files,
    run_history,
    scoring,
    usages,
    workspaces,
)
from runner.emulator.sabotaged import Sabotaged
from runner.emulator.settings import Settings
from runner.emulator.workspace import PROVIDER

Handler = Callable[[Request], Awaitable[Response]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Route:
    """One line of the list below."""

    method: str
    path: str
    handler: Handler
    access: Access = Access.BEARER


SUB = "/subscriptions/{subscription}"
LOCATION = f"{SUB}/{PROVIDER}/locations/{{location}}"
WS = f"{SUB}/resourceGroups/{{group}}/{PROVIDER}/workspaces/{{workspace}}"
ENDPOINT = f"{WS}/onlineEndpoints/{{endpoint}}"
DEPLOYMENT = f"{ENDPOINT}/deployments/{{deployment}}"
REGISTRY = f"/mferp/managementfrontend{SUB}/resourceGroups/{{group}}/{PROVIDER}/registries/{{registry}}"
HISTORY = f"/history/v1.0{WS}"
MLFLOW = f"/mlflow/v1.0{WS}/api/2.0/mlflow"
CONTAINER = "/{account}.blob.{suffix}/{container}"
MODEL_FILES = f"/{MODEL_CONTAINER}{{owner}}"

ROUTES = (
    # sign-in and addresses
    Route("GET", "/_identity/token", identity.token, Access.IDENTITY),
    Route("GET", "/metadata/endpoints", discovery.cloud_metadata, Access.OPEN),
    Route("GET", "/discovery", discovery.workspace_services, Access.OPEN),
    Route("GET", "/registrymanagement/v1.0/registries/{registry}/discovery", discovery.registry),
    # the workspace and its region
    Route("GET", WS, workspaces.get),
    Route("GET", f"{LOCATION}/vmSizes", workspaces.sizes),
    Route("GET", f"{LOCATION}/usages", usages.get),
    # long-running operations
    Route("GET", f"{LOCATION}/computeOperationsStatus/{{operation}}", operations.compute_status),
    Route("GET", f"{LOCATION}/mfeOperationsStatus/{{operation}}", operations.mfe_status),
    Route("GET", f"{LOCATION}/mfeOperationResults/{{operation}}", operations.mfe_result),
    # compute
    Route("GET", f"{WS}/computes", compute.list_all),
    Route("GET", f"{WS}/computes/{{compute}}", compute.get),
    Route("PUT", f"{WS}/computes/{{compute}}", compute.put),
    Route("DELETE", f"{WS}/computes/{{compute}}", compute.delete),
    # datastores and their blobs
    Route("GET", f"{WS}/datastores", datastores.list_all),
    Route("GET", f"{WS}/datastores/{{datastore}}", datastores.get),
    Route("POST", f"{WS}/datastores/{{datastore}}/listSecrets", datastores.list_secrets),
    Route("GET", CONTAINER, blobs.get_container, Access.SIGNED),
    Route("PUT", CONTAINER, blobs.put_container, Access.SIGNED),
    Route("GET", f"{CONTAINER}/{{blob:path}}", blobs.get, Access.SIGNED),
    Route("HEAD", f"{CONTAINER}/{{blob:path}}", blobs.head, Access.SIGNED),
    Route("PUT", f"{CONTAINER}/{{blob:path}}", blobs.put, Access.SIGNED),
    Route("DELETE", f"{CONTAINER}/{{blob:path}}", blobs.delete, Access.SIGNED),
    # data assets
    Route("GET", f"{WS}/data", data.list_containers),
    Route("GET", f"{WS}/data/{{name}}", data.get_container),
    Route("GET", f"{WS}/data/{{name}}/versions", data.list_versions),
    Route("GET", f"{WS}/data/{{name}}/versions/{{version}}", data.get_version),
    Route("PUT", f"{WS}/data/{{name}}/versions/{{version}}", data.put_version),
    # the system registry
    Route("GET", f"{REGISTRY}/models", registry.list_models),
    Route("GET", f"{REGISTRY}/models/{{name}}/versions", registry.list_model_versions),
    Route("GET", f"{REGISTRY}/models/{{name}}/versions/{{version}}", registry.get_model),
    Route("GET", f"{REGISTRY}/components", registry.list_components),
    Route("GET", f"{REGISTRY}/components/{{name}}/versions", registry.list_component_versions),
    Route("GET", f"{REGISTRY}/components/{{name}}/versions/{{version}}", registry.get_component),
    Route("POST", f"{REGISTRY}/datarefs/{{name}}/versions/{{version}}", registry.reference),
    Route("GET", MODEL_FILES, registry_files.get_container, Access.SIGNED),
    Route("GET", f"{MODEL_FILES}/{{blob:path}}", registry_files.get, Access.SIGNED),
    Route("HEAD", f"{MODEL_FILES}/{{blob:path}}", registry_files.head, Access.SIGNED),
    Route("PUT", f"{MODEL_FILES}/{{blob:path}}", registry_files.refuse, Access.SIGNED),
    Route("DELETE", f"{MODEL_FILES}/{{blob:path}}", registry_files.refuse, Access.SIGNED),
    # jobs, their history and their metrics
    Route("GET", f"{WS}/jobs", jobs.list_all),
    Route("GET", f"{WS}/jobs/{{job}}", jobs.get),
    Route("PUT", f"{WS}/jobs/{{job}}", jobs.put),
    Route("POST", f"{WS}/jobs/{{job}}/cancel", jobs.cancel),
    Route("GET", f"{WS}/jobs/{{job}}/cancelResult", operations.job_result),
    Route("GET", f"{HISTORY}/runs/{{run}}", run_history.get),
    Route("GET", f"{HISTORY}/runs/{{run}}/details", run_history.details),
    Route("GET", f"{HISTORY}/runs/{{run}}/children", run_history.children),
    Route("PATCH", f"{HISTORY}/experiments/{{experiment}}/runs/{{run}}", run_history.modify),
    Route("POST", f"{HISTORY}/rundata", run_history.run_data),
    Route("POST", f"/data/v1.0{WS}/dataversion/batchGetResolvedUris", run_history.resolve_uris),
    Route("GET", f"{MLFLOW}/runs/get", metrics.get_run),
    Route("POST", f"{MLFLOW}/runs/search", experiments.search_runs),
    Route("GET", f"{MLFLOW}/metrics/get-history", metrics.get_history),
    Route("GET", f"{MLFLOW}/experiments/get", experiments.get),
    Route("GET", f"{MLFLOW}/experiments/get-by-name", experiments.get_by_name),
    # models of the workspace
    Route("GET", f"{WS}/models", models.list_containers),
    Route("GET", f"{WS}/models/{{name}}", models.get_container),
    Route("GET", f"{WS}/models/{{name}}/versions", models.list_versions),
    Route("GET", f"{WS}/models/{{name}}/versions/{{version}}", models.get_version),
    Route("PUT", f"{WS}/models/{{name}}/versions/{{version}}", models.put_version),
    # online endpoints, their deployments, and scoring
    Route("GET", f"{WS}/onlineEndpoints", endpoints.list_all),
    Route("GET", ENDPOINT, endpoints.get),
    Route("PUT", ENDPOINT, endpoints.put),
    Route("DELETE", ENDPOINT, endpoints.delete),
    Route("POST", f"{ENDPOINT}/listKeys", endpoints.list_keys),
    Route("POST", f"{ENDPOINT}/regenerateKeys", endpoints.regenerate_keys),
    Route("POST", f"{ENDPOINT}/token", endpoints.token),
    Route("GET", f"{ENDPOINT}/deployments", deployments.list_all),
    Route("GET", DEPLOYMENT, deployments.get),
    Route("PUT", DEPLOYMENT, deployments.put),
    Route("DELETE", DEPLOYMENT, deployments.delete),
    Route("POST", f"{DEPLOYMENT}/getLogs", deployments.get_logs),
    Route("POST", "/{endpoint}.{region}.inference.local/score", scoring.score, Access.OWN),
    # the emulator itself
    Route("GET", "/_emu/status", admin.status, Access.ADMIN),
    Route("POST", "/_emu/shutdown", admin.shutdown, Access.ADMIN),
    Route("POST", "/_emu/jobs/script", admin.script_job, Access.ADMIN),
    Route("DELETE", "/_emu/jobs/script", admin.clear_scripts, Access.ADMIN),
    Route("POST", "/_emu/quota", usages.set_limit, Access.ADMIN),
    Route("DELETE", "/_emu/quota", usages.clear_limits, Access.ADMIN),
    Route("POST", "/_emu/registry", registry_changes.change, Access.ADMIN),
    Route("DELETE", "/_emu/registry", registry_changes.take_back, Access.ADMIN),
    Route("GET", "/_emu/faults", bench.get_faults, Access.ADMIN),
    Route("POST", "/_emu/faults", bench.add_faults, Access.ADMIN),
    Route("DELETE", "/_emu/faults", bench.clear_faults, Access.ADMIN),
    Route("GET", "/_emu/ledger", bench.get_ledger, Access.ADMIN),
    Route("GET", "/_emu/requests", bench.get_requests, Access.ADMIN),
    Route("DELETE", "/_emu/requests", bench.clear_requests, Access.ADMIN),
    Route("GET", "/_emu/clock", bench.get_clock, Access.ADMIN),
    Route("POST", "/_emu/clock", bench.set_clock, Access.ADMIN),
    Route("POST", "/_emu/latencies", bench.set_latencies, Access.ADMIN),
)

_ENVELOPES: dict[Access, Callable[[ArmError], Response]] = {
    Access.SIGNED: blob_response,
    Access.OWN: scoring_response,
}
_COMMON_HEADERS = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "X-Content-Type-Options": "nosniff",
    "x-ms-response-type": "standard",
}


def create_app(settings: Settings) -> Starlette:
    """Return the application; its cloud is made when the event loop runs, and closed with it."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        cloud = Cloud(settings)
        for service in (compute, endpoints, deployments):
            service.recover(cloud)
        app.state.cloud = cloud
        yield
        await cloud.close()

    paths: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = route
    starlette_routes = [
        StarletteRoute(
            path, _Dispatcher(methods), methods=["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"]
        )
        for path, methods in paths.items()
    ]
    app = Starlette(routes=starlette_routes, lifespan=lifespan)
    app.router.default = _Dispatcher({})
    app.router.redirect_slashes = False
    app.add_middleware(
        _Gate, app_state=app.state, allowed={f"localhost:{settings.port}", f"127.0.0.1:{settings.port}"}
    )
    if settings.test_mode:
        app.add_middleware(Sabotaged, templates=paths)
    return app


class _Dispatcher:
    """Calls the handler of a request's method, and writes whatever error comes of it."""

    def __init__(self, methods: dict[str, Route]) -> None:
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive, send)
        route = self._methods.get(request.method)
        access = route.access if route else Access.BEARER
        try:
            response = await _answer(route, request)
        except ArmError as error:
            response = _ENVELOPES.get(access, arm_response)(error)
        except Exception:  # noqa: BLE001 - logged; a fault of ours is answered, not a broken connection
            _log.exception("%s %s broke", request.method, request.url.path)
            response = arm_response(
                ArmError(500, "InternalServerError", "The emulator has a fault; see its log.")
            )
        await response(scope, receive, send)


async def _answer(route: Route | None, request: Request) -> Response:
    if route is None:
        message = f"The emulator has no route {request.method} {request.url.path}"
        raise ArmError(501, "NotImplemented", message)
    check(route.access, request)
    return await route.handler(request)


class _Gate:
    """Refuses foreign Host headers, counts what is being answered, adds the headers of every answer."""

    def __init__(self, app: ASGIApp, *, app_state: object, allowed: set[str]) -> None:
        self._app = app
        self._state = app_state
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        activity = self._state.cloud.activity  # type: ignore[attr-defined]
        activity.open += 1
        try:
            await self._pass(scope, receive, _with_common_headers(send))
        finally:
            activity.open -= 1
            activity.last = time.monotonic()

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = Request(scope).headers.get("host", "")
        if host in self._allowed:
            await self._app(scope, receive, send)
        else:
            refusal = arm_response(ArmError(400, "InvalidHostName", "This server answers on localhost only."))
            await refusal(scope, receive, send)


def _with_common_headers(send: Send) -> Send:
    began = time.perf_counter()

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name for name, _ in message["headers"]}
            request_id = str(uuid.uuid4())
            extra = {
                **_COMMON_HEADERS,
                "x-ms-request-id": request_id,
                "x-ms-correlation-request-id": request_id,
                "x-ms-routing-request-id": f"EMULATOR:{request_id}",
                "x-request-time": f"{time.perf_counter() - began:.3f}",
            }
            new = [(name.lower().encode(), value.encode()) for name, value in extra.items()]
            message["headers"] = [*message["headers"], *(item for item in new if item[0] not in given)]
        await send(message)

    return send_with_headers
