"""What a recipe's run would cost: hours and money, item by item, with the reason where one is unknown."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from runner.catalog import VmSize
from runner.catalog.figures import Figure, Span, exactly, figure
from runner.cost.job import Gap, job_of
from runner.cost.prices import Prices, UnitPrice
from runner.cost.rows import Rows
from runner.cost.training import hours
from runner.parameters import Effective
from runner.recipe import Compute, Deployment, Recipe, Tier

_HOURS_PER_DAY = 24
_SECONDS_PER_HOUR = 3600
_MINUTES_PER_HOUR = 60
_CENT = Decimal("0.01")
# The stages of the job that are not training: validation, import, preprocessing and, last, conversion. The
# component's inputs name the size of those before the training.
_EVERY_STAGE = 4
_STAGES_OF_INPUT = {"instance_type_model_import": 2, "instance_type_preprocess": 1}

# What is billed too and is not in any item, for whoever shows an estimate.
NOT_COUNTED = ("storage", "the container registry", "network traffic", "taxes and discounts")


class Basis(StrEnum):
    """How often an item is paid."""

    ONCE = "once"
    PER_DAY = "per day"


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """An amount that is at least, likely and at most this, in whole cents (or the currency's hundredth)."""

    low: Decimal
    likely: Decimal
    high: Decimal
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One line of an estimate: node-hours, the price of one, and what that makes.

    `node_hours`, `price` and `total` are None where they are unknown, and `reasons` then says why; a reason
    may also be what an item stands on.
    """

    what: str
    basis: Basis
    size: str
    node_hours: Span | None
    price: UnitPrice | None
    total: Money | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is known besides the recipe: the cluster's size, prices, the rows, the model's weights.

    `parameters` are the weights that a token goes through, which are not all where there are experts.
    """

    prices: Prices
    size: VmSize | None = None
    parameters: int | None = None
    rows: Rows | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """The items, and the GPU-hours of the training alone; `figures` are the spans that they stand on."""

    items: tuple[Item, ...]
    training_gpu_hours: Span | None
    figures: tuple[Figure, ...]

    def total(self, basis: Basis) -> Money | None:
        """Add up the items of one basis; None where there is none, or one of them is unknown."""
        totals = [item.total for item in self.items if item.basis is basis]
        known = [total for total in totals if total is not None]
        return _sum(known) if known and len(known) == len(totals) else None


@dataclass(frozen=True, slots=True)
class _Node:
    """A machine of one size and tier, its price, or why there is none."""

    size: str
    price: UnitPrice | None
    reasons: tuple[str, ...]


def estimate(recipe: Recipe, effective: Effective | None, known: Known) -> Estimate:
    """Estimate what the recipe's run would cost on Azure.

    On the emulator nothing is billed: whoever asks decides whether to show it. Endpoint and cluster are taken
    to be made by the run; what was there before is paid for in any case.
    """
    training, reasons = _training(recipe, effective, known)
    items = tuple(_items(recipe, effective, known, training, reasons))
    gpu_hours = None if training is None or known.size is None else training.times(known.size.gpus)
    return Estimate(
        items=items,
        training_gpu_hours=gpu_hours,
        figures=tuple(_figures(training, items)),
    )


def _training(
    recipe: Recipe, effective: Effective | None, known: Known
) -> tuple[Span | None, tuple[str, ...]]:
    """Give the node-hours of the training alone, or the reasons why they are unknown."""
    if recipe.finetune is None or recipe.compute is None:
        return None, ()
    try:
        job = job_of(recipe, effective, size=known.size, parameters=known.parameters, rows=known.rows)
    except Gap as gap:
        return None, gap.reasons
    return hours(job.work).times(job.nodes), job.notes


def _items(
    recipe: Recipe,
    effective: Effective | None,
    known: Known,
    training: Span | None,
    reasons: tuple[str, ...],
) -> Iterator[Item]:
    """Give what is paid once before what is paid every day."""
    compute = recipe.compute
    if compute is not None:
        node = _node(known.prices, compute.size, compute.tier)
        if recipe.finetune is not None:
            nodes = int((effective.value("num_nodes_finetune") if effective else None) or 1)
            yield _item("training", node, training, reasons)
            if compute.serverless:
                yield from _stages_apart(known.prices, effective, node, nodes)
            else:
                yield _item("the job's other stages", node, _started(nodes).plus(_stages(_EVERY_STAGE)))
            yield from _idle(compute, node, nodes)
        yield from _kept_up(compute, node)
    yield from _served(known.prices, "endpoint", recipe.deployment)
    yield from _served(known.prices, "base model", recipe.baseline)


def _served(prices: Prices, what: str, section: Deployment | None) -> Iterator[Item]:
    """Give what the machines of a deployment behind the endpoint cost a day."""
    if section is not None:
        node = _node(prices, section.instance_type, Tier.DEDICATED)
        hours_a_day = exactly(section.instance_count * _HOURS_PER_DAY)
        reason = "an endpoint is paid for until it is deleted, whether it is asked or not"
        yield _item(what, node, hours_a_day, (reason,), basis=Basis.PER_DAY)


def _stages_apart(prices: Prices, effective: Effective | None, node: _Node, nodes: int) -> Iterator[Item]:
    """Give what serverless compute does beside training: converting where it trained, the rest elsewhere.

    Import and preprocessing keep the component's own size (steps/compute.py); each size has a node to start.
    """
    assumed = "each of the job's four other stages is assumed to take a quarter of their time"
    yield _item("start and conversion", node, _started(nodes).plus(_stages(1)), (assumed,))
    for size, stages in _own_sizes(effective).items():
        why = "on serverless compute the stages that need no GPU run on the component's own size"
        yield _item(
            "import and preparation",
            _node(prices, size, Tier.DEDICATED),
            _started(1).plus(_stages(stages)),
            (why,),
        )


def _own_sizes(effective: Effective | None) -> Mapping[str, int]:
    """Count the stages that run on each size that the component names itself."""
    sizes: Counter[str] = Counter()
    for name, stages in _STAGES_OF_INPUT.items():
        sizes[str((effective.value(name) if effective else None) or f"the component's {name}")] += stages
    return sizes


def _started(nodes: int) -> Span:
    """Give the node-hours until every node is up."""
    return figure("node_start_minutes").span.times(nodes / _MINUTES_PER_HOUR)


def _stages(count: int) -> Span:
    """Give the hours of so many of the stages that are not training, each of them on one node."""
    return figure("other_stages_minutes").span.times(count / _EVERY_STAGE / _MINUTES_PER_HOUR)


def _idle(compute: Compute, node: _Node, nodes: int) -> Iterator[Item]:
    """Give what is paid between the job's end and the scaling down; nodes that always stay are not in it."""
    passing = 0 if compute.serverless else max(nodes - compute.min_instances, 0)
    if passing and compute.idle_time_before_scale_down:
        waiting = passing * compute.idle_time_before_scale_down / _SECONDS_PER_HOUR
        yield _item("idle after the job", node, exactly(waiting))


def _kept_up(compute: Compute, node: _Node) -> Iterator[Item]:
    if compute.min_instances:
        hours_a_day = exactly(compute.min_instances * _HOURS_PER_DAY)
        reason = "min_instances nodes are never given back; a job's hours on them are part of this"
        yield _item("cluster kept up", node, hours_a_day, (reason,), basis=Basis.PER_DAY)


def _node(prices: Prices, size: str, tier: Tier) -> _Node:
    price = prices.of(size, tier)
    kind = "low-priority price" if tier is Tier.LOW_PRIORITY else "price"
    return _Node(size, price, () if price else (f"no {kind} of {size} is known",))


def _item(
    what: str,
    node: _Node,
    node_hours: Span | None,
    reasons: tuple[str, ...] = (),
    *,
    basis: Basis = Basis.ONCE,
) -> Item:
    return Item(
        what=what,
        basis=basis,
        size=node.size,
        node_hours=node_hours,
        price=node.price,
        total=_cost(node_hours, node.price) if node_hours and node.price else None,
        reasons=(*reasons, *node.reasons),
    )


def _cost(node_hours: Span, price: UnitPrice) -> Money:
    return Money(
        low=_cents(node_hours.low, price),
        likely=_cents(node_hours.likely, price),
        high=_cents(node_hours.high, price),
        currency=price.currency,
    )


def _cents(node_hours: float, price: UnitPrice) -> Decimal:
    return (Decimal(str(node_hours)) * price.amount).quantize(_CENT, ROUND_HALF_UP)


def _sum(parts: Iterable[Money]) -> Money:
    """Add amounts; they are of one list of prices, hence of one currency."""
    listed = list(parts)
    return Money(
        low=sum((part.low for part in listed), Decimal(0)),
        likely=sum((part.likely for part in listed), Decimal(0)),
        high=sum((part.high for part in listed), Decimal(0)),
        currency=listed[0].currency,
    )


def _figures(training: Span | None, items: tuple[Item, ...]) -> Iterator[Figure]:
    if training is not None:
        yield from map(figure, ("utilisation", "micro_step_seconds", "bytes_per_token"))
    if any(item.basis is Basis.ONCE for item in items):
        yield from map(figure, ("node_start_minutes", "other_stages_minutes"))
