"""An estimate as JSON: amounts as text, so that no reader turns a price into a float by accident."""

from collections.abc import Mapping
from typing import Any

from runner.catalog.figures import Figure, Span
from runner.cost.estimate import NOT_COUNTED, Basis, Estimate, Item, Money
from runner.cost.prices import UnitPrice


def as_json(estimate: Estimate) -> Mapping[str, Any]:
    """Give the estimate's values under the names they have here; what is unknown is null."""
    return {
        "training_gpu_hours": _span(estimate.training_gpu_hours),
        "items": [_item(item) for item in estimate.items],
        "totals": {basis.value: _money(estimate.total(basis)) for basis in Basis},
        "figures": [_figure(each) for each in estimate.figures],
        "not_counted": list(NOT_COUNTED),
    }


def _item(item: Item) -> Mapping[str, Any]:
    return {
        "what": item.what,
        "basis": item.basis.value,
        "size": item.size,
        "node_hours": _span(item.node_hours),
        "price": _price(item.price),
        "total": _money(item.total),
        "reasons": list(item.reasons),
    }


def _span(span: Span | None) -> Mapping[str, float] | None:
    if span is None:
        return None
    return {"low": round(span.low, 4), "likely": round(span.likely, 4), "high": round(span.high, 4)}


def _price(price: UnitPrice | None) -> Mapping[str, str] | None:
    if price is None:
        return None
    return {
        "amount": str(price.amount),
        "currency": price.currency,
        "region": price.region,
        "as_of": price.as_of,
        "source": price.source,
    }


def _money(money: Money | None) -> Mapping[str, str] | None:
    if money is None:
        return None
    return {
        "low": str(money.low),
        "likely": str(money.likely),
        "high": str(money.high),
        "currency": money.currency,
    }


def _figure(each: Figure) -> Mapping[str, Any]:
    return {
        "name": each.name,
        "low": each.span.low,
        "likely": each.span.likely,
        "high": each.span.high,
        "unit": each.unit,
        "reason": each.reason,
        "source": each.source,
        "as_of": each.as_of,
    }
