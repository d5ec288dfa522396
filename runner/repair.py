"""Make a run that can go on of a damaged journal and manifest: what is whole is kept, nothing is made up.

The manifest, if it is whole, knows how all stood after the records that it counts; the journal's later
records are added to that: what was damaged in only one of the two is not lost.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

from runner import manifest as manifests
from runner.clock import Clock, stamp
from runner.durable import sync_folder, write_all
from runner.errors import UsageError
from runner.journal import FILE_NAME, Event, Json, Record, holding, lines
from runner.journal.lines import Damage
from runner.journal.records import Covered
from runner.journal.salvaging import Dropped, Salvaged, chained, salvaged
from runner.manifest import Manifest
from runner.manifest_file import ManifestDamaged

# What a manifest tells of the course of a run; the rest it has from the first record.
_COURSE = ("status", "ended", "steps", "alive", "walked", "resumed", "retried", "verdict")


@dataclass(frozen=True, kw_only=True, slots=True)
class Repaired:
    """What a repair came to. `aside` are the damaged files as they were found.

    With `uncertain`, a record that is gone may have told of a resource that nothing else tells of.
    """

    manifest: Manifest
    records: int
    dropped: Sequence[Dropped]
    aside: Sequence[Path]
    uncertain: bool


def repair(folder: Path, clock: Clock) -> Repaired:
    """Repair a run, or only write its manifest anew where nothing is damaged.

    Raises RunHeld, or UsageError where too little is left; then nothing is changed.
    """
    path = folder / FILE_NAME
    file = holding.opened_to_hold(path, new=False)
    try:
        content = holding.content_of(file)
        known = _known(folder)
        whole = _whole(content, known)
        if whole is None:
            return _rebuilt(folder, content, known, stamp(clock.now()))
        aside = () if known else _put_aside(folder, (manifests.FILE_NAME,), stamp(clock.now()))
        told = manifests.fold(whole)
        manifests.write(told, folder / manifests.FILE_NAME)
        return Repaired(manifest=told, records=len(whole), dropped=(), aside=aside, uncertain=False)
    finally:
        os.close(file)


def _known(folder: Path) -> Manifest | None:
    """Give the manifest, if it is whole. One of a later version is not to be touched: UsageError."""
    path = folder / manifests.FILE_NAME
    try:
        return manifests.load(path) if os.path.lexists(path) else None
    except ManifestDamaged:
        return None


def _whole(content: bytes, known: Manifest | None) -> Sequence[Record] | None:
    """Give a journal's records if it is as it was written; without a manifest, to its very last byte."""
    try:
        found = lines.trusted(content, _covered(known))
    except Damage:
        return None
    torn = found.size < len(content)
    return found.records if found.records and (known or not torn) else None


def _covered(known: Manifest | None) -> Covered:
    return Covered(**known.journal) if known else Covered()


def _rebuilt(folder: Path, content: bytes, known: Manifest | None, now: str) -> Repaired:
    """Write the journal and the manifest anew; the damaged ones stay beside them."""
    found = salvaged(content)
    base = known if known and _speaks_for(known, found.records) else None
    opening = _opening(found.records, base, folder)
    kept = [opening, *(each for each in found.records if each.event is not Event.RUN_OPENED)]
    records = [*kept, _repaired(found, base, now)]
    aside = _put_aside(folder, (FILE_NAME,) if base else (FILE_NAME, manifests.FILE_NAME), now)
    written = chained(records)
    file = holding.replaced(folder / FILE_NAME, written)
    try:
        told = manifests.fold(lines.trusted(written, Covered()).records)
        manifests.write(told, folder / manifests.FILE_NAME)
    finally:
        os.close(file)
    return Repaired(
        manifest=told,
        records=len(records),
        dropped=found.dropped,
        aside=aside,
        uncertain=found.is_lost_after(_covered(base).records),
    )


def _speaks_for(known: Manifest, records: Sequence[Record]) -> bool:
    """Tell whether a manifest is of this very journal, and not from before an earlier repair of it."""
    covered = _covered(known)
    openings = [each.data["run_id"] for each in records if each.event is Event.RUN_OPENED]
    last = [each.checksum for each in records if each.seq == covered.records]
    return (
        openings in ([], [known.run_id])
        and last in ([], [covered.head])
        and not any(each.data.get("covered") == asdict(covered) for each in records)
    )


def _opening(records: Sequence[Record], base: Manifest | None, folder: Path) -> Record:
    """Give the first record, if need be as the manifest tells it."""
    if records and records[0].event is Event.RUN_OPENED:
        return records[0]
    if base is None:
        raise UsageError(
            f"run {folder.name} is beyond repair: its journal's first record and its manifest are lost",
            hint=f"move the folder {folder} away, then: runner gc RECIPE --run {folder.name} --delete (what"
            f" it made carries the tag runner.run={folder.name}; without RECIPE: the emulator's workspace)",
        )
    said = asdict(base)
    told = ("run_id", "recipe", "target", "versions", "pins", "parameters", "parent", "sweep")
    asked = {key: said[key] for key in told}
    return Record(seq=1, time=base.started, event=Event.RUN_OPENED, data=asked)


def _repaired(found: Salvaged, base: Manifest | None, now: str) -> Record:
    data: dict[str, Json] = {"dropped": [asdict(each) for each in found.dropped]}
    if base:
        data |= {"covered": asdict(_covered(base)), "known": _course(base, found.records)}
    return Record(seq=0, time=now, event=Event.REPAIRED, data=data)


def _course(base: Manifest, records: Sequence[Record]) -> dict[str, Json]:
    """Tell how the run stands: by the manifest, and by what the journal has on top of it."""
    ahead = deepcopy(base)
    manifests.advance(ahead, [each for each in records if each.seq > base.journal["records"]])
    said = asdict(ahead)
    return {key: said[key] for key in _COURSE}


def _put_aside(folder: Path, names: Sequence[str], now: str) -> tuple[Path, ...]:
    """Copy damaged files: the originals keep their names until the new ones take them."""
    moment = now.translate(str.maketrans("", "", "-:."))
    present = [folder / name for name in names if (folder / name).exists()]
    aside = tuple(path.with_name(f"{path.stem}.damaged-{moment}{path.suffix}") for path in present)
    for path, copy in zip(present, aside, strict=True):
        with _new(copy) as file:
            write_all(file, path.read_bytes())
            os.fsync(file)
    sync_folder(folder)
    return aside


@contextmanager
def _new(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        yield file
    finally:
        os.close(file)
