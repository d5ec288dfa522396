"""One of those that are compared: a run, a manifest or a recipe, as flat values by section."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from runner.journal import Json
from runner.manifest import Manifest
from runner.manifest.values import leaves, recorded_values
from runner.metric_table import is_measured

_WEIGHTS = ".safetensors"


class Section(StrEnum):
    """What a value is about, in the order in which differences are told.

    `recipe` holds every value in force, by its dotted key; `outputs` the digests of what was made; `answers`
    what was answered, by prompt. `measured` are the metrics of speed and memory, which no two runs share.
    """

    RECIPE = "recipe"
    PINS = "pins"
    VERSIONS = "versions"
    METRICS = "metrics"
    MEASURED = "measured"
    OUTPUTS = "outputs"
    ANSWERS = "answers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """What one of them says. A section that it does not have (a recipe has no metrics) is left out.

    `target` is where it ran, "" for what has not.
    """

    name: str
    sections: Mapping[Section, Mapping[str, Json]] = field(default_factory=dict)
    target: str = ""


def of_manifest(said: Manifest, answers: Mapping[str, str] | None = None) -> Side:
    """Give a run's side. `answers` are those that lie beside its manifest, if they do."""
    metrics, values = _metrics(said), recorded_values(said.recipe, said.parameters)
    sections: dict[Section, Mapping[str, Json]] = {
        Section.PINS: _flat(said.pins),
        Section.VERSIONS: _flat(said.versions),
        Section.METRICS: {name: value for name, value in metrics.items() if not is_measured(name)},
        Section.MEASURED: {name: value for name, value in metrics.items() if is_measured(name)},
        Section.OUTPUTS: _outputs(said),
    }
    if values is not None:
        sections[Section.RECIPE] = values
    if answers:
        sections[Section.ANSWERS] = answers
    return Side(name=said.run_id, sections=sections, target=str(said.target.get("kind", "")))


def of_recipe(name: str, values: Mapping[str, Json]) -> Side:
    """Give the side of a recipe that has not run: its values in force."""
    return Side(name=name, sections={Section.RECIPE: values})


def _metrics(said: Manifest) -> Mapping[str, float]:
    training = said.steps.get("finetune")
    return training.metrics if training else {}


def _outputs(said: Manifest) -> Mapping[str, Json]:
    """Give the digests of the trained weights and of the table of losses, as far as they are known.

    The other files of a model name the moment and the job that made them.
    """
    training = said.steps.get("finetune")
    outputs = training.outputs if training else {}
    files = (outputs.get("files") or {}).items()
    weights = {f"weights.{name}": _digest(file) for name, file in files if name.endswith(_WEIGHTS)}
    table = outputs.get("table")
    return weights | ({"losses": table["sha256"]} if table else {})


def _digest(file: Mapping[str, Json]) -> Json:
    return file.get("sha256") or file.get("md5") or file["bytes"]


def _flat(tree: Mapping[str, Json]) -> dict[str, Json]:
    """Give the leaves of a tree by their dotted keys; what is null is left out."""
    return {key: value for key, value in leaves(tree) if value is not None}
