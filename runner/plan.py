"""Recipe and Facts to Plan: which steps, in which order, each with its action and the reason; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter

from runner import sizing
from runner.cost import Estimate, Prices
from runner.errors import Diagnostic
from runner.facts import Facts, TargetKind
from runner.fit import Candidate
from runner.parameters import Effective
from runner.recipe import STEP_SECTIONS, Recipe, Tier, given
from runner.steps import STEPS
from runner.steps.step import Change


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a run would do. `diagnostics` are the warnings and notices that did not refuse it.

    `chosen` is what a GPU of the recipe's size needs, `candidates` are the sizes that the model may be
    trained on, each bought by `tier`; `cost` is told where something is billed, by `prices`.
    """

    changes: tuple[Change, ...]
    effective: Effective | None
    diagnostics: tuple[Diagnostic, ...]
    chosen: Candidate | None = None
    candidates: tuple[Candidate, ...] = ()
    tier: Tier = Tier.DEDICATED
    cost: Estimate | None = None
    prices: Prices | None = None


def plan(
    recipe: Recipe, facts: Facts, effective: Effective | None, diagnostics: tuple[Diagnostic, ...] = ()
) -> Plan:
    """Plan the steps that the recipe has sections for."""
    # The emulator trains a small model in the place of any other, on this machine.
    billed = facts.target is TargetKind.AZURE and recipe.compute is not None
    return Plan(
        changes=changes(recipe, facts),
        effective=effective,
        diagnostics=diagnostics,
        chosen=sizing.of_size(facts, effective, given(recipe.compute).size) if billed else None,
        candidates=sizing.candidates(facts, effective) if billed else (),
        tier=recipe.compute.tier if recipe.compute else Tier.DEDICATED,
    )


def changes(recipe: Recipe, facts: Facts) -> tuple[Change, ...]:
    """Say what each step of this recipe will do, in an order in which that can be done."""
    needs = graph(recipe)
    order = TopologicalSorter(needs).static_order()
    return tuple(replace(STEPS[name].plan(recipe, facts), needs=needs[name]) for name in order)


def graph(recipe: Recipe) -> Mapping[str, tuple[str, ...]]:
    """Give the steps of this recipe and what each one waits for, in the order of the recipe's sections."""
    present = [name for name in STEP_SECTIONS if getattr(recipe, name) is not None]
    return {name: tuple(need for need in STEPS[name].traits.needs if need in present) for name in present}
