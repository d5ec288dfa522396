"""Recipe and Facts to Diagnostics: everything the target would refuse, or waste money on, before it costs.

The one place for allow lists, GPU counts, quota, and what exists but does not fit. Pure. A check is a
function that takes a Case and yields Diagnostics; its file says what it is about, and a line below says that
it is run.
"""

from collections.abc import Callable, Iterator

from runner.errors import Diagnostic
from runner.facts import Facts
from runner.load import Loaded
from runner.parameters import Effective
from runner.preflight import billing, data, existing, memory, model, parameters, quota, sizes
from runner.preflight.case import Case
from runner.preflight.merging import merge

__all__ = ["check", "merge"]

_CHECKS: tuple[Callable[[Case], Iterator[Diagnostic]], ...] = (
    model.found,
    sizes.compute,
    sizes.deployment,
    memory.fits,
    memory.host,
    memory.serves,
    billing.idle_nodes,
    billing.low_priority,
    parameters.component,
    parameters.accepted,
    parameters.dropped_defaults,
    parameters.overridden_defaults,
    parameters.learning_rate,
    parameters.nodes,
    parameters.few_bits,
    existing.resources,
    quota.cores,
    data.files,
    data.validation_split,
    data.too_few_rows,
)


def check(loaded: Loaded, facts: Facts, effective: Effective | None) -> tuple[Diagnostic, ...]:
    """Run every check and give all findings in the order of the files."""
    case = Case(loaded, facts, effective)
    found = [diagnostic for each in _CHECKS for diagnostic in each(case)]
    return loaded.source.in_order(found)
