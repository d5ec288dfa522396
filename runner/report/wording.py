"""How values are written on the page: texts from outside made harmless to look at, numbers, times, money."""

import json
import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlsplit

from runner.journal import Json
from runner.redact import printable, redact

NOT_KNOWN = "not known"
STUDIO = "ml.azure.com"
_SMALL, _LARGE = 1e-3, 1e6
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_THOUSAND = 1000
# A SHA-256, an MD5 as storage gives it, a commit.
_DIGEST = re.compile(r"[0-9a-f]{32,64}|[A-Za-z0-9+/]{22}==")
_DIGITS = 12
# Code points that are none of Unicode's characters, and that XML may not hold.
_NO_CHARACTER = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")


def shown(text: str) -> str:
    """Take out secrets, and show what a screen would obey or reorder: control characters, half characters.

    Nothing is escaped for HTML here; the templates do that, with everything.
    """
    whole = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return _NO_CHARACTER.sub(lambda met: f"\\u{ord(met.group()):04x}", printable(redact(whole)))


def value(given: Json) -> str:
    """Write a value as a recipe has it; a text as it stands."""
    if given is None:
        return "–"  # noqa: RUF001 - a dash stands for nothing
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def shortened(text: str) -> str:
    """Cut a digest to so many digits as tell it from others; any other text stays whole."""
    return f"{text[:_DIGITS]}…" if _DIGEST.fullmatch(text) else text


def number(given: float) -> str:
    """Write a figure with as many digits as a reader can use."""
    if not math.isfinite(given):
        return str(given)
    if given == int(given) and abs(given) < _LARGE:
        return f"{int(given)}"
    if given and not _SMALL <= abs(given) < _LARGE:
        return f"{given:.3g}"
    return f"{given:.4f}".rstrip("0")


def count(given: Json) -> str:
    """Write a whole number in groups of three; what was not counted is a dash."""
    return f"{given:,}" if isinstance(given, int) else value(given)


def size(given: Json) -> str:
    """Write a number of bytes."""
    if not isinstance(given, int):
        return value(given)
    amount, unit = float(given), 0
    while amount >= _THOUSAND and unit < len(_UNITS) - 1:
        amount, unit = amount / _THOUSAND, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{given} {_UNITS[0]}"


def money(amount: Decimal, currency: str) -> str:
    """Write a sum; less than a cent is said to be that."""
    return f"{amount:.2f} {currency}" if not 0 < amount < Decimal("0.01") else f"less than 0.01 {currency}"


def moment(text: str | None) -> datetime | None:
    """Read a time as manifests have it; None for what is none, as a manifest from elsewhere may hold."""
    try:
        read = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return read.astimezone(UTC) if read and read.tzinfo else None


def time(text: str | None) -> str:
    """Write a time for people, to the second."""
    read = moment(text)
    return f"{read:%Y-%m-%d %H:%M:%S} UTC" if read else NOT_KNOWN


def is_studio(address: str) -> bool:
    """Tell whether an address may be a link: Azure ML's studio, encrypted, and nobody else's name in it."""
    try:
        parts = urlsplit(address)
        has_port = parts.port is not None
    except ValueError:
        return False
    plain = parts.username is None and parts.password is None and not has_port
    return parts.scheme == "https" and parts.hostname == STUDIO and plain and shown(address) == address
