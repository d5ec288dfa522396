"""The registry's models and pipeline components, as the catalog's values."""

from collections.abc import Mapping

from azure.ai.ml import MLClient
from azure.ai.ml.entities import PipelineComponent
from azure.core.credentials import TokenCredential

from runner.azure.translate import NotFound, translated
from runner.catalog import Component, ComponentInput, RegistryModel

LATEST = "latest"


class Registry:
    """One registry, such as `azureml`."""

    def __init__(self, client: MLClient, name: str) -> None:
        self._client = client
        self.name = name

    def model(self, name: str, version: str) -> RegistryModel | None:
        """Resolve a model by version, or by `latest`; None if there is none."""
        try:
            with translated(f"looking up model {name} in registry {self.name}"):
                found = self._client.models.get(name, **_which(version))
        except NotFound:
            return None
        return RegistryModel(
            registry=self.name,
            name=str(found.name),
            version=str(found.version),
            tags=dict(found.tags or {}),
            properties=dict(found.properties or {}),
            archived=None,
        )

    def component(self, name: str, version: str) -> Component | None:
        """Resolve a component by version, or by `latest`, with its inputs; None if there is none."""
        try:
            with translated(f"looking up component {name} in registry {self.name}"):
                found = self._client.components.get(name, **_which(version))
        except NotFound:
            return None
        return Component(name=str(found.name), version=str(found.version), inputs=_inputs(found))

    def pipeline_component(self, name: str, version: str) -> PipelineComponent:
        """Give the SDK's own object, from which a job's node is made."""
        with translated(f"reading component {name} {version}"):
            found: PipelineComponent = self._client.components.get(name, version=version)
            return found


def connect_registry(name: str, credential: TokenCredential) -> Registry:
    """Open a registry; it needs no workspace."""
    with translated(f"connecting to registry {name}"):
        client = MLClient(credential, registry_name=name, enable_telemetry=False, show_progress=False)
    return Registry(client, name)


def _which(version: str) -> dict[str, str]:
    return {"label": LATEST} if version == LATEST else {"version": version}


def _inputs(component: PipelineComponent) -> Mapping[str, ComponentInput]:
    return {
        str(name): ComponentInput(
            name=str(name),
            type=str(given.type),
            optional=_truth(given.optional),
            default=given.default,
            enum=tuple(str(member) for member in given.enum or ()),
            minimum=None if given.min is None else float(given.min),
        )
        for name, given in component.inputs.items()
    }


def _truth(value: object) -> bool:
    """Read a flag that the service sends as a string."""
    return str(value).lower() == "true"
