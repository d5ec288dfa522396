"""Recipe and Facts to Diagnostics: everything the target would refuse, or waste money on, before it costs.

The one place for allow lists, GPU counts, and what exists but does not fit. Pure.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from runner import catalog, naming, parameters
from runner import recipe as recipes
from runner.catalog import RegistryModel
from runner.errors import Diagnostic, Severity
from runner.facts import ComputeState, EndpointState, Facts, Provisioning, TargetKind
from runner.load import Loaded
from runner.parameters import Effective, Origin
from runner.steps.compute import compute_inputs, misfit
from runner.steps.endpoint import identity_misfit

FINETUNE_LIST = "finetune_compute_allow_list"
INFERENCE_LIST = "inference_compute_allow_list"


@dataclass(frozen=True, slots=True)
class _Case:
    """What every check looks at."""

    loaded: Loaded
    facts: Facts
    effective: Effective | None


def check(loaded: Loaded, facts: Facts, effective: Effective | None) -> tuple[Diagnostic, ...]:
    """Run every check and give all findings in the order of the file."""
    case = _Case(loaded, facts, effective)
    found = [diagnostic for each in _CHECKS for diagnostic in each(case)]
    return tuple(sorted(found, key=lambda diagnostic: (diagnostic.line, diagnostic.column)))


def merge(loaded: Loaded, facts: Facts) -> Effective | None:
    """Merge the parameters in force; None without a finetune section or a component to merge for."""
    recipe = loaded.recipe
    if recipe.finetune is None or recipe.compute is None or facts.component is None:
        return None
    return parameters.merge(
        recipe.finetune.parameters,
        where=lambda name: _place(loaded, ("finetune", "parameters", name)),
        model_defaults=parameters.model_specific_defaults(facts.model.tags) if facts.model else {},
        component=facts.component,
        derived={
            **compute_inputs(recipe.compute),
            "number_of_gpu_to_use_finetuning": (recipe.compute.gpus_per_node, "compute.gpus_per_node"),
        },
    )


def _place(loaded: Loaded, key: tuple[str, ...]) -> str:
    return f"{loaded.source.path}:{loaded.source.locate(key).line}"


def _model(case: _Case) -> Iterator[Diagnostic]:
    """Check that the model is there, and that Azure still trains it."""
    model, recipe = case.facts.model, case.loaded.recipe
    if model is None and case.facts.offline:
        yield case.loaded.source.diagnostic(
            ("model", "name"),
            code="model-not-in-catalog",
            message=f"the catalog of {catalog.as_of()['models']} does not have {recipe.model.name}",
            expected="its allow lists can only be checked online",
            severity=Severity.NOTICE,
        )
    elif model is None:
        yield case.loaded.source.diagnostic(
            ("model", "name"),
            code="model-not-found",
            message=f"registry {recipe.model.registry} has no {recipe.model.name} {recipe.model.version}",
            mend="check model.name and model.version",
        )
    else:
        yield from _lifecycle(case, model)


def _lifecycle(case: _Case, model: RegistryModel) -> Iterator[Diagnostic]:
    """Refuse on Azure what is archived; the emulator, where old runs are replayed, only warns."""
    known = catalog.model(model.registry, model.name)
    archived = _past(model.archived or (known.archived if known else None), case)
    on_azure = case.facts.target is TargetKind.AZURE
    if known and known.emulator_only and on_azure:
        yield case.loaded.source.diagnostic(
            ("model", "name"),
            code="model-only-on-emulator",
            message=f"{model.name} is the emulator's own",
            mend="choose a model of the azureml registry, such as Phi-4",
        )
    retired = _past(model.tags.get("FinetuneRetirementDate"), case)
    if archived or retired:
        dates = [f"archived {archived}"] if archived else []
        dates += [f"fine-tuning retired {retired}"] if retired else []
        yield case.loaded.source.diagnostic(
            ("model", "name"),
            code="model-retired",
            message=f"{model.name} is {' and '.join(dates)}",
            mend="choose a model that is not, such as Phi-4",
            severity=Severity.ERROR if on_azure else Severity.WARNING,
        )


def _past(day: object, case: _Case) -> str:
    """Give a date (`YYYY-MM-DD`) that has come, "" for one that is yet to come or cannot be read."""
    try:
        return str(day) if date.fromisoformat(str(day)) <= case.facts.today else ""
    except ValueError:
        return ""


def _compute_size(case: _Case) -> Iterator[Diagnostic]:
    """Check the cluster's size: known, not retired, allowed for this model, with the GPUs asked for."""
    section = case.loaded.recipe.compute
    if section is None:
        return
    yield from _size(case, ("compute", "size"), section.size)
    if case.loaded.recipe.finetune is not None:
        yield from _allowed(case, ("compute", "size"), section.size, FINETUNE_LIST)
    size = case.facts.sizes.get(section.size.lower())
    if size is not None and size.gpus != section.gpus_per_node:
        yield case.loaded.source.diagnostic(
            ("compute", "gpus_per_node"),
            code="gpus-per-node",
            message=f"{section.size} has {size.gpus:g} GPUs, not {section.gpus_per_node}",
            mend=f"set compute.gpus_per_node: {size.gpus:g}, or choose another size",
        )


