"""What names such as `latest` and `main` resolved to: model, component and rows, as values and JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from runner.dataset import PreparedSplit
from runner.journal import Json
from runner.recipe import Recipe


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPin:
    """The base model: its asset id, its version, and the tags that were used, as text."""

    id: str
    version: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ComponentPin:
    """The pipeline component; earlier versions recorded neither its id nor the digest of its inputs."""

    id: str = ""
    name: str
    version: str
    inputs_sha256: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilePin:
    """The rows of one role, as they are uploaded."""

    sha256: str
    rows: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetPin:
    """The rows: `source` as the recipe has it, `revision` a commit on the Hub or a data asset's version.

    Where the splits' data assets have several, it holds each: `train=3,test=1`.
    """

    source: str
    revision: str | None = None
    files: Mapping[str, FilePin] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pins:
    """All of a run's; None where it has no such thing, or has not recorded it."""

    model: ModelPin | None = None
    component: ComponentPin | None = None
    dataset: DatasetPin | None = None


def as_json(pins: Pins) -> dict[str, Json]:
    """Give pins as a manifest has them."""
    return asdict(pins)


def from_json(said: Mapping[str, Json]) -> Pins:
    """Read the pins of a manifest, those of earlier versions too; keys that are not known are left out."""
    model, component, dataset = (said.get(name) for name in ("model", "component", "dataset"))
    return Pins(
        model=ModelPin(**_known(model, ModelPin)) if model else None,
        component=ComponentPin(**_known(component, ComponentPin)) if component else None,
        dataset=_dataset(dataset) if dataset else None,
    )


def applied(recipe: Recipe, pins: Pins) -> Recipe:
    """Give a recipe that asks for the very versions that are pinned, and for nothing else than before."""
    if pins.model:
        recipe = replace(recipe, model=replace(recipe.model, version=pins.model.version))
    if pins.component and recipe.finetune:
        finetune = replace(recipe.finetune, component_version=pins.component.version)
        recipe = replace(recipe, finetune=finetune)
    if pins.dataset and pins.dataset.revision and recipe.dataset:
        recipe = replace(recipe, dataset=replace(recipe.dataset, revision=pins.dataset.revision))
    return recipe


def with_rows(pins: Pins, prepared: Mapping[str, PreparedSplit]) -> Pins:
    """Give pins that tell of the rows, too, once these are prepared."""
    if pins.dataset is None:
        return pins
    files = {
        role: FilePin(sha256=split.sha256, rows=split.rows, bytes=split.bytes)
        for role, split in prepared.items()
    }
    return replace(pins, dataset=replace(pins.dataset, files=files))


def _dataset(said: Mapping[str, Json]) -> DatasetPin:
    files = {role: FilePin(**_known(file, FilePin)) for role, file in said.get("files", {}).items()}
    return DatasetPin(**_known(said, DatasetPin) | {"files": files})


def _known(said: Mapping[str, Json], kind: type) -> dict[str, Json]:
    return {name: said[name] for name in kind.__slots__ if name in said}  # type: ignore[attr-defined]
