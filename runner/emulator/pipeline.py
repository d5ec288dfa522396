"""A pipeline job's request body, read and checked as the service would before it starts anything."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runner.emulator.catalog import REGISTRY, Catalog, Component
from runner.emulator.errors import ArmError
from runner.emulator.store import Document

_COMPONENT = re.compile(r"azureml://registries/([^/]+)/components/([^/]+)/(?:versions|labels)/([^/]+)$")
_PARENT_INPUT = re.compile(r"\$\{\{\s*parent\.inputs\.(\w+)\s*\}\}$")
_PARENT_OUTPUT = re.compile(r"\$\{\{\s*parent\.outputs\.(\w+)\s*\}\}$")
_INTEGER = re.compile(r"[+-]?\d+$", re.ASCII)
_LITERAL_TYPES = {"string", "integer", "number", "boolean"}
_UNSUPPORTED = (
    "huggingface_id",
    "pytorch_model_path",
    "train_mltable_path",
    "validation_mltable_path",
    "test_mltable_path",
)

Spec = dict[str, Any]


@dataclass(frozen=True)
class Node:
    """One node: its component, its literals over the component's defaults, its paths as URIs, its outputs."""

    name: str
    component: Component
    literals: dict[str, str]
    uris: dict[str, str]
    outputs: dict[str, str]


def parse(properties: Document, catalog: Catalog) -> list[Node]:
    """Return the nodes of a pipeline; raise one error that tells all that is wrong with its inputs."""
    if properties.get("jobType") != "Pipeline":
        raise ArmError(
            501, "NotImplemented", f"The emulator runs Pipeline jobs, not {properties.get('jobType')}."
        )
    jobs = properties.get("jobs") or {}
    if not jobs:
        raise _bad(["a pipeline needs at least one node in jobs"])
    return [_node(name, job, properties.get("inputs") or {}, catalog) for name, job in jobs.items()]


def _node(name: str, job: Document, parent_inputs: Document, catalog: Catalog) -> Node:
    component = _component(str(job.get("componentId") or ""), catalog)
    given = {key: _resolved(value, parent_inputs) for key, value in (job.get("inputs") or {}).items()}
    if problems := list(_problems(component["inputs"], given)):
        raise _bad(problems)
    specs: dict[str, Spec] = component["inputs"]
    defaults = {key: str(spec["default"]) for key, spec in specs.items() if "default" in spec}
    literals = {
        key: str(value["value"]) for key, value in given.items() if specs[key]["type"] in _LITERAL_TYPES
    }
    uris = {
        key: str(value["uri"]) for key, value in given.items() if specs[key]["type"] not in _LITERAL_TYPES
    }
    return Node(name, component, defaults | literals, uris, _outputs(job))


def _component(component_id: str, catalog: Catalog) -> Component:
    match = _COMPONENT.match(component_id)
    component = catalog.component(match[2], match[3]) if match and match[1] == REGISTRY else None
    if component is None:
        message = f"Component {component_id or '(none)'} not found."
        raise ArmError(404, "UserError", message, inner=("NotFound", "ComponentNotFound"))
    return component


def _resolved(value: Document, parent_inputs: Document) -> Document:
    """Follow a reference to one of the pipeline's own inputs."""
    match = _PARENT_INPUT.match(str(value.get("value", "")))
    if not match:
        return value
    if match[1] not in parent_inputs:
        raise _bad([f"the pipeline has no input {match[1]}"])
    return dict(parent_inputs[match[1]])


def _outputs(job: Document) -> dict[str, str]:
    """Map the node's outputs to the pipeline's."""
    matches = {
        key: _PARENT_OUTPUT.match(str(value.get("value", "")))
        for key, value in (job.get("outputs") or {}).items()
    }
    return {key: match[1] for key, match in matches.items() if match}


def _problems(specs: dict[str, Spec], given: dict[str, Document]) -> Iterator[str]:
    for name, value in given.items():
        if name not in specs:
            yield f"{name}: the component has no such input"
        elif name in _UNSUPPORTED:
            yield f"{name}: the emulator cannot read this input; give mlflow_model_path and *_file_path"
        else:
            yield from _input_problems(name, specs[name], value)
    for name, spec in specs.items():
        if (
            name not in given
            and "default" not in spec
            and str(spec.get("optional", "False")).lower() != "true"
        ):
            yield f"{name}: a required input is missing"
    for name in ("mlflow_model_path", "train_file_path"):
        if name in specs and name not in given:
            yield f"{name}: fine-tuning needs it"


def _input_problems(name: str, spec: Spec, value: Document) -> Iterator[str]:
    if spec["type"] in _LITERAL_TYPES:
        if "value" not in value:
            yield f"{name}: expected a literal"
        else:
            yield from _literal_problems(name, spec, str(value["value"]))
    elif not value.get("uri"):
        yield f"{name}: expected a {spec['type']} with a uri"
    elif _type_of(value) != spec["type"]:
        yield f"{name}: expected {spec['type']}, got {_type_of(value)}"


def _type_of(value: Document) -> str:
    return str(value.get("job_input_type") or value.get("jobInputType"))


def _literal_problems(name: str, spec: Spec, text: str) -> Iterator[str]:
    if "enum" in spec and text not in spec["enum"]:
        yield f"{name}: {text!r} is not one of {', '.join(spec['enum'])}"
    if spec["type"] == "integer" and not _INTEGER.match(text):
        yield f"{name}: {text!r} is not an integer"
    elif spec["type"] in {"integer", "number"}:
        yield from _number_problems(name, spec, text)


def _number_problems(name: str, spec: Spec, text: str) -> Iterator[str]:
    number = _number(text)
    if not math.isfinite(number):
        yield f"{name}: {text!r} is not a number"
    elif "min" in spec and number < float(spec["min"]):
        yield f"{name}: {text} is less than the minimum {spec['min']}"
    elif "max" in spec and number > float(spec["max"]):
        yield f"{name}: {text} is more than the maximum {spec['max']}"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _bad(problems: list[str]) -> ArmError:
    message = "The job's inputs do not fit the component: " + "; ".join(problems)
    return ArmError(400, "UserError", message, inner=("BadArgument", "InvalidInput"))
