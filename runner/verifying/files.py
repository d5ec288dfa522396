"""The files beside the manifest, against what the steps recorded of them: rows, points, answers."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from runner import metric_table
from runner.dataset import DROPPED
from runner.journal import Json
from runner.manifest_file import FILE_NAME as MANIFEST
from runner.steps.sample import FILE_NAME as SAMPLES
from runner.verifying import opening
from runner.verifying.findings import Finding, compared, differs, fits, notice, unchecked
from runner.verifying.opening import Measured

LARGEST_TABLE = 256 << 20
_NOT_HERE = "is not here"
_ANOTHER = "is not what was recorded"
_OTHER_ROWS = "are not those that were prepared"
FOLDER = "data"
_LEFT_OUT = f"{FOLDER}/{DROPPED}"
_MOST_FOREIGN = 20


def files(folder: Path, said: Mapping[str, Json]) -> Iterator[Finding]:
    """Look at every file that a step of the run has recorded."""
    steps = said["steps"]
    yield from _rows(folder, steps.get("dataset", {}), said["pins"].get("dataset"))
    yield from _table(folder, steps.get("finetune", {}))
    yield from _samples(folder, steps.get("sample", {}))


# --- rows ---------------------------------------------------------------------------------------------------


def _rows(folder: Path, step: Mapping[str, Json], pinned: Mapping[str, Json] | None) -> Iterator[Finding]:
    assets = _mapping(step.get("intent", {}).get("assets"))
    for role, asset in assets.items():
        if isinstance(asset, dict) and "file" in asset:
            yield from _split(folder, role, asset)
        else:
            reason = "they lie in the workspace alone: no digest is recorded"
            yield unchecked(MANIFEST, f"{role} rows", reason)
    done = step.get("outputs", {}).get("assets")
    if done is not None:
        yield _same("uploaded rows", done == assets, _OTHER_ROWS)
    if pinned and pinned["files"]:
        yield _same("pinned rows", _pins(assets) == pinned["files"], _OTHER_ROWS)
    yield from _left_out(folder, assets)
    yield from _foreign(
        folder, {_LEFT_OUT, *(str(each.get("file")) for each in map(_mapping, assets.values()))}
    )


def _left_out(folder: Path, assets: Mapping[str, Json]) -> Iterator[Finding]:
    """Look whether each row that was left out is on the list of them."""
    counts = [
        count for asset in assets.values() for count in _mapping(_mapping(asset).get("dropped")).values()
    ]
    total = sum(count for count in counts if isinstance(count, int))
    if total:
        measured, trouble = _measured(folder, _LEFT_OUT)
        yield from trouble
        if measured is not None:
            yield compared(_LEFT_OUT, "rows", expected=total, found=measured.lines, reason=_ANOTHER)
    elif (folder / _LEFT_OUT).exists():
        yield notice(_LEFT_OUT, "", "lists rows that were left out; no step recorded any")


def _foreign(folder: Path, recorded: Collection[str]) -> Iterator[Finding]:
    """Name what lies among the rows and is none of them; it was not trained on."""
    home = folder / FOLDER
    if home.is_symlink() or not home.is_dir():
        return
    names = sorted(f"{FOLDER}/{path.name}" for path in home.iterdir() if not _is_half_made(path.name))
    others = [name for name in names if name not in recorded]
    for name in others[:_MOST_FOREIGN]:
        yield notice(name, "", "is not of this run: no step recorded it")
    if len(others) > _MOST_FOREIGN:
        yield notice(FOLDER, "", f"holds {len(others) - _MOST_FOREIGN} more files that no step recorded")


def _is_half_made(name: str) -> bool:
    return name.startswith(".") and name.endswith(".part")


def _pins(assets: Mapping[str, Json]) -> Mapping[str, Json]:
    return {
        role: {key: asset.get(key) for key in ("sha256", "rows", "bytes")}
        for role, asset in assets.items()
        if isinstance(asset, dict) and "file" in asset
    }


def _same(place: str, equal: bool, reason: str) -> Finding:  # noqa: FBT001 - the outcome of a comparison
    return fits(MANIFEST, place) if equal else differs(MANIFEST, place, reason)


def _split(folder: Path, role: str, asset: Mapping[str, Json]) -> Iterator[Finding]:
    name, size = asset["file"], asset.get("bytes")
    recorded = {key: asset.get(key) for key in ("bytes", "sha256", "rows")}
    if not isinstance(name, str) or not isinstance(size, int):
        place = f"{role} rows"
        yield differs(MANIFEST, place, "it does not tell their file, its size and its digest")
        return
    measured, trouble = _measured(folder, name, size)
    yield from trouble
    if measured is None:
        return
    if measured.bytes != size:  # nothing else was looked at
        yield differs(name, "bytes", _ANOTHER, expected=size, found=measured.bytes)
        return
    found = {"sha256": measured.sha256, "rows": measured.lines}
    for place, value in found.items():
        yield compared(name, place, expected=recorded[place], found=value, reason=_ANOTHER)


def _measured(
    folder: Path, name: str, size: int | None = None
) -> tuple[Measured | None, tuple[Finding, ...]]:
    try:
        return opening.measured(folder, name, bytes_expected=size), ()
    except opening.Missing:
        return None, (unchecked(name, "", _NOT_HERE),)
    except opening.Refused as refused:
        return None, (differs(name, "", str(refused)),)


# --- the table of metrics -----------------------------------------------------------------------------------


def _table(folder: Path, step: Mapping[str, Json]) -> Iterator[Finding]:
    table = _mapping(step.get("outputs", {}).get("table"))
    name = str(table.get("file", metric_table.FILE_NAME))
    try:
        content = opening.content(folder, name, at_most=LARGEST_TABLE)
        points = metric_table.parsed(content.decode())
    except opening.Missing:
        if table:
            yield unchecked(name, "", _NOT_HERE)
        return
    except (opening.Refused, ValueError) as refused:
        reason = str(refused) if isinstance(refused, opening.Refused) else "is no table of metrics"
        yield differs(name, "", reason)
        return
    if not table:
        yield unchecked(name, "", "no step recorded a digest of it")
        return
    yield compared(name, "points", expected=table.get("points"), found=len(points), reason=_ANOTHER)
    found = metric_table.digest(points)
    yield compared(name, "losses", expected=table.get("sha256"), found=found, reason=_ANOTHER)
    if metric_table.as_csv(points).encode() != content:
        yield differs(name, "form", "is not laid out as it was written")
    yield unchecked(name, "times, speed and memory", "they are never the same twice: no digest covers them")


# --- answers ------------------------------------------------------------------------------------------------


def _samples(folder: Path, step: Mapping[str, Json]) -> Iterator[Finding]:
    if step.get("status") not in {"succeeded", "deleted"}:
        if step:
            yield unchecked(SAMPLES, "", "not all rows were scored: its digest is recorded at the end")
        return
    outputs = step["outputs"]
    measured, trouble = _measured(folder, SAMPLES)
    yield from trouble
    if measured is None:
        return
    yield compared(SAMPLES, "rows", expected=outputs.get("rows"), found=measured.lines, reason=_ANOTHER)
    if "sha256" not in outputs:
        yield unchecked(SAMPLES, "sha256", "the version that wrote it recorded none")
        return
    yield compared(SAMPLES, "sha256", expected=outputs["sha256"], found=measured.sha256, reason=_ANOTHER)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
