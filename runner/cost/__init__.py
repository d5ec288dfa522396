"""What a run would cost, told before it is paid: hours out of arithmetic, money out of dated prices.

Pure values. What cannot be known is None with its reason beside it, never zero and never guessed.
"""

from runner.cost.estimate import Basis, Estimate, Item, Known, Money, estimate
from runner.cost.json_form import as_json
from runner.cost.prices import Prices, UnitPrice
from runner.cost.reading import built_in_prices, read_prices
from runner.cost.rows import Rows, rows_of

__all__ = [
    "Basis",
    "Estimate",
    "Item",
    "Known",
    "Money",
    "Prices",
    "Rows",
    "UnitPrice",
    "as_json",
    "built_in_prices",
    "estimate",
    "read_prices",
    "rows_of",
]
