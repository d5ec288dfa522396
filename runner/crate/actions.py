"""What was done, in the words of Process Run Crate: the run and each step, with what it used and made.

No agent is named: a manifest does not say who ran it.
"""

from collections.abc import Iterable, Mapping

from runner.crate.entity import Entity, address, references, said
from runner.crate.things import Things, has_succeeded
from runner.facts import TargetKind
from runner.manifest import Manifest, RunStatus, StepRecord, StepStatus
from runner.redact import printable

_SCHEMA = "http://schema.org/"
ACTIVE = f"{_SCHEMA}ActiveActionStatus"
COMPLETED = f"{_SCHEMA}CompletedActionStatus"
FAILED = f"{_SCHEMA}FailedActionStatus"
_RUN_STATUS = {
    RunStatus.RUNNING: ACTIVE,
    RunStatus.INTERRUPTED: ACTIVE,
    RunStatus.SUCCEEDED: COMPLETED,
    RunStatus.FAILED: FAILED,
    RunStatus.CANCELED: FAILED,
}
_HOMES = {
    "azure-ai-ml": "https://github.com/Azure/azure-sdk-for-python",
    "python": "https://www.python.org/",
}


def where(run: Manifest) -> str:
    """Say which cloud it was: a run on the emulator is never shown as one on Azure."""
    if run.target["kind"] == TargetKind.EMULATOR:
        return "on the EMULATOR of Azure ML on one machine: nothing of it was made on Azure"
    return "on Azure ML"


def software(run: Manifest) -> tuple[Entity, ...]:
    """Give what carried the run out: this program first, then the training, then what it needs."""
    versions = run.versions
    others = {name: versions[name] for name in ("azure-ai-ml", "python") if name in versions}
    needed = tuple(
        _application(name, text) for name, text in (others | versions.get("libraries", {})).items()
    )
    told = said(name="runner", version=versions["runner"], softwareRequirements=references(needed))
    runner = Entity(id="#runner", type="SoftwareApplication", properties=told)
    component = _component(run)
    return (runner, *((component,) if component else ()), *needed)


def _application(name: str, version: str) -> Entity:
    told = said(name=name, version=version, url=_HOMES.get(name))
    return Entity(id=f"#software/{name}", type="SoftwareApplication", properties=told)


def _component(run: Manifest) -> Entity | None:
    pin = run.pins.get("component")
    if not pin:
        return None
    told = said(name=pin["name"], version=pin["version"], description="A pipeline component of Azure ML")
    at = address(pin.get("id", ""), f"#component/{pin['name']}")
    return Entity(id=at, type="SoftwareApplication", properties=told)


def actions(run: Manifest, world: Things) -> tuple[Entity, ...]:
    """Give the run's action first, then one for each step."""
    component = _component(run)
    steps = (_step(run, name, step, world, component) for name, step in run.steps.items())
    return (_run(run, world), *steps)


def _run(run: Manifest, world: Things) -> Entity:
    used = (*world.recipe, world.source, *world.rows.values(), world.base_model, world.git)
    made = (world.manifest, world.table, world.trained, world.registered, world.answers)
    told = said(
        name=f"Run {run.run_id} of the recipe {run.recipe['name']}",
        description=f"runner run {printable(run.recipe['path'])}, {where(run)}",
        startTime=run.started,
        endTime=run.ended,
        actionStatus={"@id": _RUN_STATUS[run.status]},
        instrument={"@id": "#runner"},
        object=references(used),
        result=references(made),
    )
    return Entity(id=f"#{run.run_id}", type="CreateAction", properties=told)


def _step(run: Manifest, name: str, step: StepRecord, world: Things, component: Entity | None) -> Entity:
    """Give a step's action; without anything that can be shown for it, it is no CreateAction."""
    made = references(_made(name, world)) if has_succeeded(step) else []
    tool = component if name == "finetune" and component else Entity(id="#runner", type="")
    told = said(
        name=f"{name} of run {run.run_id}",
        description=_description(step),
        startTime=step.started,
        endTime=step.ended,
        actionStatus={"@id": _status(step)},
        error=step.error if _status(step) == FAILED else None,
        instrument={"@id": tool.id},
        object=references(_used(name, world)),
        result=made,
    )
    return Entity(
        id=f"#{run.run_id}/{name}", type="CreateAction" if made else "ActivateAction", properties=told
    )


def _status(step: StepRecord) -> str:
    if step.status is StepStatus.RUNNING:
        return ACTIVE
    return COMPLETED if has_succeeded(step) else FAILED


def _description(step: StepRecord) -> str:
    subject = f"{step.action} {step.intent.get('name', '')}".strip()
    gone = "what it made is gone again" if step.status is StepStatus.DELETED else ""
    return printable("; ".join(part for part in (subject, step.detail, gone) if part))


def _used(step: str, world: Things) -> Iterable[Entity | None]:
    used: Mapping[str, Iterable[Entity | None]] = {
        "dataset": (world.source,),
        "finetune": (world.base_model, *world.rows.values(), *world.parameters),
        "register": (world.trained,),
        "baseline": (world.base_model,),
        "deployment": (world.registered,),
        "sample": (world.registered, world.rows.get("test")),
    }
    return used.get(step, ())


def _made(step: str, world: Things) -> Iterable[Entity | None]:
    made: Mapping[str, Iterable[Entity | None]] = {
        "dataset": world.rows.values(),
        "finetune": (world.trained, world.table, *world.metrics),
        "register": (world.registered,),
        "sample": (world.answers,),
    }
    return made.get(step, ())
