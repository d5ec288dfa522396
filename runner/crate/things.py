"""What a run used and made, as entities of a crate."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeGuard
from urllib.parse import quote

from runner import manifest as manifests
from runner import metric_table
from runner.crate.entity import Entity, address, by_digest, is_digest, references, said
from runner.crate.payload import IN_FORCE, Staged, recipe_names
from runner.journal import Json
from runner.manifest import Manifest, StepRecord, StepStatus
from runner.steps.sample import FILE_NAME as SAMPLES

_RECIPE = "The recipe that was run"
_IN_FORCE = "Every value that was in force, defaults too, as one recipe"
_TEXTS = {
    manifests.FILE_NAME: "The run's manifest: what was asked, what it resolved to, and what each step did",
    metric_table.FILE_NAME: "What the training logged, point by point",
    SAMPLES: "Prompts of the test rows, the model's answers, and the ground truth",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Things:
    """All that actions refer to; what a run did not use or make is None or empty."""

    recipe: tuple[Entity, ...]
    parameters: tuple[Entity, ...]
    git: Entity | None
    base_model: Entity | None
    source: Entity | None
    rows: Mapping[str, Entity]
    manifest: Entity
    table: Entity | None
    metrics: tuple[Entity, ...]
    trained: Entity | None
    trained_files: tuple[Entity, ...]
    registered: Entity | None
    answers: Entity | None

    @property
    def every(self) -> tuple[Entity, ...]:
        """Give each thing once; equal bytes under several names are one thing with several names."""
        single = (self.git, self.base_model, self.source, self.manifest, self.table)
        made = (self.trained, *self.trained_files, self.registered, self.answers)
        found = (*self.recipe, *self.parameters, *single, *self.rows.values(), *self.metrics, *made)
        once: dict[str, Entity] = {}
        for each in found:
            if each:
                once[each.id] = _also_called(once[each.id], each) if each.id in once else each
        return tuple(once.values())


def things(run: Manifest, files: Mapping[str, Staged]) -> Things:
    """Make them of the manifest; `files` are those that lie in the crate."""
    training = run.steps.get("finetune")
    model_files = tuple(_model_files(training))
    return Things(
        recipe=tuple(_recipe(files[name]) for name in recipe_names(run.recipe)),
        parameters=tuple(_parameter(each) for each in run.parameters),
        git=_git(run.versions.get("git")),
        base_model=_base_model(run.pins.get("model")),
        source=_source(run),
        rows={role: _rows(role, asset, files) for role, asset in _assets(run.steps.get("dataset"))},
        manifest=_file(files[manifests.FILE_NAME], _TEXTS[manifests.FILE_NAME]),
        table=_here(files, metric_table.FILE_NAME),
        metrics=tuple(_metric(name, value) for name, value in (training.metrics if training else {}).items()),
        trained=_trained(training, model_files),
        trained_files=model_files,
        registered=_registered(run.steps.get("register")),
        answers=_answers(run.steps.get("sample"), files),
    )


def has_succeeded(step: StepRecord | None) -> TypeGuard[StepRecord]:
    """Tell whether a step made what it was to make; what a cleanup has deleted may have failed before."""
    if step is None or step.status not in {StepStatus.SUCCEEDED, StepStatus.DELETED}:
        return False
    return step.error is None


def _also_called(known: Entity, other: Entity) -> Entity:
    names = (known.properties.get("alternateName", []), other.properties.get("alternateName", []))
    all_names = [name for each in names for name in (each if isinstance(each, list) else [each])]
    return replace(known, properties={**known.properties, **said(alternateName=all_names)})


def _file(staged: Staged, name: str) -> Entity:
    properties = said(
        name=name,
        encodingFormat=staged.format,
        contentSize=str(staged.bytes),
        sha256=staged.sha256,
    )
    return Entity(id=quote(staged.name), type="File", properties=properties)


def _recipe(staged: Staged) -> Entity:
    return _file(staged, _IN_FORCE if staged.name == IN_FORCE else _RECIPE)


def _here(files: Mapping[str, Staged], name: str) -> Entity | None:
    return _file(files[name], _TEXTS[name]) if name in files else None


def _elsewhere(name: str, sha256: str, *, size: int | None, text: str) -> Entity:
    """Describe bytes that do not lie in the crate by their digest."""
    told = said(
        name=text, alternateName=name, contentSize=str(size) if size is not None else "", sha256=sha256
    )
    return Entity(id=by_digest(sha256), type="File", properties=told)


def _parameter(each: Mapping[str, Json]) -> Entity:
    origin = f"{str(each['origin']).replace('_', ' ')}: {each['detail']}"
    told = said(name=each["name"], value=_value(each["value"]), description=origin)
    return Entity(id=f"#parameter/{quote(each['name'])}", type="PropertyValue", properties=told)


def _metric(name: str, value: float | None) -> Entity:
    told = said(name=name, value=_value(value), description="The newest value that the training logged")
    return Entity(id=f"#metric/{quote(name)}", type="PropertyValue", properties=told)


def _value(value: Json) -> Json:
    """Give a value as JSON-LD keeps it: `said` would leave an empty text out."""
    return "(none)" if value in (None, "") else value


def _git(state: Mapping[str, Json] | None) -> Entity | None:
    if not state:
        return None
    dirty = "Files differed from it" if state["dirty"] else "No file differed from it"
    told = said(name="git commit of the recipe's checkout", value=state["commit"], description=dirty)
    return Entity(id="#git-commit", type="PropertyValue", properties=told)


def _base_model(pin: Mapping[str, Json] | None) -> Entity | None:
    if not pin:
        return None
    told = said(name="The base model", version=pin["version"], identifier=pin["id"])
    return Entity(id=address(pin["id"], "#base-model"), type="CreativeWork", properties=told)


def _source(run: Manifest) -> Entity | None:
    """Describe where the rows were taken from, as far as the manifest says it."""
    pin, values = run.pins.get("dataset") or {}, run.recipe.get("values", {})
    hub = values.get("dataset.huggingface")
    name = pin.get("source") or hub or values.get("dataset.path") or values.get("dataset.azureml")
    if not name:
        return None
    revision = pin.get("revision")
    at = f"https://huggingface.co/datasets/{quote(str(hub))}" if hub else "#dataset-source"
    if hub and revision:
        at = f"{at}/tree/{quote(str(revision))}"
    told = said(name=f"Where the rows were taken from: {name}", version=revision)
    return Entity(id=at, type="CreativeWork", properties=told)


def _assets(step: StepRecord | None) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for role, asset in (step.intent.get("assets", {}) if step else {}).items():
        if is_digest(asset.get("sha256")):
            yield role, asset


def _rows(role: str, asset: Mapping[str, Json], files: Mapping[str, Staged]) -> Entity:
    text, name = f"The {role} rows as they were uploaded: {asset.get('rows')}", str(asset.get("file", role))
    if name in files:
        return _file(files[name], text)
    return _elsewhere(name, asset["sha256"], size=asset.get("bytes"), text=text)


def _model_files(step: StepRecord | None) -> Iterator[Entity]:
    outputs = step.outputs if has_succeeded(step) else {}
    for name, file in (outputs.get("files") or {}).items():
        if is_digest(file.get("sha256")):
            yield _elsewhere(
                name, file["sha256"], size=file.get("bytes"), text=f"Of the trained model: {name}"
            )
        else:
            size = str(file["bytes"]) if "bytes" in file else ""
            told = said(name=f"Of the trained model: {name}", contentSize=size, md5=_hex(file.get("md5")))
            yield Entity(id=f"#trained-model/{quote(name)}", type="CreativeWork", properties=told)


def _hex(md5: Json) -> str:
    """Write a digest that the storage keeps in base64 as RO-Crate's terms have it."""
    try:
        return base64.b64decode(md5 or "", validate=True).hex()
    except (binascii.Error, TypeError, ValueError):
        return ""


def _trained(step: StepRecord | None, files: tuple[Entity, ...]) -> Entity | None:
    if not has_succeeded(step):
        return None
    told = said(name="The trained model", identifier=step.outputs.get("output"), hasPart=references(files))
    return Entity(id="#trained-model", type="Collection", properties=told)


def _registered(step: StepRecord | None) -> Entity | None:
    if not has_succeeded(step):
        return None
    outputs = step.outputs
    told = said(
        name=f"The registered model {outputs.get('name', '')}".strip(),
        version=outputs.get("version"),
        identifier=outputs.get("id"),
    )
    return Entity(id="#registered-model", type="CreativeWork", properties=told)


def _answers(step: StepRecord | None, files: Mapping[str, Staged]) -> Entity | None:
    """Describe the answers; those that stay with the run by their digest alone."""
    if not has_succeeded(step) or SAMPLES in files:
        return _here(files, SAMPLES)
    sha256 = step.outputs.get("sha256")
    return _elsewhere(SAMPLES, sha256, size=None, text=_TEXTS[SAMPLES]) if is_digest(sha256) else None
