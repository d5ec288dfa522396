"""What is sent again, and how long before: every form in which a server asks to wait, and none of them."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from runner.azure.retrying import ONCE, Patience, asked_for, is_repeatable

PATIENCE = Patience(attempts=5, first=1.0, longest=20.0)


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"x-ms-retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 -0000"}, 0.0),
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Sun, 99 Nov 1994 08:49:37 GMT"}, None),
        ({"retry-after": "٣ weeks \x00"}, None),
        ({"retry-after": "Sun, 06 Nov 99999999999999999999 08:49:37 GMT"}, None),
    ],
)
def test_l8_what_a_server_asks_for_is_read_and_never_raises(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert asked_for(headers) == seconds


def test_a_date_is_waited_for() -> None:
    told = asked_for({"retry-after": in_seconds(12)})
    assert told is not None
    assert 10 < told <= 12


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry-after": "7"}, 7.0, 7.0),
        ({"retry-after": "86400"}, 20.0, 20.0),
        ({"retry-after": "9" * 400}, 0.5, 1.0),
        ({"retry-after": in_seconds(3600)}, 20.0, 20.0),
        ({"retry-after": "-5"}, 0.5, 1.0),
        ({"retry-after": "0"}, 0.5, 1.0),
        ({"x-ms-retry-after-ms": "1"}, 0.5, 1.0),
        ({"retry-after": "soon"}, 0.5, 1.0),
        ({}, 0.5, 1.0),
    ],
)
def test_l8_a_pause_is_never_nothing_and_never_longer_than_allowed(
    headers: dict[str, str], least: float, most: float
) -> None:
    assert all(least <= PATIENCE.pause(1, headers) <= most for _ in range(50))


def test_pauses_grow_and_differ() -> None:
    pauses = [{PATIENCE.pause(attempt, {}) for _ in range(20)} for attempt in (1, 2, 3, 4)]
    assert all(len(each) > 1 for each in pauses)
    assert all(max(earlier) <= 2 * min(later) for earlier, later in pairwise(pauses))
    assert max(pauses[3]) > max(pauses[0])


def test_scoring_sends_once() -> None:
    assert ONCE.attempts == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "delete"])
def test_twice_is_once(method: str) -> None:
    assert is_repeatable(method, "https://h/anything")


@pytest.mark.parametrize(
    ("path", "repeatable"),
    [
        ("/onlineEndpoints/e/listKeys", True),
        ("/onlineEndpoints/e/listkeys?api-version=1", True),
        ("/datastores/d/listSecrets", True),
        ("/onlineEndpoints/e/token", True),
        ("/history/v1.0/x/rundata", True),
        ("/dataversion/batchGetResolvedUris", True),
        ("/deployments/d/getLogs", True),
        ("/registries/r/datarefs/m/versions/1?api-version=1", True),
        ("/datarefs/m/versions/1/listings", False),
        ("/score", False),
        ("/onlineEndpoints/e/regenerateKeys", False),
        ("/jobs/j/cancel", False),
        ("/anything?then=/listKeys", False),
        ("/relistKeys", False),
    ],
)
def test_l7_a_post_is_sent_again_only_if_it_reads(path: str, *, repeatable: bool) -> None:
    assert is_repeatable("POST", f"https://h{path}") is repeatable
