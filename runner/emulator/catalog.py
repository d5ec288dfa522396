"""What the registry and the region hold: models, components and VM sizes, read from data/catalog.json."""

import json
from copy import deepcopy
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

DATA = Path(__file__).parent / "data"
BASE_MODEL = DATA / "base_model"
BASE_MODEL_NAME = "Phi-3-tiny-4k-instruct"
REGISTRY = "azureml"
REGISTRY_ID = f"azureml://registries/{REGISTRY}"
# What the name of a model's container starts with.
MODEL_CONTAINER = "azureml-models-"


class AssetKind(StrEnum):
    """What the registry holds."""

    MODEL = "model"
    COMPONENT = "component"


@dataclass(frozen=True)
class RegistryModel:
    """One version of a model in the registry; tags are text, as the service sends them."""

    name: str
    version: str
    archived: str | None
    tags: dict[str, str]
    properties: dict[str, str]

    @property
    def is_stand_in(self) -> bool:
        """Whether the small model stands in for this one when it is trained or served."""
        return self.name != BASE_MODEL_NAME


@dataclass(frozen=True)
class Size:
    """A VM size of the region."""

    name: str
    family: str
    vcpus: int
    memory_gb: float | None
    gpus: float
    disk_gb: float | None


Component = dict[str, Any]
_T = TypeVar("_T")


class Catalog:
    """Reads the file once; versions of a name are kept oldest first. Only tests change what it holds."""

    def __init__(self) -> None:
        self.restore()

    def restore(self) -> None:
        """Hold what the file says."""
        content = json.loads((DATA / "catalog.json").read_text(encoding="utf-8"))
        self.models = [RegistryModel(**model) for model in content["models"]]
        self.components: list[Component] = content["components"]
        self.sizes = {size["name"].lower(): Size(**size) for size in content["vm_sizes"]}
        self._archived_components: set[tuple[str, str]] = set()

    def model_versions(self, name: str) -> list[RegistryModel]:
        """Return the versions of a model, oldest first; none if the registry lacks it."""
        return [model for model in self.models if model.name.lower() == name.lower()]

    def component_versions(self, name: str) -> list[Component]:
        """Return the versions of a component, oldest first; none if the registry lacks it."""
        return [component for component in self.components if component["name"] == name]

    def model(self, name: str, version: str) -> RegistryModel | None:
        """Return one version of a model; `latest` is the newest."""
        return _pick(self.model_versions(name), [m.version for m in self.model_versions(name)], version)

    def component(self, name: str, version: str) -> Component | None:
        """Return one version of a component; `latest` is the newest."""
        found = self.component_versions(name)
        return _pick(found, [component["version"] for component in found], version)

    def is_archived(self, component: Component) -> bool:
        """Tell whether a version of a component is archived."""
        return (component["name"], component["version"]) in self._archived_components

    def versions(self, kind: AssetKind, name: str) -> list[str]:
        """Return the versions of a model or component, oldest first."""
        if kind is AssetKind.MODEL:
            return [model.version for model in self.model_versions(name)]
        return [component["version"] for component in self.component_versions(name)]

    def add(self, kind: AssetKind, name: str, version: str) -> None:
        """Add a version that is as the newest one; from then on it is the newest."""
        if kind is AssetKind.MODEL:
            self.models.append(replace(self.model_versions(name)[-1], version=version))
        else:
            self.components.append({**deepcopy(self.component_versions(name)[-1]), "version": version})

    def archive(self, kind: AssetKind, name: str, version: str) -> None:
        """Mark a version as archived, which can be had as before."""
        if kind is AssetKind.COMPONENT:
            self._archived_components.add((name, version))
            return
        at = self._place(name, version)
        self.models[at] = replace(self.models[at], archived="2026-01-01")

    def remove(self, kind: AssetKind, name: str, version: str) -> None:
        """Delete a version."""
        if kind is AssetKind.MODEL:
            del self.models[self._place(name, version)]
            return
        self.components = [
            each for each in self.components if (each["name"], each["version"]) != (name, version)
        ]

    def edit(self, kind: AssetKind, name: str, version: str, edits: dict[str, Any]) -> None:
        """Change tags of a model or inputs of a component; None takes one away."""
        if edits and kind is AssetKind.MODEL:
            at = self._place(name, version)
            self.models[at] = replace(self.models[at], tags=_edited(self.models[at].tags, edits))
        elif edits and (component := self.component(name, version)):
            component["inputs"] = _edited(component["inputs"], edits)

    def _place(self, name: str, version: str) -> int:
        wanted = (name.lower(), version)
        return next(
            at for at, model in enumerate(self.models) if (model.name.lower(), model.version) == wanted
        )

    def size(self, name: str) -> Size | None:
        """Return a VM size; its name is compared without case, as the service does."""
        return self.sizes.get(name.lower())


def _edited(held: dict[str, Any], edits: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (held | edits).items() if value is not None}


def _pick(items: list[_T], versions: list[str], version: str) -> _T | None:
    if not items:
        return None
    if version == "latest":
        return items[-1]
    return items[versions.index(version)] if version in versions else None
