"""What lies around a run: its recipe's file, a lock beside that, and the runs that it goes back to."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from runner import journal, manifest_file
from runner import manifest as manifests
from runner.errors import UsageError
from runner.journal import Json, Record
from runner.manifest_file import FILE_NAME as MANIFEST
from runner.manifest_file import ManifestDamaged
from runner.verifying import opening
from runner.verifying.findings import Finding, differs, fits, notice, unchecked
from runner.verifying.sealed import LARGEST

LARGEST_RECIPE = 1 << 20
MOST_ANCESTORS = 20
_CHANGED = "was changed since this run was made from it, and no journal beside it tells how"


def recipe(folder: Path, said: Mapping[str, Json]) -> Iterator[Finding]:
    """Look whether the recipe's file is still the one that ran: people go on editing theirs."""
    if said.get("parent"):  # made of what its parent had in force, and of no file
        return
    name = Path(said["recipe"]["path"]).name
    if "folder" not in said["recipe"] or not name:
        yield unchecked(MANIFEST, "recipe", "it does not tell where the recipe's file lay")
        return
    home = folder.resolve() / said["recipe"]["folder"]
    shown = str(Path(said["recipe"]["folder"]) / name)
    try:
        found = hashlib.sha256(opening.content(home, name, at_most=LARGEST_RECIPE)).hexdigest()
    except opening.Missing:
        yield unchecked(shown, "", "the recipe's file is not there; the manifest keeps its text")
    except opening.Refused as refused:
        yield unchecked(shown, "", f"the recipe's file {refused}")
    else:
        same = found == said["recipe"]["sha256"]
        yield (
            fits(shown, "sha256")
            if same
            else notice(shown, "sha256", "was edited since; the manifest keeps it")
        )
    yield from _lock(home, name, shown)


def _lock(home: Path, name: str, shown: str) -> Iterator[Finding]:
    lock = f"{Path(name).stem}.lock.yaml"
    if os.path.lexists(home / lock):
        reason = "lies beside the recipe: runner lock --check tells what has moved since"
        yield notice(str(Path(shown).with_name(lock)), "", reason)


def ancestors(said: Mapping[str, Json], homes: Sequence[Path]) -> Iterator[Finding]:
    """Follow the chain from a run to the one that it reproduces, and so on, as far as they are at hand."""
    if said.get("verdict") is not None and not said.get("parent"):
        yield differs(MANIFEST, "verdict", "there is no run that it could be about")
    seen = {said["run_id"]}
    for _ in range(MOST_ANCESTORS):
        parent = said.get("parent")
        if not parent:
            return
        name = f"../{parent['run_id']}/{MANIFEST}"
        if parent["run_id"] in seen:
            yield differs(name, "", "goes back to itself")
            return
        seen.add(parent["run_id"])
        try:
            home, said = _manifest(homes, parent["run_id"])
        except opening.Missing:
            reason = "the run that was reproduced is not here, or a later version wrote it"
            yield unchecked(name, "", reason)
            return
        except opening.Refused as refused:
            yield differs(name, "", str(refused))
            return
        yield _link(name, parent["digest"], said, home / parent["run_id"])


def _manifest(homes: Sequence[Path], run_id: str) -> tuple[Path, Mapping[str, Json]]:
    """Read another run's manifest, wherever it is. Raises Missing, or Refused if it is damaged."""
    for home in homes:
        try:
            opening.content(home, f"{run_id}/{MANIFEST}", at_most=LARGEST)
            manifests.load(home / run_id / MANIFEST)
            return home, manifest_file.read(home / run_id / MANIFEST)
        except opening.Missing:
            continue
        except ManifestDamaged as damaged:
            reason = "the run that was reproduced is not as it was written: verify that one"
            raise opening.Refused(reason) from damaged
        except UsageError as error:
            raise opening.Missing from error
    raise opening.Missing


def _link(name: str, recorded: str, said: Mapping[str, Json], folder: Path) -> Finding:
    """Hold a parent against the digest that its child has of it."""
    if not recorded:
        return unchecked(name, "digest", "manifests of format 1 have none")
    now = said.get("digest", "(none)")
    if now == recorded:
        return fits(name, "digest")
    if _has_gone_on(recorded, now, folder):
        return notice(
            name, "digest", "has gone on since: its journal has the state that this run was made from"
        )
    return differs(name, "digest", _CHANGED, expected=recorded, found=now)


def _has_gone_on(recorded: str, now: str, folder: Path) -> bool:
    """Tell whether a run's journal leads from the one state of its manifest to the other."""
    states = iter(_states(folder))
    return recorded in states and now in states  # the second is looked for behind the first


def _states(folder: Path) -> Iterator[str]:
    """Give the digests of a run's manifest after each record of its journal, as far as that is whole."""
    try:
        records = journal.read(folder / journal.FILE_NAME)
        told = manifests.fold(records[:1])
    except UsageError:
        return
    for number, record in enumerate(records, start=1):
        manifests.advance(told, _after_the_first(number, record))
        told.journal = {"records": number, "head": record.checksum}
        yield manifest_file.digest(asdict(told))


def _after_the_first(number: int, record: Record) -> Sequence[Record]:
    return (record,) if number > 1 else ()
