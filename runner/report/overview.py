"""What a run was, at a glance: how it stands, what was trained on what, what came of it and what is left."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from runner.facts import TargetKind
from runner.journal import Json
from runner.manifest import Manifest, RunStatus
from runner.manifest.values import leaves as leaves_of
from runner.manifest.values import made_with
from runner.metric_table import BASE_LOSS, LOSSES, TOLD_LOSSES
from runner.report import verdict
from runner.report.subject import Subject
from runner.report.timeline import duration
from runner.report.wording import NOT_KNOWN, is_studio, moment, number, time, value
from runner.under_way import Carried

_SHORT = 12
# What the base model's loss is held against.
_AFTER = "test_loss"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One line: a name, a value, what is to be known of it. Only `link` may become a link."""

    name: str
    value: str
    note: str = ""
    link: str = ""


def is_emulated(said: Manifest) -> bool:
    """Tell whether it ran on the emulator."""
    return bool(said.target["kind"] == TargetKind.EMULATOR.value)


def stand_in(said: Manifest) -> str:
    """Name the model that the emulator trained in place of the recipe's; empty where none stood in."""
    training = said.steps.get("finetune")
    return str(training.outputs.get("stand_in") or "") if training else ""


def standing(subject: Subject) -> Fact:
    """Say how the run stands, and what that means where it has not ended well."""
    said = subject.said
    notes = {
        RunStatus.RUNNING: "it has not ended: this page tells what was known when it was made",
        RunStatus.INTERRUPTED: "it was cut off and can be taken up again",
        RunStatus.CANCELED: "it was ended by a person",
    }
    note = notes.get(said.status, "")
    if said.status is RunStatus.RUNNING and subject.carried is Carried.BY_NOBODY:
        note = "but no process carries it on"
    return Fact(name="status", value=said.status.value, note=note)


def took(said: Manifest) -> Fact:
    """Say how long the run took, or since when it runs."""
    begin, end = moment(said.started), moment(said.ended)
    if begin and end:
        return Fact(name="duration", value=duration((end - begin).total_seconds()), note=time(said.started))
    return Fact(name="duration", value="not ended", note=f"since {time(said.started)}")


def loss(said: Manifest) -> Fact:
    """Tell the most telling loss, against the base model's where that was measured."""
    metrics = _metrics(said)
    name = next((each for each in LOSSES if each in metrics), "")
    if not name:
        return Fact(name="loss", value=NOT_KNOWN, note="no loss was logged")
    after = number(metrics[name])
    if name == _AFTER and BASE_LOSS in metrics:
        return Fact(name="test loss", value=f"{number(metrics[BASE_LOSS])} → {after}", note="before → after")
    return Fact(name=name.replace("_", " "), value=after, note="the newest value")


def left(said: Manifest) -> Fact:
    """Say what is left alive."""
    names = ", ".join(f"{each.kind} {each.name}" for each in said.alive)
    return Fact(name="left alive", value=str(len(said.alive)) if names else "nothing", note=names)


def facts(subject: Subject) -> tuple[Fact, ...]:
    """Give the rest of what one asks first."""
    return tuple(_facts(subject.said))


def losses(said: Manifest) -> tuple[Fact, ...]:
    """Give every loss that is known, before and after."""
    metrics = _metrics(said)
    return tuple(Fact(name=name, value=number(metrics[name])) for name in TOLD_LOSSES if name in metrics)


