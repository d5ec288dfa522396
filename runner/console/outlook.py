"""What a run needs and costs, before it does: memory of a GPU, sizes that have it, hours and money."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from runner import cost, fit
from runner.catalog.figures import Span
from runner.console.lines import table
from runner.cost import NOT_COUNTED, Basis, Estimate, Item, Money, Prices, UnitPrice
from runner.fit import Candidate
from runner.journal import Json
from runner.plan import Plan
from runner.recipe import Tier

_GIGA = fit.GIGABYTE
# A plan is to be read at a glance; `--output json` has all.
_MOST_SIZES = 6


def sizes(planned: Plan) -> Iterator[str]:
    """Give the memory that a GPU needs, and the allowed sizes it fits on, smallest first."""
    if planned.chosen is None:
        return
    chosen, memory = planned.chosen, planned.chosen.memory
    yield ""
    yield (
        f"memory of each GPU (estimated, rows of {chosen.setup.sequence_length} tokens):"
        f" {memory.total / _GIGA:.1f} GB of the {chosen.available / _GIGA:.0f} of {chosen.size.name}"
    )
    yield _parts(asdict(memory))
    yield from _machine(chosen)
    fitting = [each for each in planned.candidates if each.fits]
    yield f"sizes that the model may be trained on and that it fits ({len(fitting)}), smallest first"
    yield from table([_row(each, planned.prices, planned.tier) for each in fitting[:_MOST_SIZES]])
    if len(fitting) > _MOST_SIZES:
        yield f"  … and {len(fitting) - _MOST_SIZES} more (--output json gives all)"


def _machine(chosen: Candidate) -> Iterator[str]:
    """Give what is kept in the machine's memory, where anything is."""
    if not chosen.host.total:
        return
    has = f"{chosen.machine / _GIGA:.0f}" if chosen.machine else "unknown memory"
    yield (
        f"memory of the machine (estimated): {chosen.host.total / _GIGA:.1f} GB"
        f" of the {has} of {chosen.size.name}"
    )
    yield _parts(asdict(chosen.host))


def _parts(amounts: Mapping[str, int]) -> str:
    return "  " + "  ".join(f"{name} {amount / _GIGA:.1f}" for name, amount in amounts.items())


def _row(each: Candidate, prices: Prices | None, tier: Tier) -> tuple[str, ...]:
    size = each.size
    price = prices.of(size.name, tier) if prices else None
    card = f"{size.gpus:g} x {each.available / _GIGA:.0f} GB"
    return size.name, card, f"{each.share:.0%} of a GPU", _hourly(price)


def _hourly(price: UnitPrice | None) -> str:
    return f"{price.amount:.2f} {price.currency} an hour" if price else "price unknown"


def money(planned: Plan) -> Iterator[str]:
    """Give the estimate's items, why something is unknown, and what prices it stands on."""
    if planned.cost is None or not planned.cost.items:
        return
    yield ""
    yield "cost (low / likely / high)"
    yield from table([_item(each, planned.cost) for each in planned.cost.items])
    yield from _total(planned.cost)
    for reason in dict.fromkeys(reason for each in planned.cost.items for reason in each.reasons):
        yield f"  note: {reason}"
    price = next((each.price for each in planned.cost.items if each.price), None)
    if price:
        yield f"  prices: {price.region}, as of {price.as_of}, from {price.source}"
    yield f"  not counted: {', '.join(NOT_COUNTED)}"


def _item(each: Item, estimate: Estimate) -> tuple[str, ...]:
    """Give the money where the price is known, the GPU-hours where it is not."""
    hours = f"{_span(each.node_hours)} node-hours" if each.node_hours else "hours unknown"
    if each.what == "training" and estimate.training_gpu_hours:
        hours = f"{hours} ({_span(estimate.training_gpu_hours)} GPU-hours)"
    per_day = " a day" if each.basis is Basis.PER_DAY else ""
    return each.what, each.size, f"{hours}{per_day}", f"{amount(each.total)}{per_day if each.total else ''}"


def _total(estimate: Estimate) -> Iterator[str]:
    for basis, text in ((Basis.ONCE, "together, once"), (Basis.PER_DAY, "together, a day")):
        total = estimate.total(basis)
        if total:
            yield f"  {text}: {amount(total)}"


def _span(span: Span) -> str:
    if span.low == span.high:
        return f"{span.likely:.2g}" if span.likely < 1 else f"{span.likely:.1f}"
    return " / ".join(f"{value:.1f}" for value in (span.low, span.likely, span.high))


def amount(total: Money | None) -> str:
    """Write an amount: low, likely and high, where they differ."""
    if total is None:
        return "price unknown"
    if total.low == total.high:
        return f"{total.likely} {total.currency}"
    return f"{total.low} / {total.likely} / {total.high} {total.currency}"


def as_json(planned: Plan) -> dict[str, Json]:
    """Give all of it as values; bytes, hours, and amounts as text."""
    return {
        "memory": _memory(planned.chosen) if planned.chosen else None,
        "sizes": _candidates(planned.candidates),
        "cost": cost.as_json(planned.cost) if planned.cost else None,
    }


def _candidates(found: Sequence[Candidate]) -> list[Json]:
    return [
        {"size": each.size.name, "gpus": each.size.gpus, "fits": each.fits, **_memory(each)} for each in found
    ]


def _memory(each: Candidate) -> dict[str, Json]:
    return {
        "needed_bytes": each.memory.total,
        "available_bytes": each.available,
        "sequence_length": each.setup.sequence_length,
        "parts": asdict(each.memory),
        "machine": {
            "needed_bytes": each.host.total,
            "available_bytes": each.machine,
            "parts": asdict(each.host),
        },
    }
