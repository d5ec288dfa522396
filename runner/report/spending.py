"""What a run has spent, by the times of its steps and dated prices; what is not known is not guessed."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from runner.cost import Prices, UnitPrice
from runner.manifest import Manifest, StepRecord
from runner.recipe import Tier
from runner.report.wording import NOT_KNOWN, moment, money

_HOUR = 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """One thing that was paid for; `amount` is None where its price or its hours are not known."""

    what: str
    size: str
    nodes: int
    hours: Decimal | None
    price: UnitPrice | None

    @property
    def amount(self) -> Decimal | None:
        """Multiply hours, nodes and the price."""
        if self.hours is None or self.price is None:
            return None
        return self.hours * self.nodes * self.price.amount

    @property
    def told(self) -> tuple[str, ...]:
        """Give the cells of its row."""
        hours = NOT_KNOWN if self.hours is None else f"{self.hours * self.nodes:.2f}"
        price = "price not known" if self.price is None else f"{self.price.amount:.2f} {self.price.currency}"
        amount = (
            NOT_KNOWN
            if self.amount is None or self.price is None
            else money(self.amount, self.price.currency)
        )
        return self.what, self.size, str(self.nodes), hours, price, amount


@dataclass(frozen=True, kw_only=True, slots=True)
class Spending:
    """All that was paid for; `total` is empty where part of it is not known."""

    items: tuple[Spent, ...]
    total: str
    source: str


def spending(said: Manifest, prices: Prices) -> Spending:
    """Add up a run on Azure: the nodes while the job was under way, deployments until the run ended."""
    items = tuple(_items(said, prices))
    amounts = [each.amount for each in items if each.amount is not None]
    known = next((each.price for each in items if each.price), None)
    whole = known is not None and len(amounts) == len(items)
    return Spending(
        items=items,
        total=money(sum(amounts, Decimal(0)), known.currency) if known and whole else "",
        source=f"{known.region}, as of {known.as_of}, from {known.source}" if known else "",
    )


def _items(said: Manifest, prices: Prices) -> Iterator[Spent]:
    training, compute = said.steps.get("finetune"), said.steps.get("compute")
    if training and training.changed:
        size = _of(compute, "size")
        nodes = int(training.intent.get("nodes") or 1)
        hours = _hours(training.started, training.ended)
        yield _spent("training", size, nodes, hours, prices, tier=_of(compute, "tier"))
    for name, served in said.steps.items():
        size = str(served.intent.get("instance_type") or "")
        if size and served.changed:
            nodes = int(served.intent.get("instance_count") or 1)
            yield _spent(name, size, nodes, _hours(served.started, said.ended), prices)


def _spent(  # noqa: PLR0913 - the terms of one product
    what: str, size: str, nodes: int, hours: Decimal | None, prices: Prices, *, tier: str = ""
) -> Spent:
    paid_as = Tier.LOW_PRIORITY if tier == Tier.LOW_PRIORITY.value else Tier.DEDICATED
    price = prices.of(size, paid_as) if size else None
    return Spent(what=what, size=size or NOT_KNOWN, nodes=nodes, hours=hours, price=price)


def _of(step: StepRecord | None, key: str) -> str:
    return str(step.intent.get(key) or "") if step else ""


def _hours(begin: str, end: str | None) -> Decimal | None:
    first, last = moment(begin), moment(end)
    if first is None or last is None:
        return None
    return Decimal(max(0, round((last - first).total_seconds()))) / _HOUR