def leaves(tree: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Give a tree's leaves as they are shown, by their dotted keys."""
    return ((name, value(inner)) for name, inner in leaves_of(tree))


def _metrics(said: Manifest) -> Mapping[str, float]:
    training = said.steps.get("finetune")
    return training.metrics if training else {}


def _facts(said: Manifest) -> Iterator[Fact]:
    place = "the emulator on this machine" if is_emulated(said) else "Azure"
    yield Fact(name="target", value=place, note=f"workspace {value(said.target.get('workspace_name'))}")
    digest = str(said.recipe.get("sha256", ""))[:_SHORT]
    laid_over = ", ".join(made_with(said.recipe, said.sweep))
    with_options = f" with {laid_over}" if laid_over else ""
    of_parent = f"in force of {said.parent.get('run_id')}, " if said.parent else ""
    told = f"{of_parent}{value(said.recipe.get('path'))}{with_options}"
    yield Fact(name="recipe", value=told, note=f"sha256 {digest}")
    yield from _model(said)
    yield from _method(said)
    yield from _data(said)
    yield from losses(said)
    yield from _speed(said)
    yield from _sampled(said)
    yield from _studio(said)
    yield from _kin(said)


def _model(said: Manifest) -> Iterator[Fact]:
    pinned = said.pins.get("model") or {}
    note = f"version {pinned['version']}" if pinned.get("version") else ""
    yield Fact(name="model", value=value(pinned.get("id") or NOT_KNOWN), note=note)
    if stand_in(said):
        yield Fact(
            name="trained instead", value=stand_in(said), note="the emulator's stand-in for this model"
        )


def _method(said: Manifest) -> Iterator[Fact]:
    given = {each["name"]: each["value"] for each in said.parameters}
    if not given:
        return
    component = said.pins.get("component") or {}
    named = " ".join(str(component[key]) for key in ("name", "version") if component.get(key))
    yield Fact(name="method", value=", ".join(_how(given)), note=named)


def _how(given: Mapping[str, Json]) -> Iterator[str]:
    if given.get("apply_lora") is True:
        known = [
            f"{name}={value(given[f'lora_{name}'])}" for name in ("r", "alpha") if f"lora_{name}" in given
        ]
        yield " ".join(("LoRA", *known))
    else:
        yield "all weights"
    if given.get("apply_deepspeed") is True:
        yield f"DeepSpeed stage {value(given.get('deepspeed_stage'))}"
    steps = given.get("max_steps")
    if isinstance(steps, int) and not isinstance(steps, bool) and steps > 0:
        yield f"{steps} steps"
    elif "num_train_epochs" in given:
        yield f"{value(given['num_train_epochs'])} epochs"
    if "learning_rate" in given:
        yield f"learning rate {value(given['learning_rate'])}"
    if "precision" in given:
        yield f"{value(given['precision'])} bits"


def _speed(said: Manifest) -> Iterator[Fact]:
    """Tell how much went through, how fast, in how much memory, as far as the training logged it."""
    metrics = _metrics(said)
    told = {name: f"{round(amount):,}" for name, amount in metrics.items() if math.isfinite(amount)}
    for name, metric, unit in _SPEEDS:
        if metric in told:
            yield Fact(name=name, value=f"{told[metric]} {unit}")


_SPEEDS = (
    ("tokens", "num_input_tokens_seen", "seen in training"),
    ("throughput", "train_tokens_per_second", "tokens a second"),
    ("memory", "peak_memory_mib", "MiB at most"),
)


def _data(said: Manifest) -> Iterator[Fact]:
    pinned = said.pins.get("dataset") or {}
    values = said.recipe.get("values") or {}
    named = [values.get(f"dataset.{key}") for key in ("huggingface", "path", "azureml")]
    source = pinned.get("source") or next((each for each in named if each), None)
    step = said.steps.get("dataset")
    counted = (
        [(role, asset.get("rows")) for role, asset in (step.intent.get("assets") or {}).items()]
        if step
        else []
    )
    rows = ", ".join(f"{count} {role} rows" for role, count in counted if count is not None)
    if source or rows:
        yield Fact(name="data", value=value(source or rows), note=rows if source else "")


def _sampled(said: Manifest) -> Iterator[Fact]:
    step = said.steps.get("sample")
    if step and "rows" in step.outputs:
        exact = f"{value(step.outputs.get('exact'))} equal to the ground truth"
        if "base_exact" in step.outputs:
            exact += f" (base model: {value(step.outputs['base_exact'])})"
        yield Fact(name="scored", value=f"{value(step.outputs['rows'])} rows", note=exact)


def _studio(said: Manifest) -> Iterator[Fact]:
    """Give the job's page; on the emulator there is no studio to look into."""
    training = said.steps.get("finetune")
    address = str(training.outputs.get("studio") or "") if training else ""
    if address and not is_emulated(said):
        yield Fact(name="job", value=address, link=address if is_studio(address) else "")


def _kin(said: Manifest) -> Iterator[Fact]:
    if said.parent:
        settings: Sequence[str] = said.parent.get("settings") or ()
        notes = (verdict.in_words(said), f"but for {', '.join(settings)}" if settings else "")
        note = "; ".join(each for each in notes if each)
        yield Fact(name="parent", value=value(said.parent.get("run_id")), note=note)
    if said.sweep:
        point = ", ".join(f"{key}={value(each)}" for key, each in said.sweep["point"].items())
        place = f"{said.sweep['index']} of {said.sweep['total']} in {said.sweep['id']}"
        yield Fact(name="sweep", value=place, note=point)
    if said.resumed:
        yield Fact(name="resumed", value=f"{said.resumed} times" if said.resumed > 1 else "once")
    if said.retried:
        yield Fact(name="sent again", value=f"{said.retried} requests")
