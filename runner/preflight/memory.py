"""Whether the training fits into a GPU's memory and its machine's, by an estimate; else which size has it."""

from collections.abc import Iterator

from runner import fit, sizing
from runner.errors import Diagnostic, Severity
from runner.fit import Candidate
from runner.preflight.case import Case

_KEY = ("compute", "size")
_GIGA = fit.GIGABYTE


def fits(case: Case) -> Iterator[Diagnostic]:
    """Refuse what is certainly too large, warn of what is nearly so, tell how long rows may be."""
    section = case.loaded.recipe.compute
    chosen = sizing.of_size(case.facts, case.effective, section.size) if section else None
    if chosen is None or chosen.fits_gpu:
        return
    asked = int((case.effective and case.effective.value("max_seq_length")) or -1)
    if asked > 0 or not _longest(case, chosen):
        yield _too_large(case, chosen)
    else:
        yield _only_short_rows(case, chosen)


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
    section, shape = case.loaded.recipe.deployment, sizing.architecture(case.facts)
    available = sizing.card_bytes(case.facts, section.instance_type) if section else None
    if section is None or shape is None or available is None:
        return
    needed = fit.serving(shape, sequence_length=1).total
    if needed > available:
        yield case.loaded.source.diagnostic(
            ("deployment", "instance_type"),
            code="memory-too-small",
            message=f"the weights take about {needed / _GIGA:.0f} GB; the GPUs of {section.instance_type}"
            f" have {available / _GIGA:.0f} GB",
            mend="choose a larger size",
            severity=case.gentle,
        )


def _too_large(case: Case, chosen: Candidate) -> Diagnostic:
    certain = chosen.share > 1
    return case.loaded.source.diagnostic(
        _KEY,
        code="memory-too-small",
        message=f"the training needs about {chosen.memory.total / _GIGA:.0f} GB on each GPU;"
        f" {chosen.size.name} has {chosen.available / _GIGA:.0f} GB",
        expected=_better(case),
        mend="or lower per_device_train_batch_size or max_seq_length",
        severity=case.gentle if certain else Severity.WARNING,
    )


def _better(case: Case) -> str:
    """Name the smallest size that the model may be trained on and that it fits."""
    fitting = [each for each in sizing.candidates(case.facts, case.effective) if each.fits]
    if not fitting:
        return "it fits on none of the sizes that the model may be trained on"
    size = fitting[0].size
    return f"the smallest allowed size it fits on is {size.name} ({size.gpus:g} GPUs)"


def _only_short_rows(case: Case, chosen: Candidate) -> Diagnostic:
    """Tell of a length that nobody set: it is a bound only, as long as the rows are shorter."""
    return case.loaded.source.diagnostic(
        _KEY,
        code="memory-long-rows",
        message=f"rows of more than about {_longest(case, chosen)} tokens do not fit into the"
        f" {chosen.available / _GIGA:.0f} GB of a GPU of {chosen.size.name}; the model takes"
        f" {chosen.setup.sequence_length}",
        mend="set finetune.parameters.max_seq_length to cut them",
        severity=Severity.NOTICE,
    )


def _longest(case: Case, chosen: Candidate) -> int:
    shape = sizing.architecture(case.facts)
    return chosen.longest_sequence(shape) if shape else 0
