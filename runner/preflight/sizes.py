"""The sizes to train and to serve on: known, current, allowed for this model, with the GPUs asked for."""

import difflib
import math
from collections.abc import Iterator

from runner import catalog
from runner.catalog import RegistryModel
from runner.errors import Diagnostic, Severity
from runner.preflight.case import Case
from runner.recipe import Tier
from runner.sizing import FINETUNE_LIST, INFERENCE_LIST, allow_list


def compute(case: Case) -> Iterator[Diagnostic]:
    """Check the cluster's size: known, not retired, allowed for this model, with the GPUs asked for."""
    section = case.loaded.recipe.compute
    if section is None:
        return
    yield from _size(case, ("compute", "size"), section.size)
    if case.loaded.recipe.finetune is not None:
        yield from _allowed(case, ("compute", "size"), section.size, FINETUNE_LIST)
        yield from _large_enough(case, ("compute", "size"), section.size, "finetune-min-sku-spec")
    size = case.facts.sizes.get(section.size.lower())
    # A part of a card is one GPU to those who train on it.
    gpus = math.ceil(size.gpus) if size else section.gpus_per_node
    if size is not None and gpus != section.gpus_per_node:
        yield case.loaded.source.diagnostic(
            ("compute", "gpus_per_node"),
            code="gpus-per-node",
            message=f"{section.size} has {gpus} GPUs, not {section.gpus_per_node}",
            mend=f"set compute.gpus_per_node: {gpus}, or choose another size"
            if gpus
            else "choose another size",
        )
    if size is not None and size.low_priority is False and section.tier is Tier.LOW_PRIORITY:
        yield case.loaded.source.diagnostic(
            ("compute", "tier"),
            code="size-not-low-priority",
            message=f"{section.size} is not to be had at low priority",
            mend="set compute.tier: dedicated, or choose another size",
        )


def deployment(case: Case) -> Iterator[Diagnostic]:
    """Check the sizes to serve on: as far as that goes as the cluster's, and offered for endpoints."""
    for name, section in case.deployments.items():
        yield from _serving(case, (name, "instance_type"), section.instance_type)


def _serving(case: Case, key: tuple[str, ...], name: str) -> Iterator[Diagnostic]:
    yield from _size(case, key, name)
    yield from _allowed(case, key, name, INFERENCE_LIST)
    yield from _large_enough(case, key, name, "inference-min-sku-spec")
    known = catalog.vm_size(name)
    if known is not None and known.managed_online_endpoint is False:
        yield case.loaded.source.diagnostic(
            key,
            code="size-not-for-endpoints",
            message=f"managed online endpoints do not offer {name} (Azure's list as of {_as_of('vm_sizes')})",
            mend="choose a size that they do, such as Standard_NC24ads_A100_v4",
        )


def _size(case: Case, key: tuple[str, ...], name: str) -> Iterator[Diagnostic]:
    known = catalog.vm_size(name)
    day = (known.retired or known.retires) if known else None
    if case.past(day) or case.soon(day):
        gone = case.past(day)
        yield case.loaded.source.diagnostic(
            key,
            code="size-retired" if gone else "size-retires",
            message=f"{name} was retired on {gone}" if gone else f"{name} retires on {day}",
            mend="choose a current size, such as Standard_NC24ads_A100_v4",
            severity=case.gentle if gone else Severity.WARNING,
        )
    if name.lower() not in case.facts.sizes:
        where = "the catalog" if case.facts.offline else f"region {case.facts.location}"
        yield case.loaded.source.diagnostic(
            key,
            code="size-unknown",
            message=f"{where} has no size {name}",
            expected="a VM size that Azure ML offers",
            mend=_meant(case, name),
            severity=Severity.WARNING if case.facts.offline else Severity.ERROR,
        )


def _meant(case: Case, name: str) -> str:
    known = {each: size.name for each, size in case.facts.sizes.items()}
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return f"did you mean {known[close[0]]}?" if close else ""


def _allowed(case: Case, key: tuple[str, ...], name: str, tag: str) -> Iterator[Diagnostic]:
    """Hold a size against the model's allow list; without one, against the K80s nothing runs on any more."""
    model = case.facts.model
    if model is None:
        return
    listed, from_catalog = allow_list(model, tag)
    if listed and from_catalog and not case.facts.offline:
        yield _stands_in(case, key, model, tag)
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


def _stands_in(case: Case, key: tuple[str, ...], model: RegistryModel, tag: str) -> Diagnostic:
    return case.loaded.source.diagnostic(
        key,
        code="allow-list-from-catalog",
        message=f"the registry tells no {tag} of {model.name}; the catalog's stands in",
        expected=f"it was true on {_as_of('models')}",
        severity=Severity.NOTICE,
    )


def _as_of(part: str) -> str:
    return catalog.as_of()[part]


def _large_enough(case: Case, key: tuple[str, ...], name: str, figures: str) -> Iterator[Diagnostic]:
    """Hold a size's figures against the least that the model asks for; what is not known passes."""
    model, size = case.facts.model, case.facts.sizes.get(name.lower())
    least = _least(model.properties.get(figures)) if model else ()
    if size is None or not least:
        return
    given = (size.vcpus or None, size.gpus, size.memory_gb, size.disk_gb)
    few = [
        f"{has:g} {unit} of {needed:g}"
        for has, needed, unit in zip(given, least, _UNITS, strict=True)
        if has is not None and has < needed
    ]
    if few:
        yield case.loaded.source.diagnostic(
            key,
            code="size-too-small",
            message=f"{name} has {', '.join(few)} that the model asks for ({figures})",
            expected=f"at least {_listed(least)}",
        )


_UNITS = ("cores", "GPUs", "GB of memory", "GB of disk")


def _listed(least: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g} {unit}" for value, unit in zip(least, _UNITS, strict=True))


def _least(text: object) -> tuple[float, ...]:
    """Read `cores|GPUs|GB of memory|GB of disk`; nothing where it is anything else."""
    try:
        least = tuple(float(part) for part in str(text).split("|"))
    except ValueError:
        return ()
    return least if len(least) == len(_UNITS) else ()
