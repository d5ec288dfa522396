"""What a URI or an id in a request stands for: a file or folder on this machine, or a clear refusal."""

import re
from dataclasses import dataclass
from pathlib import Path

from runner.emulator.blobs import Blobs
from runner.emulator.catalog import BASE_MODEL, REGISTRY, Catalog
from runner.emulator.errors import ArmError
from runner.emulator.runs import Status
from runner.emulator.store import Document, Kind, Store
from runner.emulator.workspace import BLOB_STORE, Workspace

_REGISTRY = re.compile(r"azureml://registries/([^/]+)/(\w+)/([^/]+)/(?:versions|labels)/([^/]+)$")
_DATASTORE = re.compile(
    r"azureml://(?:subscriptions/[^/]+/resource[gG]roups/[^/]+/workspaces/[^/]+/)?datastores/([^/]+)/paths/(.+)$"
)
_JOB_OUTPUT = re.compile(r"azureml://jobs/([^/]+)/outputs/([^/]+)(?:/paths/?(.*))?$")
_ASSET = re.compile(
    r"/subscriptions/.+/workspaces/([^/]+)/(models|data)/([^/]+)/versions/([^/]+)$", re.IGNORECASE
)


@dataclass(frozen=True)
class Located:
    """Where it lies; `stand_in` says that the small model is there in another's place."""

    path: Path
    stand_in: bool = False


class References:
    """Resolves what requests refer to, within one workspace."""

    def __init__(self, store: Store, blobs: Blobs, catalog: Catalog) -> None:
        self._store = store
        self._blobs = blobs
        self._catalog = catalog

    def locate(self, workspace: Workspace, uri: str) -> Located:
        """Return where `uri` lies; 404 if what it names is missing, 400 for another kind of URI."""
        uri = uri.removeprefix("azureml:") if uri.startswith("azureml:/subscriptions/") else uri
        if match := _REGISTRY.match(uri):
            return self._registry(*match.groups())
        if match := _DATASTORE.match(uri):
            return self._datastore(workspace, *match.groups())
        if match := _JOB_OUTPUT.match(uri):
            return self._job_output(workspace, *match.groups(default=""))
        if match := _ASSET.match(uri):
            return self._asset(workspace, *match.groups())
        raise ArmError(
            400, "UserError", f"{uri} is not a URI that the emulator can resolve.", inner=("InvalidAssetUri",)
        )

    def _registry(self, registry: str, kind: str, name: str, version: str) -> Located:
        model = self._catalog.model(name, version) if (registry, kind) == (REGISTRY, "models") else None
        if model is None:
            raise _missing(f"azureml://registries/{registry}/{kind}/{name}/versions/{version}")
        return Located(BASE_MODEL, stand_in=model.is_stand_in)

    def _datastore(self, workspace: Workspace, datastore: str, path: str) -> Located:
        container = workspace.container(datastore)
        if container is None:
            raise _missing(f"Datastore {datastore}")
        return Located(self._blobs.path(container, path))

    def _job_output(self, workspace: Workspace, job: str, output: str, rest: str) -> Located:
        document = self._store.get(Kind.JOB, workspace.resource("jobs", job))
        if document is None:
            raise _missing(f"Job {job}")
        path = _output_path(document, output)
        located = self._datastore(workspace, BLOB_STORE, f"{path}/{rest}".rstrip("/"))
        return Located(located.path, stand_in=bool(document["stand_in"]))

    def _asset(self, workspace: Workspace, owner: str, kind: str, name: str, version: str) -> Located:
        home = Workspace(workspace.subscription, workspace.group, owner)
        is_model = kind.lower() == "models"
        key = home.resource(kind, name, "versions", version)
        document = self._store.get(Kind.MODEL if is_model else Kind.DATA, key)
        if document is None:
            raise _missing(f"{kind} {name}:{version}")
        return self.locate(home, document["properties"]["modelUri" if is_model else "dataUri"])


def _output_path(job: Document, output: str) -> str:
    properties = job["properties"]
    if output not in (properties["outputs"] or {}):
        raise ArmError(404, "UserError", f"Job {job['name']} has no output {output}.", inner=("NotFound",))
    if properties["status"] != Status.COMPLETED or output not in job["output_paths"]:
        message = f"Output {output} of job {job['name']} is not there: the job is {properties['status']}."
        raise ArmError(400, "UserError", message, inner=("JobOutputNotReady",))
    return str(job["output_paths"][output])


def _missing(what: str) -> ArmError:
    return ArmError(404, "UserError", f"{what} not found.", inner=("NotFound",))
