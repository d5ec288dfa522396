"""`runner gc [RECIPE]`: what is alive under our tags in a workspace and in no run here."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runner import billing, collect, opening, orphans, recipe_argument, target
from runner.billing import Basis, Hourly
from runner.cost import Prices, built_in_prices, read_prices
from runner.errors import ExitCode, StillBilling, UsageError
from runner.facts import Resource, ResourceKind, Target, TargetKind
from runner.load import Loaded
from runner.orphans import Finding, Key, Standing
from runner.recipe import Tier
from runner.session import RUNS_FOLDER, RUNS_FOLDER_HELP, Session

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

_REGISTRY = "azureml"


def arguments(parser: ArgumentParser) -> None:
    """Declare the workspace, where the runs lie, and what is to be deleted."""
    recipe_argument.declare(parser, required=False)
    parser.add_argument("--target", choices=[each.value for each in TargetKind])
    parser.add_argument("--runs-dir", type=Path, default=RUNS_FOLDER, help=RUNS_FOLDER_HELP)
    parser.add_argument("--state", type=Path, help="the emulator's folder")
    parser.add_argument("--run", metavar="RUN", default="", help="only what runs made whose id begins so")
    parser.add_argument("--delete", action="store_true", help="delete what is in no run here")
    parser.add_argument(
        "--expired", action="store_true", help="with --delete: also endpoints past their endpoint_ttl"
    )
    parser.add_argument("--prices", type=Path, metavar="FILE", help="prices of your own")


def main(options: Namespace, session: Session) -> ExitCode:
    """List it; delete only if that was asked for, and say what is not proven gone."""
    loaded = recipe_argument.read(options) if options.recipe else None
    prices = read_prices(options.prices) if options.prices else None
    kind = _kind(options, loaded)
    with opening.reached(session, kind, session.emulator_state(options.state)):
        chosen = opening.where(session, loaded, kind) if loaded else target.emulators_own(session.environment)
        cloud = opening.connected(session, chosen, loaded.recipe.model.registry if loaded else _REGISTRY)
        seen = _seen(options, session, cloud, chosen)
        costs = {each.key: _hourly(cloud, each.resource, prices) for each in seen}
        outcome = _collected(session, cloud, _to_go(options, seen)) if options.delete else {}
    session.console.collected(chosen, seen, costs, outcome if options.delete else None)
    left = [f"{kind} {name}" for (kind, _endpoint, name), reason in outcome.items() if reason]
    if left:
        raise StillBilling(f"not proven gone: {', '.join(left)}", hint="the same command tries again")
    return ExitCode.DONE


def _kind(options: Namespace, loaded: Loaded | None) -> TargetKind:
    if loaded:
        return target.choose(loaded.recipe, options.target)
    if options.target == TargetKind.AZURE.value:
        raise UsageError("which workspace of Azure is meant is not said", hint="runner gc RECIPE")
    return TargetKind.EMULATOR


def _seen(options: Namespace, session: Session, cloud: "Cloud", chosen: Target) -> tuple[Finding, ...]:
    # The runs are read after the list: what a run has made meanwhile is then known.
    listed = collect.found(cloud)
    known = orphans.at_hand(options.runs_dir, chosen)
    return orphans.findings(listed, known, session.clock.now(), options.run)


def _to_go(options: Namespace, seen: tuple[Finding, ...]) -> list[Finding]:
    """Choose what may be deleted; what a run here lists only once it is over time, and asked for."""
    return [
        each
        for each in seen
        if not each.why_kept and (each.standing is Standing.ORPHAN or (each.expired and options.expired))
    ]


def _collected(session: Session, cloud: "Cloud", to_go: list[Finding]) -> Mapping[Key, str]:
    with session.console.deleting() as observer:
        return collect.Collector(cloud=cloud, observer=observer, clock=session.clock).collect(to_go)


def _hourly(cloud: "Cloud", each: Resource, prices: Prices | None) -> Hourly | None:
    """Price it, where anything costs money at all."""
    if cloud.target.kind is TargetKind.EMULATOR:
        return None
    if each.kind is ResourceKind.ENDPOINT:
        return Hourly(kind=each.kind.value, name=each.name, basis=Basis.NOTHING)
    price = (prices or built_in_prices()).of(each.instance_type, _tier(cloud, each))
    return billing.of_nodes(each.kind.value, each.name, price, max(1, each.instance_count))


def _tier(cloud: "Cloud", each: Resource) -> Tier:
    """Ask how a cluster's nodes are bought: a list does not say."""
    state = cloud.computes.get(each.name) if each.kind is ResourceKind.COMPUTE else None
    return Tier.LOW_PRIORITY if state and "low" in state.tier.lower() else Tier.DEDICATED
