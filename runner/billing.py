"""What a run has left alive costs an hour, by dated prices: known, nothing by itself, or not known.

Azure ML bills an online endpoint by the instances of its deployments, and a cluster by the nodes that are up
(https://learn.microsoft.com/azure/machine-learning/concept-plan-manage-cost, 2026-07).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from runner.cost import Prices, UnitPrice
from runner.journal import Json
from runner.manifest import Manifest, Resource
from runner.recipe import Tier


class Basis(StrEnum):
    """What an hour's price is of."""

    ALL = "all of it"
    EACH_NODE = "each node that is up"
    NOTHING = "nothing by itself"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hourly:
    """What one resource costs an hour; without a `price`, `basis` tells whether that is none or not known."""

    kind: str
    name: str
    basis: Basis
    amount: Decimal | None = None
    price: UnitPrice | None = None

    @property
    def currency(self) -> str:
        """Give the currency of the price, "" without one."""
        return self.price.currency if self.price else ""


def of_nodes(kind: str, name: str, price: UnitPrice | None, nodes: int) -> Hourly:
    """Price a resource by its nodes; a cluster's come and go, so it has the price of one."""
    if price is None:
        return Hourly(kind=kind, name=name, basis=Basis.UNKNOWN)
    if kind == "compute":
        return Hourly(kind=kind, name=name, basis=Basis.EACH_NODE, amount=price.amount, price=price)
    return Hourly(kind=kind, name=name, basis=Basis.ALL, amount=price.amount * nodes, price=price)


def hourly(said: Manifest, prices: Prices) -> tuple[Hourly, ...]:
    """Price everything that a run lists as alive, in its order."""
    return tuple(_priced(said, resource, prices) for resource in said.alive)


def together(found: Iterable[Hourly]) -> Decimal | None:
    """Add up what is billed as long as it is there; None where nothing is, or a price is missing."""
    fixed = [each for each in found if each.basis in {Basis.ALL, Basis.UNKNOWN}]
    amounts = [each.amount for each in fixed if each.amount is not None]
    return sum(amounts, Decimal(0)) if amounts and len(amounts) == len(fixed) else None


def as_json(found: Iterable[Hourly]) -> list[Json]:
    """Give the prices as values; amounts as text."""
    return [
        {
            "kind": each.kind,
            "name": each.name,
            "basis": each.basis.value,
            "amount": None if each.amount is None else str(each.amount),
            "currency": each.currency or None,
        }
        for each in found
    ]


def _priced(said: Manifest, resource: Resource, prices: Prices) -> Hourly:
    if resource.kind == "endpoint":
        return Hourly(kind=resource.kind, name=resource.name, basis=Basis.NOTHING)
    step = said.steps.get("deployment" if resource.kind == "deployment" else "compute")
    price = _price(step.intent, prices) if step else None
    return of_nodes(resource.kind, resource.name, price, _nodes(said, resource))


def _price(intent: Mapping[str, Json], prices: Prices) -> UnitPrice | None:
    """Look up the size that a cluster's or a deployment's intent names."""
    size = intent.get("instance_type") or intent.get("size")
    tier = Tier.LOW_PRIORITY if intent.get("tier") == Tier.LOW_PRIORITY.value else Tier.DEDICATED
    return prices.of(str(size), tier) if size else None


def _nodes(said: Manifest, resource: Resource) -> int:
    if resource.kind == "deployment":
        return int(said.steps["deployment"].intent.get("instance_count") or 1)
    counts = [each["value"] for each in said.parameters if each["name"] == "num_nodes_finetune"]
    return int(counts[0]) if counts and counts[0] else 1
