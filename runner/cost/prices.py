"""What a node costs an hour, by its size and tier: a dated list, in which a size may be missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from runner.recipe import Tier


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitPrice:
    """The price of one node for one hour, and where it is from; `as_of` is `YYYY-MM-DD`."""

    amount: Decimal
    currency: str
    region: str
    as_of: str
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """A list of hourly prices of one region, by size names in lower case.

    A low-priority node has a price only if the list gives one for that tier: what it costs cannot be told
    from the dedicated price.
    """

    currency: str
    region: str
    as_of: str
    source: str
    dedicated: Mapping[str, Decimal]
    low_priority: Mapping[str, Decimal] = field(default_factory=dict)

    def of(self, size: str, tier: Tier = Tier.DEDICATED) -> UnitPrice | None:
        """Look up a size in any case; None is unknown, never free."""
        listed = self.low_priority if tier is Tier.LOW_PRIORITY else self.dedicated
        amount = listed.get(size.lower())
        if amount is None:
            return None
        return UnitPrice(
            amount=amount,
            currency=self.currency,
            region=self.region,
            as_of=self.as_of,
            source=self.source,
        )
