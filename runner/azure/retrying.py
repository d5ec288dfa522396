"""When a request that went wrong is sent again, and how long to wait before: the rules, without the sending.

A request may be sent again if twice is once (GET, HEAD, PUT, DELETE, and the few POSTs that only read), or if
it never reached anybody. azure-core's own policy repeats any POST that is answered 500, 503 or 504, and
whatever is answered with a Retry-After, a POST answered 409 among them; and its first repetition is at once.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import isfinite
from urllib.parse import urlsplit

TRANSIENT = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_TWICE_IS_ONCE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
# POSTs of Azure ML that change nothing, by the end of their paths.
_READING_POSTS = (
    "/batchgetresolveduris",
    "/getlogs",
    "/listkeys",
    "/listsecrets",
    "/rundata",
    "/token",
)
# A registry's answer of how to get at an asset's files.
_REFERENCE = re.compile(r"/registries/[^/]+/datarefs/[^/]+/versions/[^/]+$")
_MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How often a request is sent, and how many seconds may go by.

    `longest` bounds each pause, whatever a server asks for; after `total` nothing is sent again. What waits
    for hours does so outside, look by look, and is not held up in here.
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 20.0
    total: float = 60.0

    def pause(self, attempt: int, headers: Mapping[str, str]) -> float:
        """Give the seconds to wait after an attempt (from 1): ever longer, and what the server asks for.

        Never nothing, so that a crowd of requests that failed together does not come back together.
        """
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - no secret hangs on it
        backoff = self.first * 2.0 ** (attempt - 1) * jitter
        return min(self.longest, max(backoff, asked_for(headers) or 0.0))


ONCE = Patience(attempts=1)


def is_repeatable(method: str, url: str) -> bool:
    """Tell whether sending a request twice is the same as sending it once."""
    if method.upper() in _TWICE_IS_ONCE:
        return True
    path = urlsplit(url).path.lower()
    return method.upper() == "POST" and (path.endswith(_READING_POSTS) or bool(_REFERENCE.search(path)))


def asked_for(headers: Mapping[str, str]) -> float | None:
    """Read the seconds a server asks to wait, None where it asks for none or for nothing that makes sense.

    `headers` are compared as the transport hands them out, by any case. Never raises: azure-core lets the
    ValueError of a Retry-After that is no number escape.
    """
    for name in _MILLISECONDS:
        milliseconds = _number(headers.get(name))
        if milliseconds is not None:
            return milliseconds / 1000
    given = headers.get("retry-after")
    seconds = _number(given)
    return seconds if seconds is not None else _seconds_until(given)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if isfinite(value) and value >= 0 else None


def _seconds_until(text: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):  # the latter of a year or a zone with too many digits
        return None
    if moment.tzinfo is None:  # the date's own way to say that it is in UTC
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
