"""Models of the workspace: above all those that a finished job left as its output."""

from starlette.requests import Request
from starlette.responses import Response

from runner.emulator import assets
from runner.emulator.catalog import BASE_MODEL_NAME
from runner.emulator.cloud import cloud_of
from runner.emulator.errors import ArmError
from runner.emulator.jobs import STAND_IN
from runner.emulator.wire import bad_argument, properties_of, read_json
from runner.emulator.workspace import Workspace

_TYPES = {"custom_model", "mlflow_model", "triton_model"}
_JOB_URI = "azureml://jobs/"


async def get_version(request: Request) -> Response:
    """Answer one version."""
    return assets.get_version(request, assets.MODEL)


async def list_versions(request: Request) -> Response:
    """Answer a name's versions."""
    return assets.list_versions(request, assets.MODEL)


async def get_container(request: Request) -> Response:
    """Answer a name."""
    return assets.get_container(request, assets.MODEL)


async def list_containers(request: Request) -> Response:
    """Answer the names."""
    return assets.list_containers(request, assets.MODEL)


async def put_version(request: Request) -> Response:
    """Register a model; a job's output must be there, and a stand-in says what it is."""
    version = request.path_params["version"]
    if not version.isdecimal() or int(version) < 1:
        raise bad_argument(f"The model version {version!r} is invalid: it must be a positive whole number.")
    given = properties_of(await read_json(request))
    await cloud_of(request).clock.sleep(cloud_of(request).latencies.register)
    kind = given.get("modelType") or "custom_model"
    if kind not in _TYPES:
        raise bad_argument(f"modelType {kind} is not one of {', '.join(sorted(_TYPES))}.")
    uri = assets.required_uri(given, "modelUri")
    notes = _notes(request, uri)
    return assets.put_version(
        request,
        assets.MODEL,
        {
            "description": given.get("description"),
            "tags": (given.get("tags") or {}) | notes,
            "properties": (given.get("properties") or {}) | notes,
            "isArchived": bool(given.get("isArchived")),
            "isAnonymous": bool(given.get("isAnonymous")),
            "flavors": given.get("flavors") or {},
            "modelType": kind,
            "modelUri": uri,
            "jobName": uri.removeprefix(_JOB_URI).partition("/")[0] if uri.startswith(_JOB_URI) else None,
        },
    )


def _notes(request: Request, uri: str) -> dict[str, str]:
    located = cloud_of(request).references.locate(Workspace.of(request), uri)
    if not located.path.exists():
        raise ArmError(
            404, "UserError", f"There is nothing at {uri}.", inner=("NotFound", "StorageObjectNotFound")
        )
    return {STAND_IN: BASE_MODEL_NAME} if located.stand_in else {}
