"""What `verify` found and what `export` wrote, in words."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from runner.console.lines import table
from runner.console.texts import where
from runner.facts import TargetKind
from runner.journal import Json
from runner.manifest_file import FILE_NAME as MANIFEST
from runner.verifying.findings import Finding, Standing, differing

NO_SIGNATURE = (
    "a digest shows accident or carelessness and is no signature: who can change a file can change its digest"
    " too; manifest.json committed to git is what anchors it"
)


def value(found: Sequence[Finding], path: Path, target: str) -> Mapping[str, Json]:
    """Give what was found as JSON; `first` is the first file that differs, null where none does."""
    against = differing(found)
    return {
        "path": str(path),
        "target": target or None,
        "fits": not against,
        "first": against[0].file if against else None,
        "differing": list(dict.fromkeys(each.file for each in against)),
        "findings": [asdict(each) | {"standing": each.standing.value} for each in found],
        "limits": NO_SIGNATURE,
    }


def text(found: Sequence[Finding], path: Path, target: str) -> Iterator[str]:
    """Give what was found for people: what differs stands last, where eyes are, but for what it is worth."""
    if target in set(TargetKind):
        yield f"{path} on {where(TargetKind(target))}"
    for standing in Standing:
        rows = [_row(each, path) for each in found if each.standing is standing]
        if rows:
            yield standing.value
            yield from table(rows)
    yield _outcome(found, path)
    yield NO_SIGNATURE


def _row(each: Finding, path: Path) -> tuple[str, ...]:
    held = f"recorded {each.expected}, found {each.found}" if each.expected or each.found else ""
    return (_seen(each.file, path), each.place, "; ".join(part for part in (each.reason, held) if part))


def _seen(file: str, path: Path) -> str:
    """Name a file as it is seen from the working folder; a manifest that lies alone has any name."""
    if path.is_file():
        return str(path) if file == MANIFEST else file.removeprefix("../")
    return os.path.normpath(path / file)


def _outcome(found: Sequence[Finding], path: Path) -> str:
    against = differing(found)
    left = sum(each.standing is Standing.UNCHECKED for each in found)
    if against:
        files = list(dict.fromkeys(_seen(each.file, path) for each in against))
        others = f"; then {', '.join(files[1:])}" if files[1:] else ""
        return f"{path} differs from what was recorded, first in {files[0]}{others}"
    beyond = f"; {left} could not be checked" if left else ""
    return f"{path} is as it was recorded, as far as it is here{beyond}"


def exported(crate: Path, run_id: str, names: Sequence[str]) -> Iterator[str]:
    """Say what was written."""
    yield f"{run_id} is written to {crate}, an RO-Crate (Process Run Crate 0.5)"
    yield from (f"  {name}" for name in names)
