"""What is left to do of a plan, as the journal tells it."""

from collections.abc import Sequence
from graphlib import TopologicalSorter

from runner.manifest import Manifest, StepStatus
from runner.steps.step import Change


def remaining(manifest: Manifest, changes: Sequence[Change]) -> frozenset[str]:
    """Give the steps that have not succeeded.

    What was made, used and taken back again is not made anew: a cluster has done its part once its job has.
    """
    left: set[str] = set()
    for change in reversed(_in_order(changes)):
        users = {each.step for each in changes if change.step in each.needs}
        record = manifest.steps.get(change.step)
        status = record.status if record else None
        used_up = status is StepStatus.DELETED and bool(users) and not users & left
        if status is not StepStatus.SUCCEEDED and not used_up:
            left.add(change.step)
    return frozenset(left)


def _in_order(changes: Sequence[Change]) -> list[Change]:
    by_name = {change.step: change for change in changes}
    return [by_name[name] for name in TopologicalSorter({c.step: c.needs for c in changes}).static_order()]
