"""A file of prices means what it says, or is refused with all that is wrong with it."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from runner import catalog
from runner.cost import Prices, UnitPrice, built_in_prices, read_prices
from runner.errors import Diagnostic, ExitCode, PricesInvalid
from runner.recipe import Tier

TODAY = "2026-11-21"

A100 = "Standard_NC24ads_A100_v4"
SOUND = """\
currency: EUR
region: westeurope
as_of: 2026-11-01
source: our contract, page 4
sizes:
  Standard_NC24ads_A100_v4: 3.10
  Standard_NC40ads_H100_v5: 7
low_priority:
  Standard_NC24ads_A100_v4: 0.31
"""


def _read(folder: Path, text: str) -> Prices:
    path = folder / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    return read_prices(path)


def _refusal(folder: Path, text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(PricesInvalid) as caught:
        _read(folder, text)
    return caught.value.diagnostics


def test_a_sound_file_gives_each_price_as_it_is_written(tmp_path: Path) -> None:
    prices = _read(tmp_path, SOUND)
    assert prices.of(A100) == UnitPrice(
        amount=Decimal("3.1"),
        currency="EUR",
        region="westeurope",
        as_of="2026-11-01",
        source="our contract, page 4",
    )
    low = prices.of(A100, Tier.LOW_PRIORITY)
    assert low is not None
    assert low.amount == Decimal("0.31")


def test_a_size_is_found_in_any_case_and_what_is_not_listed_is_unknown(tmp_path: Path) -> None:
    prices = _read(tmp_path, SOUND)
    assert prices.of(A100.upper()) == prices.of(A100)
    assert prices.of("Standard_NC96ads_A100_v4") is None
    assert prices.of("Standard_NC40ads_H100_v5", Tier.LOW_PRIORITY) is None


def test_json_is_read_too(tmp_path: Path) -> None:
    text = json.dumps(
        {"currency": "USD", "region": "eastus", "as_of": "2026-11-01", "source": "x", "sizes": {A100: 3.673}}
    )
    found = _read(tmp_path, text).of(A100)
    assert found is not None
    assert found.amount == Decimal("3.673")


def test_everything_wrong_is_told_at_once_each_at_its_place(tmp_path: Path) -> None:
    text = (
        "curency: USD\n"
        "currency: dollars\n"
        "region: West Europe\n"
        "as_of: 2026-02-30\n"
        "sizes:\n"
        "  Standard_NC24ads_A100_v4: 0\n"
        "  STANDARD_NC24ads_A100_v4: 3\n"
        "  Standard_NC40ads_H100_v5: -1.5\n"
        "  Standard_NC48ads_A100_v4: .inf\n"
        "  Standard_NC96ads_A100_v4: '14.7'\n"
        "  Standard_ND96asr_v4: 1e9\n"
        "  a size: 1\n"
        "low_priority: 3\n"
    )
    found = [(each.line, each.column, each.code) for each in _refusal(tmp_path, text)]
    assert found == [
        (1, 1, "unknown-key"),
        (1, 1, "missing-key"),
        (2, 11, "wrong-form"),
        (3, 9, "wrong-form"),
        (4, 8, "wrong-form"),
        (6, 29, "out-of-range"),
        (7, 3, "duplicate-size"),
        (8, 29, "out-of-range"),
        (9, 29, "not-a-number"),
        (10, 29, "wrong-type"),
        (11, 24, "out-of-range"),
        (12, 3, "bad-key"),
        (13, 15, "wrong-type"),
    ]


def test_a_slip_in_a_key_is_mended(tmp_path: Path) -> None:
    (found,) = _refusal(tmp_path, SOUND + "low_prority: {}\n")
    assert found.mend == "did you mean low_priority?"


@pytest.mark.parametrize("value", ["true", "null", "[3]", "{}"])
def test_a_price_is_a_number(tmp_path: Path, value: str) -> None:
    (found,) = _refusal(tmp_path, SOUND.replace("3.10", value))
    assert (found.code, found.key) == ("wrong-type", f"sizes.{A100}")


@pytest.mark.parametrize(("currency", "price"), [("KRW", 137_648), ("IDR", 1_622_280), ("VND", 2_497_328)])
def test_prices_in_small_coins_are_taken(tmp_path: Path, currency: str, price: float) -> None:
    """98.32 dollars an hour are this much in won, rupiah and dong, at 1,400, 16,500 and 25,400."""
    text = SOUND.replace("EUR", currency).replace("3.10", str(price))
    found = _read(tmp_path, text).of(A100)
    assert found is not None
    assert (found.currency, found.amount) == (currency, Decimal(str(price)))


def test_a_list_without_a_size_is_refused(tmp_path: Path) -> None:
    head = SOUND.partition("sizes:")[0]
    assert [each.code for each in _refusal(tmp_path, head + "sizes: {}\n")] == ["wrong-length"]
    assert [each.key for each in _refusal(tmp_path, head)] == ["sizes"]


def test_a_size_that_is_there_twice_is_told_once(tmp_path: Path) -> None:
    found = _refusal(tmp_path, SOUND + f"  {A100}: 4\n")
    assert [each.code for each in found] == ["duplicate-key"]


def test_a_secret_is_neither_taken_nor_repeated(tmp_path: Path) -> None:
    secret = "sig=abcdefghijklmnop"  # noqa: S105 - made up
    text = SOUND.replace("our contract, page 4", f"https://x.blob.core.windows.net/p?{secret}")
    found = _refusal(tmp_path, text.replace("currency: EUR", f"currency: {secret}"))
    assert [each.code for each in found] == ["secret-in-prices", "secret-in-prices"]
    assert not any("abcdef" in str(each) for each in found)


def test_a_value_is_never_repeated(tmp_path: Path) -> None:
    text = SOUND.replace("EUR", "hunter2").replace("westeurope", "Hunter2").replace("3.10", "'hunter2'")
    found = _refusal(tmp_path, text)
    assert len(found) == 3
    assert not any("unter2" in str(each) for each in found)


def test_what_cannot_be_read_is_told_and_ends_as_a_wrong_command_line(tmp_path: Path) -> None:
    with pytest.raises(PricesInvalid) as caught:
        read_prices(tmp_path / "absent.yaml")
    assert [each.code for each in caught.value.diagnostics] == ["no-such-file"]
    assert caught.value.exit_code is ExitCode.USAGE


def test_no_mapping_at_all_is_told_once(tmp_path: Path) -> None:
    assert [each.code for each in _refusal(tmp_path, "- 3\n")] == ["not-a-mapping"]


def test_the_built_in_prices_are_dated_and_of_sizes_that_are_offered() -> None:
    prices = built_in_prices()
    sizes = {size.name.lower(): size for size in catalog.vm_sizes()}
    assert (prices.currency, prices.region, prices.as_of) == ("USD", "eastus", "2024-08-26")
    assert "skypilot-catalog" in prices.source
    assert len(prices.dedicated) == 17
    gone = [name for name in prices.dedicated if name not in sizes or (sizes[name].retired or "9999") < TODAY]
    assert gone == []
    assert all(amount > 0 for amount in prices.dedicated.values())
    assert prices.low_priority == {}


def test_a_built_in_price_of_more_gpus_of_a_kind_is_as_many_times_the_price() -> None:
    prices = built_in_prices().dedicated
    one = prices["standard_nc24ads_a100_v4"]
    assert prices["standard_nc48ads_a100_v4"] == 2 * one
    assert prices["standard_nc96ads_a100_v4"] == 4 * one
    assert prices["standard_nc80adis_h100_v5"] == 2 * prices["standard_nc40ads_h100_v5"]