def _deployment_size(case: _Case) -> Iterator[Diagnostic]:
    section = case.loaded.recipe.deployment
    if section is None:
        return
    key = ("deployment", "instance_type")
    yield from _size(case, key, section.instance_type)
    yield from _allowed(case, key, section.instance_type, INFERENCE_LIST)


def _size(case: _Case, key: tuple[str, ...], name: str) -> Iterator[Diagnostic]:
    known = catalog.vm_size(name)
    if known is not None and _past(known.retired, case):
        yield case.loaded.source.diagnostic(
            key,
            code="size-retired",
            message=f"{name} was retired on {known.retired}",
            mend="choose a current size, such as Standard_NC24ads_A100_v4",
            severity=Severity.ERROR if case.facts.target is TargetKind.AZURE else Severity.WARNING,
        )
    if name.lower() not in case.facts.sizes:
        where = "the catalog" if case.facts.offline else f"region {case.facts.location}"
        yield case.loaded.source.diagnostic(
            key,
            code="size-unknown",
            message=f"{where} has no size {name}",
            expected="a VM size that Azure ML offers",
            severity=Severity.WARNING if case.facts.offline else Severity.ERROR,
        )


def _allowed(case: _Case, key: tuple[str, ...], name: str, tag: str) -> Iterator[Diagnostic]:
    """Hold a size against the model's allow list; without one, against the K80s nothing runs on any more."""
    model = case.facts.model
    if model is None:
        return
    listed = _list_of(model, tag)
    if listed:
        if name.lower() not in {str(entry).lower() for entry in listed}:
            yield case.loaded.source.diagnostic(
                key,
                code="size-not-allowed",
                message=f"{model.name} {model.version} does not allow {name} ({tag})",
                expected=f"one of {', '.join(str(entry) for entry in listed)}",
            )
    elif name.lower() in catalog.UNSUPPORTED_SIZES:
        yield case.loaded.source.diagnostic(
            key,
            code="size-unsupported",
            message=f"{name} has K80 GPUs, which the training image does not support",
            expected="a size with V100, A100 or H100 GPUs",
        )


def _list_of(model: RegistryModel, tag: str) -> list[str]:
    """Give a model's allow list: its own tag, else the catalog's dated one where a registry has moved it."""
    known = catalog.model(model.registry, model.name)
    for tags in (model.tags, known.tags if known else {}):
        listed = parameters.parse_tag(tags.get(tag))
        if isinstance(listed, list):
            return [str(entry) for entry in listed]
    return []


def _component_found(case: _Case) -> Iterator[Diagnostic]:
    section = case.loaded.recipe.finetune
    if section is not None and case.facts.component is None:
        yield case.loaded.source.diagnostic(
            ("finetune", "component_version"),
            code="component-not-found",
            message=f"the registry has no pipeline component for {section.task} {section.component_version}",
            mend="check finetune.task and finetune.component_version",
        )


def _parameters(case: _Case) -> Iterator[Diagnostic]:
    """Hold the recipe's parameters against the component's inputs, one by one and together."""
    section, component = case.loaded.recipe.finetune, case.facts.component
    if section is None or component is None:
        return
    findings = [parameters.check(name, value, component) for name, value in section.parameters.items()]
    if case.effective is not None:
        findings += parameters.combination_findings(case.effective)
    for finding in findings:
        if finding is not None:
            yield case.loaded.source.diagnostic(
                ("finetune", "parameters", finding.name),
                code=finding.code,
                message=finding.message,
                expected=finding.expected,
                mend=finding.mend,
            )


def _dropped_defaults(case: _Case) -> Iterator[Diagnostic]:
    for name, reason in case.effective.dropped.items() if case.effective else ():
        yield case.loaded.source.diagnostic(
            ("model", "name"),
            code="default-dropped",
            message=f"the model's default for {name} is not used: {reason}",
            severity=Severity.NOTICE,
        )


