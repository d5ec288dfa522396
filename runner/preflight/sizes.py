"""The sizes to train and to serve on: known, current, allowed for this model, with the GPUs asked for."""

from collections.abc import Iterator

from runner import catalog, parameters
from runner.catalog import RegistryModel
from runner.errors import Diagnostic, Severity
from runner.preflight.case import Case

FINETUNE_LIST = "finetune_compute_allow_list"
INFERENCE_LIST = "inference_compute_allow_list"


def compute(case: Case) -> Iterator[Diagnostic]:
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


def deployment(case: Case) -> Iterator[Diagnostic]:
    """Check the size to serve on as far as it applies there."""
    section = case.loaded.recipe.deployment
    if section is None:
        return
    key = ("deployment", "instance_type")
    yield from _size(case, key, section.instance_type)
    yield from _allowed(case, key, section.instance_type, INFERENCE_LIST)


def _size(case: Case, key: tuple[str, ...], name: str) -> Iterator[Diagnostic]:
    known = catalog.vm_size(name)
    if known is not None and case.past(known.retired):
        yield case.loaded.source.diagnostic(
            key,
            code="size-retired",
            message=f"{name} was retired on {known.retired}",
            mend="choose a current size, such as Standard_NC24ads_A100_v4",
            severity=Severity.ERROR if case.on_azure else Severity.WARNING,
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


def _allowed(case: Case, key: tuple[str, ...], name: str, tag: str) -> Iterator[Diagnostic]:
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
