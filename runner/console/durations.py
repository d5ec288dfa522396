"""Durations, and how long ago something was, as people say it."""

from datetime import datetime, timedelta


def seconds(amount: float) -> str:
    """Write a duration as people say it: `8 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(amount)
    if whole < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 - minutes in an hour
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def since(moment: str, now: datetime) -> str:
    """Say when a time of a manifest was: `2026-11-21 08:23 (2 h 05 min ago)`, in UTC."""
    try:
        passed = now - datetime.fromisoformat(moment)
    except (ValueError, TypeError):  # no time as manifests have it
        return moment
    if passed < timedelta():
        ago = "to come"
    elif passed.days:
        ago = f"{passed.days} day{'s' if passed.days > 1 else ''} ago"
    else:
        ago = f"{seconds(passed.total_seconds())} ago"
    return f"{moment[:16].replace('T', ' ')} ({ago})"
