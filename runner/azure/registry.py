"""The registry's models and pipeline components, as the catalog's values."""

from collections.abc import Mapping
from typing import Any

from azure.ai.ml import MLClient
from azure.ai.ml.entities import Model, PipelineComponent
from azure.core.credentials import TokenCredential

from runner.azure import model_files
from runner.azure.credential import RenewableCredential
from runner.azure.rest import seen_twice
from runner.azure.translate import translated
from runner.azure.transport import NO_RETRIES, Transport
from runner.catalog import Component, ComponentInput, RegistryModel
from runner.errors import NotFound

LATEST = "latest"


class Registry:
    """One registry, such as `azureml`."""

    def __init__(self, client: MLClient, name: str, wire: Transport) -> None:
        self._client = client
        self._wire = wire
        self.name = name

    def model(self, name: str, version: str) -> RegistryModel | None:
        """Resolve a model by version, or by `latest`; None if there is none."""

        def look() -> tuple[Model, Mapping[str, Any]]:
            with translated(f"looking up model {name} in registry {self.name}"):
                found = self._client.models.get(name, **_which(version))
                return found, self._told(str(found.name), str(found.version))

        try:
            found, told = seen_twice(look, self._wire)
        except NotFound:
            return None
        return RegistryModel(
            registry=self.name,
            name=str(found.name),
            version=str(found.version),
            tags=moved_lists(told) | dict(found.tags or {}),
            properties=dict(found.properties or {}),
            is_archived=told.get("isArchived") is True,
        )

    def _told(self, name: str, version: str) -> Mapping[str, Any]:
        """Give what the registry says of a version, of which the SDK's Model keeps only a part.

        There is no public way to the rest; an SDK that has no private one either tells nothing more.
        """
        read = getattr(self._client.models, "_get", None)
        properties = read(name, version).properties if read else None
        return properties if isinstance(properties, Mapping) else {}

    def component(self, name: str, version: str) -> Component | None:
        """Resolve a component by version, or by `latest`, with its inputs; None if there is none."""

        def look() -> PipelineComponent:
            with translated(f"looking up component {name} in registry {self.name}"):
                found: PipelineComponent = self._client.components.get(name, **_which(version))
                return found

        try:
            found = seen_twice(look, self._wire)
        except NotFound:
            return None
        return Component(name=str(found.name), version=str(found.version), inputs=_inputs(found))

    def is_component_archived(self, name: str, version: str) -> bool:
        """Tell whether a version is archived, which the SDK's component does not say."""
        read = getattr(self._client.components, "_get_component_version", None)
        if read is None:  # an SDK that has no private way either tells nothing more
            return False
        with translated(f"looking up component {name} in registry {self.name}"):
            return read(name, version).properties.is_archived is True

    def model_files(self, name: str, version: str) -> Mapping[str, bytes]:
        """Give a model's tokenizer and configuration by their file names, as far as it has them.

        Raises NotFound, CloudUnavailable or StepFailed where they cannot be had.
        """
        return model_files.read(self._client, self.name, name, version, self._wire)

    def pipeline_component(self, name: str, version: str) -> PipelineComponent:
        """Give the SDK's own object, from which a job's node is made."""
        with translated(f"reading component {name} {version}"):
            found: PipelineComponent = self._client.components.get(name, version=version)
            return found


def moved_lists(told: Mapping[str, Any]) -> dict[str, object]:
    """Read the allow lists that a registry keeps in its system metadata, as the tags they once were.

    That they moved there is known (Azure/azureml-assets, 2026-06), the shape is not: a mapping from the
    purpose to names of sizes is read, anything else is left alone, and the catalog's lists then stand in.
    """
    metadata = told.get("system_metadata") or told.get("systemMetadata")
    supported = metadata.get("supportedComputes") if isinstance(metadata, Mapping) else None
    if not isinstance(supported, Mapping):
        return {}
    return {
        tag: list(sizes)
        for purpose, tag in _LISTS.items()
        for key, sizes in supported.items()
        if purpose in str(key).lower() and isinstance(sizes, list)
    }


_LISTS = {"finetun": "finetune_compute_allow_list", "inference": "inference_compute_allow_list"}


def connect_registry(name: str, credential: TokenCredential, wire: Transport | None = None) -> Registry:
    """Open a registry; it needs no workspace."""
    credential = RenewableCredential.around(credential)
    wire = wire or Transport(credential)

    def look() -> MLClient:
        with translated(f"connecting to registry {name}"):
            return MLClient(
                credential,
                registry_name=name,
                enable_telemetry=False,
                show_progress=False,
                transport=wire,
                retry_total=NO_RETRIES,
            )

    return Registry(seen_twice(look, wire), name, wire)


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
