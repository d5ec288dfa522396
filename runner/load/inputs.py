"""The rule about `finetune.parameters`: each is an input of the task's component, and its own to set."""

from collections.abc import Iterator
from itertools import islice

from runner import parameters
from runner.catalog import Component, component
from runner.errors import Severity
from runner.load.source import Mistake
from runner.load.tree import Tree, mapping_at
from runner.yaml12 import Key, Value

_MOST_PARAMETERS = 200  # the schema refuses more; looking up close names for thousands takes seconds


def parameter_mistakes(tree: Tree) -> Iterator[Mistake]:
    """Check the parameters against the component as it is known offline, if it is the version meant."""
    finetune = mapping_at(tree, "finetune")
    task, version = finetune.get("task"), finetune.get("component_version", "latest")
    known = component(task) if isinstance(task, str) else None
    if known is None:
        return
    checked = isinstance(version, str) and version in {"latest", known.version}
    given = mapping_at(tree, "finetune", "parameters")
    for name, value in islice(given.items(), _MOST_PARAMETERS):
        yield from _of_one(name, value, known, checked=checked)
    if isinstance(version, str) and not checked:
        yield _unchecked(known)


def _of_one(name: str, value: Value, known: Component, *, checked: bool) -> Iterator[Mistake]:
    key = ("finetune", "parameters", name)
    if _is_derived(name) and (name in known.inputs or not checked):
        yield _derived(key, name)
    elif checked and isinstance(value, str | int | float):
        finding = parameters.check(name, value, known)
        if finding is not None:
            yield _from_finding(key, finding)


def _unchecked(known: Component) -> Mistake:
    return Mistake(
        key=("finetune", "component_version"),
        code="parameters-unchecked",
        message=f"the parameters were not checked: only the inputs of {known.version} are known offline",
        severity=Severity.NOTICE,
    )


def _from_finding(key: Key, finding: parameters.Finding) -> Mistake:
    return Mistake(
        key=key,
        code=finding.code,
        message=finding.message,
        expected=finding.expected,
        mend=finding.mend,
        at_key=finding.code == "unknown-parameter",
    )


def _is_derived(name: str) -> bool:
    return parameters.is_derived(name) or name.startswith("instance_type_")


def _derived(key: Key, name: str) -> Mistake:
    return Mistake(
        key=key,
        code="derived-parameter",
        message="follows from other sections",
        mend=f"delete it here and set {_origin(name)}",
        at_key=True,
    )


def _origin(name: str) -> str:
    """Name the place in a recipe that decides an input the recipe may not set."""
    if name.startswith("compute_"):
        return "compute.name or compute.serverless"
    if name.startswith("instance_type_"):
        return "compute.size"
    if name == "number_of_gpu_to_use_finetuning":
        return "compute.gpus_per_node"
    if name.endswith(("_file_path", "_mltable_path")):
        return "dataset"
    return "model"
