"""What is there already: refused where it does not fit, or is not ours."""

from collections.abc import Iterator

from runner import naming
from runner import recipe as recipes
from runner.errors import Diagnostic
from runner.facts import ComputeState, EndpointState, Provisioning
from runner.preflight.case import Case
from runner.steps.compute import misfit
from runner.steps.endpoint import identity_misfit


def resources(case: Case) -> Iterator[Diagnostic]:
    """Refuse what is there and does not fit, or is not ours."""
    recipe, facts = case.loaded.recipe, case.facts
    if facts.compute is not None and recipe.compute is not None:
        reason = misfit(facts.compute, recipe.compute)
        if reason:
            yield case.loaded.source.diagnostic(
                ("compute", "name"), code="compute-misfit", message=reason, mend="choose another compute.name"
            )
        yield from _nodes(case, facts.compute)
    if facts.endpoint is not None and recipe.endpoint is not None:
        yield from _endpoint_fit(case, facts.endpoint, recipe.endpoint)
    states = {"endpoint": facts.endpoint, "baseline": facts.baseline, "deployment": facts.deployment}
    for section, state in states.items():
        if state is not None and not naming.is_ours(recipe.name, state.tags):
            yield case.loaded.source.diagnostic(
                (section, "name"),
                code="not-ours",
                message=f"{section} {state.name} was not made by a run of this recipe",
                mend=f"choose another {section}.name",
            )


def _nodes(case: Case, found: ComputeState) -> Iterator[Diagnostic]:
    if found.max_instances and case.nodes > found.max_instances:
        yield case.loaded.source.diagnostic(
            ("compute", "name"),
            code="compute-too-few-nodes",
            message=f"compute {found.name} has {found.max_instances} nodes at most, not {case.nodes}",
            mend="choose another compute.name, or fewer num_nodes_finetune",
        )


def _endpoint_fit(case: Case, found: EndpointState, wanted: recipes.Endpoint) -> Iterator[Diagnostic]:
    reason = ""
    if found.provisioning is Provisioning.FAILED:
        reason = f"endpoint {found.name} is in a failed state: {found.error or 'no reason given'}"
    elif found.auth_mode and found.auth_mode.lower() != wanted.auth_mode.lower():
        reason = f"endpoint {found.name} has auth_mode {found.auth_mode}, which cannot be changed"
    else:
        reason = identity_misfit(found, wanted)
    if reason:
        yield case.loaded.source.diagnostic(
            ("endpoint", "name"),
            code="endpoint-misfit",
            message=reason,
            mend="delete it, or choose another name",
        )
