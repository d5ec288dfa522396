"""The cluster's bill, as far as the recipe decides it: nodes that never rest, and nodes that may be lost."""

from collections.abc import Iterator

from runner.errors import Diagnostic, Severity
from runner.preflight.case import Case
from runner.recipe import Tier


def idle_nodes(case: Case) -> Iterator[Diagnostic]:
    """Warn of nodes that never go away."""
    section = case.loaded.recipe.compute
    if section is not None and section.min_instances > 0:
        yield case.loaded.source.diagnostic(
            ("compute", "min_instances"),
            code="bills-around-the-clock",
            message=f"{section.min_instances} x {section.size} stay up and are billed around the clock",
            mend="set compute.min_instances: 0, and nodes come when a job does",
            severity=Severity.WARNING,
        )


def low_priority(case: Case) -> Iterator[Diagnostic]:
    """Tell what the lower price means: how long a training takes is not known before it ran."""
    section = case.loaded.recipe.compute
    if section is not None and section.tier is Tier.LOW_PRIORITY:
        yield case.loaded.source.diagnostic(
            ("compute", "tier"),
            code="low-priority",
            message="Azure may take a low-priority node away in the middle of the training",
            expected="a job ends there after 7 days at most, on dedicated nodes after 21",
            severity=Severity.NOTICE,
        )
