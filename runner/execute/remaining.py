"""What is left to do of a plan, as the journal tells it."""

from collections.abc import Sequence
from graphlib import TopologicalSorter

from runner.manifest import Manifest, StepStatus
from runner.steps import STEPS
from runner.steps.step import Change


def remaining(manifest: Manifest, changes: Sequence[Change]) -> frozenset[str]:
    """Give the steps that have not succeeded, and those whose resources were to go and may have.

    What was made, used and taken back again is not made anew: a cluster has done its part once its job has.
    """
    going = _going(manifest)
    left: set[str] = set()
    for change in reversed(_in_order(changes)):
        users = {each.step for each in changes if change.step in each.needs}
        record = manifest.steps.get(change.step)
        status = record.status if record else None
        done = status is StepStatus.SUCCEEDED
        taken_back = status is StepStatus.DELETED or (done and change.step in going)
        used_up = taken_back and bool(users) and not users & left
        if (taken_back or not done) and not used_up:
            left.add(change.step)
    return frozenset(left)


def _going(manifest: Manifest) -> frozenset[str]:
    """Give the steps whose resources were asked to go, and those that go along."""
    asked = {each.step for each in manifest.alive if each.deletion}
    return frozenset(asked | {name for step in asked for name in STEPS[step].traits.takes_along})


def _in_order(changes: Sequence[Change]) -> list[Change]:
    by_name = {change.step: change for change in changes}
    return [by_name[name] for name in TopologicalSorter({c.step: c.needs for c in changes}).static_order()]
