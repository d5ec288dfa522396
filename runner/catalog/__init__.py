"""Dated facts about Azure ML that can be looked up without a network: VM sizes, models, component inputs.

The live service answers with the same classes, so that whoever reads facts need not know where they are
from. Nothing is read before it is asked for, and each file is read once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from runner.recipe import Scalar

_FOLDER = Path(__file__).parent
_COMPONENT_OF_TASK = {"chat_completion": "chat_completion_pipeline"}

# K80 cards are older than the CUDA that the training image is built for; names in lower case.
UNSUPPORTED_SIZES = frozenset({"standard_nc6", "standard_nc12", "standard_nc24", "standard_nc24r"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ComponentInput:
    """One input of a pipeline component; `type` is Azure ML's word (`integer`, `uri_file`, …)."""

    name: str
    type: str
    optional: bool = True
    default: Scalar | None = None
    enum: tuple[str, ...] = ()
    minimum: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """A pipeline component at a version, its inputs in the component's own order."""

    name: str
    version: str
    inputs: Mapping[str, ComponentInput]


@dataclass(frozen=True, kw_only=True, slots=True)
class VmSize:
    """A VM size. `gpus` is a fraction where the card is shared; `retired` is the date it went away.

    `retires` is the date it will, as announced when the catalog was made. `disk_gb` is the local disk's. What
    is None is not known: no figure is guessed. Azure ML keeps a fifth of a deployment's machines in reserve
    for upgrades, but of those that `skip_20pct_quota_reservation`.
    """

    name: str
    family: str
    vcpus: int
    memory_gb: float | None
    gpus: float
    gpu: str | None
    gpu_memory_gb: float | None
    retired: str | None
    retires: str | None = None
    disk_gb: float | None = None
    managed_online_endpoint: bool | None = None
    skip_20pct_quota_reservation: bool | None = None
    infiniband: bool | None = None
    low_priority: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryModel:
    """A model version in a registry.

    Tags hold lists and mappings here; from the live service they arrive as text (`parameters.parse_tag`
    reads both). `archived` is a date; `is_archived` is what the registry says, which tells no date.
    `emulator_only` marks a model that Azure does not have.
    """

    registry: str
    name: str
    version: str
    tags: Mapping[str, object]
    properties: Mapping[str, object]
    archived: str | None = None
    is_archived: bool = False
    emulator_only: bool = False

    @property
    def id(self) -> str:
        """Give the asset id by which a job takes the model as an input."""
        return f"azureml://registries/{self.registry}/models/{self.name}/versions/{self.version}"


def component(task: str) -> Component | None:
    """Look up the pipeline component that trains this task, None for a task the runner does not have."""
    name = _COMPONENT_OF_TASK.get(task)
    return _component(name) if name else None


def vm_size(name: str) -> VmSize | None:
    """Look up a VM size; Azure does not tell upper from lower case here, nor do we."""
    return _sizes().get(name.lower())


def vm_sizes() -> tuple[VmSize, ...]:
    """Give every size known offline: the GPU sizes Azure ML trains on, and all that it serves on."""
    return tuple(_sizes().values())


def model(registry: str, name: str) -> RegistryModel | None:
    """Look up the version of a registry model that was the latest on `as_of()["models"]`."""
    return _models().get((registry, name))


def as_of() -> Mapping[str, str]:
    """Give the day (`YYYY-MM-DD`) each part of the catalog was true: `models`, `vm_sizes`, each component."""
    names = {"models": "models", "vm_sizes": "vm_sizes"}
    names |= {name: f"components/{name}" for name in _COMPONENT_OF_TASK.values()}
    return MappingProxyType({name: str(_read(file)["as_of"]) for name, file in names.items()})


@cache
def _read(name: str) -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return content


@cache
def _component(name: str) -> Component:
    content = _read(f"components/{name}")
    inputs = {entry["name"]: _component_input(entry) for entry in content["inputs"]}
    return Component(name=content["name"], version=content["version"], inputs=MappingProxyType(inputs))


def _component_input(entry: Mapping[str, Any]) -> ComponentInput:
    return ComponentInput(
        name=entry["name"],
        type=entry["type"],
        optional=entry["optional"],
        default=entry.get("default"),
        enum=tuple(entry.get("enum", ())),
        minimum=entry.get("min"),
    )


@cache
def _sizes() -> Mapping[str, VmSize]:
    fields = VmSize.__dataclass_fields__
    entries = _read("vm_sizes")["sizes"]
    sizes = [VmSize(**{key: value for key, value in entry.items() if key in fields}) for entry in entries]
    return MappingProxyType({size.name.lower(): size for size in sizes})


@cache
def _models() -> Mapping[tuple[str, str], RegistryModel]:
    models = [_model(entry) for entry in _read("models")["models"]]
    return MappingProxyType({(entry.registry, entry.name): entry for entry in models})


def _model(entry: Mapping[str, Any]) -> RegistryModel:
    return RegistryModel(
        registry=entry["registry"],
        name=entry["name"],
        version=entry["version"],
        tags=MappingProxyType(entry["tags"]),
        properties=MappingProxyType(entry["properties"]),
        archived=entry["archived"],
        emulator_only=entry.get("emulator_only", False),
    )
