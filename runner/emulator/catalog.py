"""What the registry and the region hold: models, components and VM sizes, read from data/catalog.json."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

DATA = Path(__file__).parent / "data"
BASE_MODEL = DATA / "base_model"
BASE_MODEL_NAME = "Phi-3-tiny-4k-instruct"
REGISTRY = "azureml"
REGISTRY_ID = f"azureml://registries/{REGISTRY}"


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
    """Reads the file once; versions of a name are kept oldest first."""

    def __init__(self) -> None:
        content = json.loads((DATA / "catalog.json").read_text(encoding="utf-8"))
        self.models = [RegistryModel(**model) for model in content["models"]]
        self.components: list[Component] = content["components"]
        self.sizes = {size["name"].lower(): Size(**size) for size in content["vm_sizes"]}

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

    def size(self, name: str) -> Size | None:
        """Return a VM size; its name is compared without case, as the service does."""
        return self.sizes.get(name.lower())


def _pick(items: list[_T], versions: list[str], version: str) -> _T | None:
    if not items:
        return None
    if version == "latest":
        return items[-1]
    return items[versions.index(version)] if version in versions else None