def _learning_rate(case: _Case) -> Iterator[Diagnostic]:
    """Warn outside the range that the model's author gives."""
    rate = case.effective.parameters.get("learning_rate") if case.effective else None
    if rate is None or rate.origin is not Origin.RECIPE or case.facts.model is None:
        return
    defaults = parameters.model_specific_defaults(case.facts.model.tags)
    low, high = (_number(defaults, f"learning_rate_{end}") for end in ("min", "max"))
    value = float(rate.value)
    if (low is not None and value < low) or (high is not None and value > high):
        yield case.loaded.source.diagnostic(
            ("finetune", "parameters", "learning_rate"),
            code="learning-rate-range",
            message=f"{value:g} is outside the range the model's author gives",
            expected=f"{low:g} to {high:g}" if low is not None and high is not None else "",
            severity=Severity.WARNING,
        )


def _number(values: Mapping[str, object], name: str) -> float | None:
    try:
        return float(str(values[name]))
    except (KeyError, ValueError):
        return None


def _existing(case: _Case) -> Iterator[Diagnostic]:
    """Refuse what is there and does not fit, or is not ours."""
    recipe, facts = case.loaded.recipe, case.facts
    if facts.compute is not None and recipe.compute is not None:
        reason = misfit(facts.compute, recipe.compute)
        if reason:
            yield case.loaded.source.diagnostic(
                ("compute", "name"), code="compute-misfit", message=reason, mend="choose another compute.name"
            )
        yield from _nodes(case, facts.compute)
    if facts.endpoint is not None and recipe.endpoint is not None:
        yield from _endpoint_fit(case, facts.endpoint, recipe.endpoint)
    for section, state in (("endpoint", facts.endpoint), ("deployment", facts.deployment)):
        if state is not None and not naming.is_ours(recipe.name, state.tags):
            yield case.loaded.source.diagnostic(
                (section, "name"),
                code="not-ours",
                message=f"{section} {state.name} was not made by a run of this recipe",
                mend=f"choose another {section}.name",
            )


def _nodes(case: _Case, found: ComputeState) -> Iterator[Diagnostic]:
    wanted = int((case.effective and case.effective.value("num_nodes_finetune")) or 1)
    if found.max_instances and wanted > found.max_instances:
        yield case.loaded.source.diagnostic(
            ("compute", "name"),
            code="compute-too-few-nodes",
            message=f"compute {found.name} has {found.max_instances} nodes at most, not {wanted}",
            mend="choose another compute.name, or fewer num_nodes_finetune",
        )


def _endpoint_fit(case: _Case, found: EndpointState, wanted: recipes.Endpoint) -> Iterator[Diagnostic]:
    reason = ""
    if found.provisioning is Provisioning.FAILED:
        reason = f"endpoint {found.name} is in a failed state: {found.error or 'no reason given'}"
    elif found.auth_mode and found.auth_mode.lower() != wanted.auth_mode.lower():
        reason = f"endpoint {found.name} has auth_mode {found.auth_mode}, which cannot be changed"
    else:
        reason = identity_misfit(found, wanted)
    if reason:
        yield case.loaded.source.diagnostic(
            ("endpoint", "name"),
            code="endpoint-misfit",
            message=reason,
            mend="delete it, or choose another name",
        )


def _validation_split(case: _Case) -> Iterator[Diagnostic]:
    """Tell that the component takes validation rows from the training rows if it is given none."""
    section = case.loaded.recipe.dataset
    if section is not None and section.validation is None and case.loaded.recipe.finetune is not None:
        yield case.loaded.source.diagnostic(
            ("dataset",),
            code="validation-from-train",
            message="without dataset.validation the component takes 20% of the training rows for validation",
            severity=Severity.NOTICE,
        )


def _sample_rows(case: _Case) -> Iterator[Diagnostic]:
    recipe = case.loaded.recipe
    if recipe.sample is not None and recipe.dataset is not None and recipe.dataset.azureml:
        yield case.loaded.source.diagnostic(
            ("sample",),
            code="sample-needs-rows",
            message="rows of a data asset that lies in the workspace are not downloaded for sampling",
            mend="leave sample out, or name the source by dataset.path or dataset.huggingface",
        )


_CHECKS: tuple[Callable[[_Case], Iterator[Diagnostic]], ...] = (
    _model,
    _compute_size,
    _deployment_size,
    _component_found,
    _parameters,
    _dropped_defaults,
    _learning_rate,
    _existing,
    _validation_split,
    _sample_rows,
)
