"""Data assets and registered models of a workspace."""

from collections.abc import Mapping
from threading import Lock

from azure.ai.ml import MLClient
from azure.ai.ml.constants import AssetTypes, ListViewType
from azure.ai.ml.entities import Data, Model

from runner.azure.translate import translated
from runner.errors import NotFound
from runner.facts import AssetState


class Assets:
    """Data assets and models of one workspace; both are there or not, without a state in between."""

    def __init__(self, workspace: MLClient) -> None:
        self._workspace = workspace
        self._given: dict[str, int] = {}
        self._giving = Lock()

    def data(self, name: str, version: str) -> AssetState | None:
        """Look at a data asset; None if there is none."""
        try:
            with translated(f"reading data asset {name}:{version}"):
                return state_of(self._workspace.data.get(name, version=version))
        except NotFound:
            return None

    def register_data(
        self, name: str, version: str, *, path: str, description: str | None, tags: Mapping[str, str]
    ) -> None:
        """Register an uploaded file as a data asset."""
        with translated(f"registering data asset {name}:{version}"):
            self._workspace.data.create_or_update(
                Data(
                    name=name,
                    version=version,
                    path=path,
                    type=AssetTypes.URI_FILE,
                    description=description,
                    tags=dict(tags),
                )
            )

    def model(self, name: str, version: str) -> AssetState | None:
        """Look at a registered model; None if there is none."""
        try:
            with translated(f"reading model {name}:{version}"):
                return state_of(self._workspace.models.get(name, version=version))
        except NotFound:
            return None

    def next_model_version(self, name: str) -> str:
        """Give the whole number after the newest version of a model, from 1, and none twice.

        Of two runs of this process that register at the same time, each is to have a version of its own.
        """
        try:
            with translated(f"listing the versions of model {name}"):
                # An archived version still has its number.
                listed = self._workspace.models.list(name=name, list_view_type=ListViewType.ALL)
                versions = [str(model.version) for model in listed]
        except NotFound:
            versions = []
        newest = max((int(version) for version in versions if version.isdigit()), default=0)
        with self._giving:
            self._given[name] = max(newest, self._given.get(name, 0)) + 1
            return str(self._given[name])

    def register_model(
        self, name: str, version: str, *, path: str, description: str | None, tags: Mapping[str, str]
    ) -> None:
        """Register a job's output as an MLflow model."""
        with translated(f"registering model {name}:{version}"):
            self._workspace.models.create_or_update(
                Model(
                    name=name,
                    version=version,
                    path=path,
                    type=AssetTypes.MLFLOW_MODEL,
                    description=description,
                    tags=dict(tags),
                )
            )


def state_of(asset: Data | Model) -> AssetState:
    """Give what is known of a version that is there."""
    return AssetState(
        id=str(asset.id),
        name=str(asset.name),
        version=str(asset.version),
        path=str(asset.path),
        tags=dict(asset.tags or {}),
    )
