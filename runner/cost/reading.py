"""From a file of prices to the list it means, or to everything that is wrong with it, each at its place.

YAML or JSON (which YAML includes), read as strictly as a recipe. No value is repeated in a message, since
nobody knows what was pasted there.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType

from runner import catalog
from runner.cost.prices import Prices
from runner.errors import PricesInvalid
from runner.load import alone
from runner.load.source import Mistake
from runner.redact import redact
from runner.yaml12 import Value

_BUILT_IN = Path(catalog.__file__).parent / "prices.json"
_KEYS = ("currency", "region", "as_of", "source", "sizes", "low_priority")
_REQUIRED = _KEYS[:-1]
_LISTS = ("sizes", "low_priority")
_CURRENCY = re.compile(r"[A-Z]{3}")
_REGION = re.compile(r"[a-z0-9-]{1,32}")
_SIZE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LONGEST_SOURCE = 400
# The dearest machine costs about 100 dollars, which are more than 100,000 won and millions of rupiah: beyond
# this the unit is mistaken in any currency.
_MOST = 100_000_000


def read_prices(path: Path) -> Prices:
    """Read a list of prices. Raises PricesInvalid with every diagnostic, in the order of the file."""
    found = alone.read(path, _mistakes)
    if found.value is None:
        raise PricesInvalid(f"{path} is not a list of prices that can be used", found.diagnostics)
    return _build(found.value)


@cache
def built_in_prices() -> Prices:
    """Give the prices that come along: dated list prices of one region, each of a public source.

    Pay as you go, on Linux, without tax or discount; a size that no citable source had is not among them, and
    neither is any low-priority price.
    """
    return read_prices(_BUILT_IN)


def _mistakes(tree: Mapping[str, Value]) -> Iterator[Mistake]:
    yield from _unknown_keys(tree)
    for name in _REQUIRED:
        if name not in tree:
            yield Mistake(key=(name,), code="missing-key", message="is missing")
    for name, check in _TEXTS.items():
        if name in tree:
            yield from _text(name, tree[name], check)
    for name in _LISTS:
        if name in tree:
            yield from _list(name, tree[name])


def _unknown_keys(tree: Mapping[str, Value]) -> Iterator[Mistake]:
    for name in tree:
        if name not in _KEYS:
            close = difflib.get_close_matches(name[:64].lower(), _KEYS, n=1)
            mend = f"did you mean {close[0]}?" if close else f"known here: {', '.join(_KEYS)}"
            yield Mistake(key=(name,), code="unknown-key", message="no such key", mend=mend, at_key=True)


def _text(name: str, value: Value, check: tuple[Callable[[str], bool], str]) -> Iterator[Mistake]:
    fits, rule = check
    if not isinstance(value, str):
        message, expected = "is not text", f"must be {rule}"
        yield Mistake(key=(name,), code="wrong-type", message=message, expected=expected)
    elif redact(value) != value:
        mend = "delete it here and revoke it: the file may already be in git"
        yield Mistake(key=(name,), code="secret-in-prices", message="looks like a secret", mend=mend)
    elif not fits(value):
        yield Mistake(key=(name,), code="wrong-form", message=f"must be {rule}")


def _is_day(text: str) -> bool:
    try:
        return bool(_DAY.fullmatch(text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _is_source(text: str) -> bool:
    return bool(text.strip()) and len(text) <= _LONGEST_SOURCE and text.isprintable()


_TEXTS: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "currency": (lambda text: bool(_CURRENCY.fullmatch(text)), "three capital letters, such as USD"),
    "region": (lambda text: bool(_REGION.fullmatch(text)), "the short name of a region, such as westeurope"),
    "as_of": (_is_day, "a day as YYYY-MM-DD"),
    "source": (_is_source, f"one line of at most {_LONGEST_SOURCE} characters: where the prices are from"),
}


def _list(name: str, value: Value) -> Iterator[Mistake]:
    if not isinstance(value, dict):
        message, expected = "is no mapping", "must be lines of `size: price per hour`"
        yield Mistake(key=(name,), code="wrong-type", message=message, expected=expected)
        return
    if name == "sizes" and not value:
        yield Mistake(key=(name,), code="wrong-length", message="must have at least 1 entry")
    seen: set[str] = set()
    for size, price in value.items():
        yield from _size(name, size, seen)
        yield from _price(name, size, price)
        seen.add(size.lower())


def _size(name: str, size: str, seen: set[str]) -> Iterator[Mistake]:
    if not _SIZE.fullmatch(size):
        message, expected = "no such name", "must be the name of a VM size, such as Standard_NC24ads_A100_v4"
        yield Mistake(key=(name, size), code="bad-key", message=message, expected=expected, at_key=True)
    elif size.lower() in seen:
        message = "has a price already, under other capitals"
        yield Mistake(key=(name, size), code="duplicate-size", message=message, mend="keep one", at_key=True)


def _price(name: str, size: str, price: Value) -> Iterator[Mistake]:
    key = (name, size)
    if isinstance(price, bool) or not isinstance(price, int | float):
        message, expected = "is no number", "must be the price of one node for one hour"
        mend = "" if not isinstance(price, str) else "write it without quotes and without a currency sign"
        yield Mistake(key=key, code="wrong-type", message=message, expected=expected, mend=mend)
    elif price <= 0:
        mend = "leave out a size whose price is not known"
        yield Mistake(key=key, code="out-of-range", message="must be above 0", mend=mend)
    elif price > _MOST:
        message = f"must be at most {_MOST:,}"
        yield Mistake(key=key, code="out-of-range", message=message, mend="is this a price per hour?")


def _build(tree: Mapping[str, Value]) -> Prices:
    return Prices(
        currency=str(tree["currency"]),
        region=str(tree["region"]),
        as_of=str(tree["as_of"]),
        source=str(tree["source"]),
        dedicated=_amounts(tree["sizes"]),
        low_priority=_amounts(tree.get("low_priority")),
    )


def _amounts(listed: Value) -> Mapping[str, Decimal]:
    """Take each price as it is written: a float's shortest text is what was in the file."""
    entries = listed.items() if isinstance(listed, dict) else ()
    return MappingProxyType({size.lower(): Decimal(str(price)) for size, price in entries})
