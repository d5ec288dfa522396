"""Whether the training fits into a GPU's memory and its machine's, by an estimate; else which size has it."""

import math
from collections.abc import Iterator
from dataclasses import replace

from runner import fit, sizing
from runner.errors import Diagnostic, Severity
from runner.fit import Candidate
from runner.parameters import Origin
from runner.preflight.case import Case

_KEY = ("compute", "size")
_GIGA = fit.GIGABYTE


def fits(case: Case) -> Iterator[Diagnostic]:
    """Refuse what is certainly too large, warn of what is nearly so, tell how long rows may be."""
    section, shape = case.loaded.recipe.compute, sizing.architecture(case.facts)
    chosen = sizing.of_size(case.facts, case.effective, section.size) if section else None
    if chosen is None or shape is None or chosen.fits_gpu:
        return
    if _asks_for_length(case):
        yield _too_large(case, chosen, chosen.memory.total)
        return
    longest = chosen.longest_sequence(shape)
    if longest:
        yield _only_short_rows(case, chosen, longest)
    else:
        yield _too_large(case, chosen, fit.estimate(shape, replace(chosen.setup, sequence_length=1)).total)


def _asks_for_length(case: Case) -> bool:
    """Tell whether rows will be as long as is reckoned; a default length only cuts those that are longer."""
    length = case.effective.parameters.get("max_seq_length") if case.effective else None
    padded = case.effective is not None and case.effective.value("pad_to_max_length") is True
    return length is not None and int(length.value) > 0 and (padded or length.origin is Origin.RECIPE)


def host(case: Case) -> Iterator[Diagnostic]:
    """Refuse what DeepSpeed certainly cannot keep in the machine's memory, warn of what is nearly so."""
    section = case.loaded.recipe.compute
    chosen = sizing.of_size(case.facts, case.effective, section.size) if section else None
    if chosen is None or chosen.machine is None or chosen.fits_machine:
        return
    lighter = "" if chosen.setup.lora_rank else ", or apply_lora"
    yield case.loaded.source.diagnostic(
        _KEY,
        code="memory-too-small",
        message=f"the training keeps about {chosen.host.total / _GIGA:.0f} GB in the memory of the machine;"
        f" {chosen.size.name} has {chosen.machine / _GIGA:.0f} GB",
        expected=_better(case),
        mend=f"or use more nodes (num_nodes_finetune){lighter}",
        severity=case.gentle if chosen.host.total > chosen.machine else Severity.WARNING,
    )


def serves(case: Case) -> Iterator[Diagnostic]:
    """Refuse to serve where not even the weights have room, over all GPUs of the machine."""
    shape = sizing.architecture(case.facts)
    if shape is None:
        return
    needed = fit.serving(shape, sequence_length=1).total
    for name, section in case.deployments.items():
        available = sizing.card_bytes(case.facts, section.instance_type)
        if available is not None and needed > available:
            yield case.loaded.source.diagnostic(
                (name, "instance_type"),
                code="memory-too-small",
                message=f"the weights take about {needed / _GIGA:.0f} GB; the GPUs of {section.instance_type}"
                f" have {available / _GIGA:.0f} GB",
                mend="choose a larger size",
                severity=case.gentle,
            )


def _too_large(case: Case, chosen: Candidate, needed: int) -> Diagnostic:
    return case.loaded.source.diagnostic(
        _KEY,
        code="memory-too-small",
        message=f"the training needs about {needed / _GIGA:.0f} GB on each GPU;"
        f" {chosen.size.name} has {chosen.available / _GIGA:.0f} GB",
        expected=_better(case),
        mend=_cure(chosen),
        severity=case.gentle if needed > chosen.available else Severity.WARNING,
    )


def _cure(chosen: Candidate) -> str:
    """Name the parameters that would help most, of those that are not as low as they go."""
    setup = chosen.setup
    cures = ["set apply_lora: true"] if setup.lora_rank is None else []
    cures += ["set apply_deepspeed: true"] if setup.stage is None else []
    cures += ["lower per_device_train_batch_size"] if setup.batch_size > 1 else []
    return " or ".join([*cures, "lower max_seq_length"])


def _better(case: Case) -> str:
    """Name the smallest size that the model may be trained on and that it fits."""
    fitting = [each for each in sizing.candidates(case.facts, case.effective) if each.fits]
    if not fitting:
        return "it fits on none of the sizes that the model may be trained on"
    size = fitting[0].size
    return f"the smallest allowed size it fits on is {size.name} with gpus_per_node: {math.ceil(size.gpus)}"


def _only_short_rows(case: Case, chosen: Candidate, longest: int) -> Diagnostic:
    """Tell of a length that nobody set: it is a bound only, as long as the rows are shorter."""
    return case.loaded.source.diagnostic(
        _KEY,
        code="memory-long-rows",
        message=f"rows of more than about {longest} tokens do not fit into the"
        f" {chosen.available / _GIGA:.0f} GB of a GPU of {chosen.size.name}; the model takes"
        f" {chosen.setup.sequence_length}",
        mend="set finetune.parameters.max_seq_length to cut them, or see that no row is as long",
        severity=Severity.WARNING,
    )
