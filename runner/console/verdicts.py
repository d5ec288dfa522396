"""What people read of a reproduction: how near it came to its parent, level by level."""

from collections.abc import Iterator, Mapping

from runner.console.lines import brief
from runner.journal import Json
from runner.manifest import Manifest

# What is shown of a level; the manifest holds all of it.
_MOST = 20
_LEVELS = ("inputs", "metrics", "outputs")
_MEANINGS = {
    ("inputs", "identical"): "recipe, parameters, pins and rows are the same",
    ("outputs", "identical"): "weights and losses are the same, bit by bit",
}


def verdict(said: Manifest) -> Iterator[str]:
    """Give the verdict of a run that reproduces another; of any other run nothing."""
    if said.parent is None or said.verdict is None:
        return
    found = said.verdict
    yield ""
    yield f"{'reproduces' if found['reproduced'] else 'does NOT reproduce'} {said.parent['run_id']}"
    for name in _LEVELS:
        yield from _level(name, found[name], found["tolerance"])
    for warning in found["warnings"]:
        yield f"  warning: {warning}"


def _level(name: str, level: Mapping[str, Json], tolerance: float) -> Iterator[str]:
    meaning = level["reason"] or _MEANINGS.get((name, level["level"]), "")
    if name == "metrics" and not meaning:
        meaning = f"within {tolerance:g} of the larger value" if level["level"] == "identical" else ""
    yield f"  {name:<8} {level['level']}" + (f": {meaning}" if meaning else "")
    for each in level["differs"][:_MOST]:
        was, now = brief((each["was"], each["now"]), _shown)
        yield f"    {each['key']}: was {was}, is {now}"
    if len(level["differs"]) > _MOST:
        yield f"    and {len(level['differs']) - _MOST} more"


def _shown(value: Json) -> str:
    return "not there" if value is None else str(value)
