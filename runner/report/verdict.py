"""How near a run came to the one that it reproduces, level by level, as its manifest tells it."""

from collections.abc import Iterator, Mapping

from runner.journal import Json
from runner.manifest import Manifest
from runner.report.wording import value

_LEVELS = ("inputs", "metrics", "outputs")


def in_words(said: Manifest) -> str:
    """Say whether it reproduces its parent; empty where nobody has judged it."""
    if not said.verdict:
        return ""
    return "reproduced" if said.verdict.get("reproduced") is True else "NOT reproduced"


def rows(said: Manifest) -> Iterator[tuple[str, str, str]]:
    """Give each level: how it compares, and what differs or why nobody can tell.

    What a later version says otherwise is shown as it stands.
    """
    for name, found in (said.verdict or {}).items():
        if name in _LEVELS and isinstance(found, Mapping):
            yield name, value(found.get("level")), "\n".join(_reasons(found))
        elif name != "reproduced" and found not in ([], ""):
            yield name, value(found), ""


def _reasons(found: Mapping[str, Json]) -> Iterator[str]:
    if found.get("reason"):
        yield value(found["reason"])
    for each in found.get("differs") or ():
        is_told = isinstance(each, Mapping) and "key" in each
        yield (
            f"{value(each['key'])}: {value(each.get('was'))} → {value(each.get('now'))}"
            if is_told
            else value(each)
        )
