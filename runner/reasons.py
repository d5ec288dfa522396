"""Why each step of a run did what it did: what the plan meant, what was found, and which values decided."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from runner.journal import Json
from runner.manifest import Manifest, StepRecord, StepStatus
from runner.manifest.values import recorded_places, recorded_values
from runner.naming import TAG_RECIPE


class Became(StrEnum):
    """What became of a step's resource when it was this step's turn."""

    CREATED = "created"
    UPDATED = "updated"
    REUSED = "reused"
    READ = "read"
    ADOPTED = "adopted"
    FAILED = "failed"
    UNDER_WAY = "under way"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """A value that decided, by its key, and where it is from, "" where that was not recorded."""

    key: str
    value: Json
    place: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why a step did what it did.

    `planned` is what the plan said, "" in older manifests; `found` what a look showed by then; `taken_back`
    why what it made is gone again, "" if it is not; `causes` the values of the recipe that it goes by.
    """

    step: str
    became: Became
    name: str
    attempt: int
    planned: str
    found: str
    taken_back: str
    causes: tuple[Cause, ...]


_BECAME = {"create": Became.CREATED, "update": Became.UPDATED, "reuse": Became.REUSED, "read": Became.READ}
_OF_ROWS = (
    "huggingface", "path", "azureml", "config", "revision", "percent", "rows", "sample", "seed",
    "validation", "test", "max_bad_rows",
)  # fmt: skip
_DECIDING = {
    "dataset": _OF_ROWS,
    "compute": ("serverless", "name", "size", "tier"),
    "finetune": ("task", "component_version"),
    "register": ("name",),
    "endpoint": ("name", "auth_mode"),
    "baseline": ("name", "instance_type", "instance_count"),
    "deployment": ("name", "instance_type", "instance_count"),
    "sample": ("rows",),
}
_MODEL = ("model.registry", "model.name", "model.version")
# What a look must have shown, since only then a step does so.
_FOUND = {
    ("dataset", "create"): "not every data asset of this content (by its digest) was there",
    ("dataset", "reuse"): "data assets of equal content (by their digests) were there: nothing was uploaded",
    ("dataset", "read"): "the data assets are in the workspace, and only read",
    ("compute", "create"): "no cluster of that name was there",
    ("compute", "reuse"): "a cluster of that name, size and tier was there: it is only used",
    ("compute", "read"): "serverless compute has nothing to make",
    ("finetune", "create"): "each run trains in a job of its own",
    ("register", "create"): "each run registers a version of its own",
    ("endpoint", "create"): "no endpoint of that name was there",
    ("endpoint", "reuse"): f"an endpoint of that name was there with this recipe's tag {TAG_RECIPE}",
    ("baseline", "create"): "no deployment of that name was behind the endpoint",
    ("baseline", "update"): "the deployment that was there served another model, or on another size",
    ("baseline", "reuse"): "the deployment that was there served the base model already",
    ("deployment", "create"): "no deployment of that name was behind the endpoint",
    ("deployment", "update"): "the deployment that was there served another model, or on another size",
    ("deployment", "reuse"): "the deployment that was there served this model already",
    ("traffic", "update"): "the endpoint's traffic was split otherwise",
    ("traffic", "reuse"): "the endpoint's traffic was split so already",
    ("sample", "read"): "rows are scored, and nothing is changed",
}


def reasons(said: Manifest) -> tuple[Reason, ...]:
    """Give the reason of each step that began, in the order in which they did; pure."""
    values, places = recorded_values(said.recipe, said.parameters) or {}, recorded_places(said.recipe)
    return tuple(
        Reason(
            step=step,
            became=_became(record),
            name=str(record.outputs.get("name") or record.intent.get("name") or ""),
            attempt=record.attempt,
            planned=record.reason,
            found=_found(step, record),
            taken_back=_taken_back(step, record, said, values),
            causes=tuple(_causes(step, record, values, places)),
        )
        for step, record in said.steps.items()
    )


def parameters(said: Manifest) -> tuple[Cause, ...]:
    """Give every fine-tuning parameter in force with where it is from."""
    places = recorded_places(said.recipe)
    return tuple(
        Cause(
            key=key,
            value=each["value"],
            place=places.get(key, f"{each['origin'].replace('_', ' ')}: {each['detail']}"),
        )
        for each in said.parameters
        if (key := f"finetune.parameters.{each['name']}")
    )


def _became(record: StepRecord) -> Became:
    if record.error:  # also one that was taken back since
        return Became.FAILED
    if record.status is StepStatus.RUNNING:
        return Became.UNDER_WAY
    return Became.ADOPTED if record.adopted else _BECAME[record.action]


def _found(step: str, record: StepRecord) -> str:
    if record.error:
        return record.error
    if record.status is StepStatus.RUNNING:
        return record.detail
    if record.adopted:
        return "an earlier process of this run had asked for it, and it was there when the run was taken up"
    if step == "traffic" and record.action == "update" and record.intent.get("previous") == {}:
        return "the endpoint had no traffic yet"
    return _FOUND.get((step, record.action), "")


def _taken_back(step: str, record: StepRecord, said: Manifest, values: Mapping[str, Json]) -> str:
    if record.status is not StepStatus.DELETED:
        return ""
    verb = "stopped" if step == "finetune" else "deleted"
    return f"{verb} by the recipe's cleanup" if _cleaned(said, values) else f"{verb} by runner down or cancel"


def _cleaned(said: Manifest, values: Mapping[str, Json]) -> bool:
    """Tell whether the recipe's policy asked for it, by how the walk ended."""
    policy = values.get("cleanup")
    return policy == "always" or (policy == "on_failure" and said.walked not in {None, "succeeded"})


def _causes(
    step: str, record: StepRecord, values: Mapping[str, Json], places: Mapping[str, str]
) -> Iterator[Cause]:
    for key in _keys(step, values):
        if key in values:
            yield Cause(key=key, value=values[key], place=places.get(key, ""))
    if record.status is StepStatus.DELETED and "cleanup" in values:
        yield Cause(key="cleanup", value=values["cleanup"], place=places.get("cleanup", ""))


def _keys(step: str, values: Mapping[str, Json]) -> Iterator[str]:
    if step == "traffic":
        yield from (key for key in values if key.startswith("traffic."))
    yield from (f"{step}.{name}" for name in _DECIDING.get(step, ()))
    yield from _MODEL if step in {"finetune", "baseline"} else ()
