"""A workspace as requests name it: any name exists, and everything in it is keyed by its resource id."""

import uuid
from dataclasses import dataclass
from typing import Self

from starlette.requests import Request

PROVIDER = "providers/Microsoft.MachineLearningServices"
BLOB_STORE = "workspaceblobstore"
ARTIFACT_STORE = "workspaceartifactstore"
_NAMESPACE = uuid.UUID("6f0c2c0e-6d4f-4f52-9a3c-3a2f6f1f7e10")


@dataclass(frozen=True)
class Workspace:
    """Subscription, resource group and name; `guid` is the same at every start."""

    subscription: str
    group: str
    name: str

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read the workspace out of a request's path."""
        params = request.path_params
        return cls(params["subscription"], params["group"], params["workspace"])

    @property
    def id(self) -> str:
        """The ARM resource id."""
        group = f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
        return f"{group}/{PROVIDER}/workspaces/{self.name}"

    @property
    def guid(self) -> str:
        """The workspace id that operations and containers carry."""
        return str(uuid.uuid5(_NAMESPACE, self.id.lower()))

    @property
    def account(self) -> str:
        """The storage account of the workspace."""
        return f"st{self.guid.replace('-', '')[:20]}"

    @property
    def datastores(self) -> dict[str, str]:
        """The two datastores that every workspace has, and the container behind each."""
        return {BLOB_STORE: f"azureml-blobstore-{self.guid}", ARTIFACT_STORE: "azureml"}

    def container(self, datastore: str) -> str | None:
        """Return a datastore's container with its account, as the blob store names it, or None."""
        container = self.datastores.get(datastore)
        return container and f"{self.account}/{container}"

    def resource(self, *path: str) -> str:
        """Return the id of a resource in the workspace, such as `computes`, `gpu`."""
        return "/".join((self.id, *path))

    def long_uri(self, datastore: str, path: str) -> str:
        """Return the long form of a path in a datastore, as the data plane writes it."""
        return (
            f"azureml://subscriptions/{self.subscription}/resourcegroups/{self.group}"
            f"/workspaces/{self.name}/datastores/{datastore}/paths/{path}"
        )


def workspace_of(resource_id: str) -> Workspace:
    """Read the workspace out of a resource id."""
    parts = resource_id.split("/")
    return Workspace(parts[2], parts[4], parts[8])
