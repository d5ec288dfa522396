"""From what a target says to pins."""

import hashlib
import json

from runner import dataset
from runner.catalog import Component, RegistryModel
from runner.dataset.fetching.remote import Versions
from runner.facts import Facts
from runner.load import Loaded
from runner.parameters import DEFAULTS_TAG
from runner.pins.values import ComponentPin, DatasetPin, ModelPin, Pins
from runner.recipe import Dataset
from runner.redact import redact

# Every tag of a model that is read, by whomever; a test sees to that.
USED_TAGS = (
    DEFAULTS_TAG,
    "finetune_compute_allow_list",
    "inference_compute_allow_list",
    "FinetuneRetirementDate",
    "InferenceRetirementDate",
)


def taken(loaded: Loaded, facts: Facts, workspace: Versions | None = None) -> Pins:
    """Take the pins of a recipe on a target.

    The Hub is asked, once, what commit a revision now is; the workspace, what its newest data assets are.
    Raises RecipeInvalid or CloudUnavailable where they do not tell.
    """
    recipe = loaded.recipe
    return Pins(
        model=_model(facts.model) if facts.model else None,
        component=_component(recipe.model.registry, facts.component) if facts.component else None,
        dataset=_dataset(loaded, recipe.dataset, workspace) if recipe.dataset else None,
    )


def inputs_digest(component: Component) -> str:
    """Give the SHA-256 of a component's inputs as canonical JSON, in the component's own order."""
    declared = [
        {
            "name": each.name,
            "type": each.type,
            "optional": each.optional,
            "default": each.default,
            "enum": list(each.enum),
        }
        for each in component.inputs.values()
    ]
    return hashlib.sha256(_canonical(declared).encode()).hexdigest()


def _model(model: RegistryModel) -> ModelPin:
    tags = {name: _text(model.tags[name]) for name in USED_TAGS if name in model.tags}
    return ModelPin(id=model.id, version=model.version, tags=tags)


def _component(registry: str, component: Component) -> ComponentPin:
    return ComponentPin(
        id=f"azureml://registries/{registry}/components/{component.name}/versions/{component.version}",
        name=component.name,
        version=component.version,
        inputs_sha256=inputs_digest(component),
    )


def _dataset(loaded: Loaded, section: Dataset, workspace: Versions | None) -> DatasetPin:
    """Pin the rows; the name of their source stays as it is written, with its variables."""
    key = next(name for name in ("huggingface", "path", "azureml") if getattr(section, name))
    return DatasetPin(
        source=str(loaded.source.written(("dataset", key))), revision=_revision(section, workspace)
    )


def _revision(section: Dataset, workspace: Versions | None) -> str | None:
    if section.huggingface:
        return dataset.commit_of(section.huggingface, section.revision)
    if section.azureml and workspace:
        return workspace.revision(section.azureml, section.revision, section.splits())
    return section.revision


def _text(tag: object) -> str:
    """Give a tag as text, which it is at the registry, while the catalog has what the text means.

    It is kept in files, and shown: without secrets, and with characters that cannot be seen written out.
    """
    text = redact(tag if isinstance(tag, str) else _canonical(tag))
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
