"""What a repair came to, in words."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from runner.console import going_on
from runner.journal import Json
from runner.repair import Repaired


def value(done: Repaired, folder: Path) -> Mapping[str, Json]:
    """Give a repair as JSON."""
    return {
        "run": asdict(done.manifest),
        "folder": str(folder),
        "records": done.records,
        "dropped": [asdict(each) for each in done.dropped],
        "aside": [path.name for path in done.aside],
        "uncertain": done.uncertain,
    }


def text(done: Repaired, folder: Path) -> Iterator[str]:
    """Give a repair for people."""
    if not done.dropped and not done.aside:
        yield "nothing was damaged"
    yield from (f"dropped: line {each.line} {each.reason}" for each in done.dropped)
    yield from (f"kept as it was: {path.name}" for path in done.aside)
    if done.uncertain:
        yield (
            "a lost record may have told of a resource that is not listed here; it would carry the tag "
            f"runner.run={done.manifest.run_id}: runner gc"
        )
    yield from going_on.alive(done.manifest)
    yield f"{folder} has a journal of {done.records} records and the manifest that goes with it"
