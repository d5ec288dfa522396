"""Dated facts that can be looked up without a network: VM sizes, models and their shapes, component inputs.

The live service answers with the same classes, so that whoever reads facts need not know where they are
from. Nothing is read before it is asked for, and each file is read once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
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
class InputDescription:
    """What an input is for, in our words; `values` says it of the members of its enum."""

    text: str
    values: Mapping[str, str]
    examples: tuple[Scalar, ...] = ()


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

    def is_gone(self, today: date) -> bool:
        """Tell whether its retirement has come."""
        day = self.retired or self.retires
        return day is not None and date.fromisoformat(day) <= today


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """The shape of a decoder-only transformer, as its `config.json` and its weights have it.

    `gated` is a feed-forward block of three matrices and not two; `active_experts` of the `experts`
    feed-forward blocks see a token. `model_type` is the family's name in transformers.
    """

    name: str
    model_type: str
    parameters: int
    hidden_size: int
    layers: int
    attention_heads: int
    key_value_heads: int
    intermediate_size: int
    vocabulary: int
    tied_embeddings: bool
    context_window: int
    gated: bool = True
    experts: int = 1
    active_experts: int = 1

    @property
    def key_value_size(self) -> int:
        """Give the width of the keys (and of the values), which several heads may share."""
        return self.hidden_size // self.attention_heads * self.key_value_heads

    @property
    def active_parameters(self) -> int:
        """Give the weights that one token goes through: all, but for the experts that do not see it."""
        matrices = 3 if self.gated else 2
        expert = matrices * self.hidden_size * self.intermediate_size
        return self.parameters - self.layers * (self.experts - self.active_experts) * expert


def tasks() -> tuple[str, ...]:
    """Give the tasks that the runner has."""
    return tuple(_COMPONENT_OF_TASK)


def component_name(task: str) -> str:
    """Give the name of a task's pipeline component."""
    return _COMPONENT_OF_TASK[task]


def component(task: str) -> Component | None:
    """Look up the pipeline component that trains this task, None for a task the runner does not have."""
    name = _COMPONENT_OF_TASK.get(task)
    return _component(name) if name else None


def component_from(content: Mapping[str, Any]) -> Component:
    """Read a component out of what a file of `components/` holds."""
    inputs = {entry["name"]: _component_input(entry) for entry in content["inputs"]}
    return Component(name=content["name"], version=content["version"], inputs=MappingProxyType(inputs))


@cache
def input_descriptions() -> Mapping[str, InputDescription]:
    """Give what is known of each input by its name; an input means the same in every component."""
    entries = _read("descriptions")["inputs"]
    return MappingProxyType({name: _input_description(entry) for name, entry in entries.items()})


def vm_size(name: str) -> VmSize | None:
    """Look up a VM size; Azure does not tell upper from lower case here, nor do we."""
    return _sizes().get(name.lower())


def vm_sizes() -> tuple[VmSize, ...]:
    """Give every size known offline: the GPU sizes Azure ML trains on, and all that it serves on."""
    return tuple(_sizes().values())


def model(registry: str, name: str) -> RegistryModel | None:
    """Look up the version of a registry model that was the latest on `as_of()["models"]`."""
    return _models().get((registry, name))


def architecture(model_name: str) -> Architecture | None:
    """Look up the shape of a registry's model by its name there; None where it is not known for certain."""
    return _architectures().get(model_name)


def architectures() -> tuple[Architecture, ...]:
    """Give the shape of every model of which it is known."""
    return tuple(_architectures().values())


def model_names(registry: str) -> tuple[str, ...]:
    """Give the names of a registry's models that the catalog has."""
    return tuple(name for home, name in _models() if home == registry)


def as_of() -> Mapping[str, str]:
    """Give the day (`YYYY-MM-DD`) each part of the catalog was true: a file's name, or a component's."""
    names = {name: name for name in ("models", "vm_sizes", "architectures")}
    names |= {name: f"components/{name}" for name in _COMPONENT_OF_TASK.values()}
    return MappingProxyType({name: str(_read(file)["as_of"]) for name, file in names.items()})


@cache
def _read(name: str) -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return content


@cache
def _component(name: str) -> Component:
    return component_from(_read(f"components/{name}"))


def _component_input(entry: Mapping[str, Any]) -> ComponentInput:
    return ComponentInput(
        name=entry["name"],
        type=entry["type"],
        optional=entry["optional"],
        default=entry.get("default"),
        enum=tuple(entry.get("enum", ())),
        minimum=entry.get("min"),
    )


def _input_description(entry: Mapping[str, Any]) -> InputDescription:
    return InputDescription(
        text=entry["description"],
        values=MappingProxyType(entry.get("values", {})),
        examples=tuple(entry.get("examples", ())),
    )


@cache
def _sizes() -> Mapping[str, VmSize]:
    fields = VmSize.__dataclass_fields__
    entries = _read("vm_sizes")["sizes"]
    sizes = [VmSize(**{key: value for key, value in entry.items() if key in fields}) for entry in entries]
    return MappingProxyType({size.name.lower(): size for size in sizes})


@cache
def _architectures() -> Mapping[str, Architecture]:
    fields = Architecture.__dataclass_fields__
    entries = _read("architectures")["architectures"]
    return MappingProxyType(
        {entry["name"]: Architecture(**{key: entry[key] for key in fields}) for entry in entries}
    )


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
