"""The VM sizes a model may be trained or served on, and on which of them the training fits; pure.

A model's own allow list counts; where its registry has moved that out of the tags, the catalog's dated one
does.
"""

from collections.abc import Sequence

from runner import catalog, fit, parameters
from runner.catalog import Architecture, RegistryModel, VmSize
from runner.facts import Facts, TargetKind
from runner.fit import Candidate, Setup
from runner.parameters import Effective

FINETUNE_LIST = "finetune_compute_allow_list"
INFERENCE_LIST = "inference_compute_allow_list"


def allow_list(model: RegistryModel, tag: str) -> tuple[Sequence[str], bool]:
    """Give a model's allow list, and whether it is the catalog's; empty where nothing is known of one."""
    known = catalog.model(model.registry, model.name)
    for tags, from_catalog in ((model.tags, False), (known.tags if known else {}, True)):
        listed = parameters.parse_tag(tags.get(tag))
        if isinstance(listed, list):
            return [str(entry) for entry in listed], from_catalog
    return [], False


def architecture(facts: Facts) -> Architecture | None:
    """Give the shape of the model that is trained, None where the catalog does not have it."""
    return catalog.architecture(facts.model.name) if facts.model else None


def longest_input(facts: Facts) -> int | None:
    """Give the longest input in tokens, where the catalog has it; the emulator may train another model."""
    shape = architecture(facts) if facts.target is TargetKind.AZURE else None
    return shape.context_window if shape else None


def candidates(facts: Facts, effective: Effective | None) -> tuple[Candidate, ...]:
    """Rank the sizes that the model may be trained on, smallest first, each with what a GPU would need.

    Retired sizes and those that the region does not have are left out; empty where the memory cannot be told.
    """
    shape = architecture(facts)
    if shape is None or effective is None or facts.model is None:
        return ()
    names = [name.lower() for name in allow_list(facts.model, FINETUNE_LIST)[0]]
    sizes = [size for size in _current(facts) if not names or size.name.lower() in names]
    return fit.fitting(shape, lambda gpus: _setup(effective, shape, gpus), sizes)


def of_size(facts: Facts, effective: Effective | None, name: str) -> Candidate | None:
    """Give what a GPU of this size would need, None where that cannot be told."""
    shape, size = architecture(facts), facts.sizes.get(name.lower())
    if shape is None or effective is None or size is None:
        return None
    found = fit.fitting(shape, lambda gpus: _setup(effective, shape, gpus), [size])
    return found[0] if found else None


def card_bytes(facts: Facts, name: str) -> int | None:
    """Give the memory of all GPUs of a size together, None where it is not known."""
    size, known = facts.sizes.get(name.lower()), catalog.vm_size(name)
    gigabytes = (size and size.gpu_memory_gb) or (known and known.gpu_memory_gb)
    if size is None or not gigabytes:
        return None
    return int(max(1, int(size.gpus)) * gigabytes * fit.GIGABYTE)


def _setup(effective: Effective, shape: Architecture, gpus: int) -> Setup | None:
    return fit.setup_of(effective, shape, gpus_per_node=gpus)


def _current(facts: Facts) -> list[VmSize]:
    return [
        size for size in facts.sizes.values() if not (catalog.vm_size(size.name) or size).is_gone(facts.today)
    ]
