"""What a run was made of and is part of, in a few lines: pins, parent, sweep, losses, samples."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from runner import metric_table
from runner.console.lines import counted, safe, table
from runner.dataset import DROPPED
from runner.errors import UsageError
from runner.journal import Json
from runner.manifest import Manifest
from runner.metric_table import Point
from runner.steps.sample import FILE_NAME as SAMPLES

_CURVES = ("loss", "eval_loss")
_DIGEST_SHOWN = 12


def text(said: Manifest, folder: Path | None) -> Iterator[str]:
    """Give a line or two about each of them that there is."""
    rows = [*_pins(said.pins), *_seen(said), *_belongs(said)]
    if rows:
        yield ""
        yield from table(rows)
    yield from _beside(folder) if folder else ()


def _beside(folder: Path) -> Iterator[str]:
    curves = _curves(folder)
    if curves:
        yield ""
        yield from table([(f"of {metric_table.FILE_NAME}", "first", "last", "least", "points"), *curves])
    if (folder / SAMPLES).exists():
        yield ""
        yield safe(f"  prompts and answers are in {folder / SAMPLES}")


def _pins(pins: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    model, component, rows = (pins.get(each) or {} for each in ("model", "component", "dataset"))
    if model:
        yield "model", f"{model.get('id', '')} (version {model.get('version', '?')})"
    if component:
        yield "component", f"{component.get('name', '')} {component.get('version', '')}"
    if rows:
        revision = f" at {rows['revision']}" if rows.get("revision") else ""
        yield "dataset", f"{rows.get('source', '')}{revision}"
    for role, file in (rows.get("files") or {}).items():
        size = f"{file['rows']} row{'' if file['rows'] == 1 else 's'}"
        yield "", f"{role}: {size}, sha256 {str(file['sha256'])[:_DIGEST_SHOWN]}"


def _seen(said: Manifest) -> Iterator[tuple[str, str]]:
    """Tell of the rows, in a line each, what was left out and what the training was to see."""
    intent = said.steps["dataset"].intent if "dataset" in said.steps else {}
    dropped = [_mapping(_mapping(asset).get("dropped")) for asset in _mapping(intent.get("assets")).values()]
    left_out = sum(count for each in dropped for count in each.values() if isinstance(count, int))
    if left_out:
        yield "left out", f"{counted(left_out, 'bad row')}, listed in data/{DROPPED}"
    training = _mapping(_mapping(intent.get("statistics")).get("training"))
    predicted = [_predicted(training, each) for each in ("steps", "tokens")]
    if all(predicted):
        yield "predicted", ", ".join(predicted)


def _predicted(training: Mapping[str, Json], what: str) -> str:
    count, about = training.get(what), "" if training.get(f"{what}_exact") is True else "about "
    return f"{about}{count:,} {what}" if isinstance(count, int) else ""


def _mapping(told: Json) -> Mapping[str, Json]:
    """Give what a step recorded as it should be: of what form that is, no schema of manifests says."""
    return told if isinstance(told, Mapping) else {}


def _belongs(said: Manifest) -> Iterator[tuple[str, str]]:
    if said.parent:
        settings = said.parent.get("settings") or ()
        yield "parent", f"{said.parent['run_id']}" + (f", with {' '.join(settings)}" if settings else "")
    if said.sweep:
        point = ", ".join(f"{key}={value}" for key, value in said.sweep.get("point", {}).items())
        yield "sweep", f"{said.sweep['id']}, point {said.sweep['index']} of {said.sweep['total']}: {point}"


def _curves(folder: Path) -> list[tuple[str, ...]]:
    """Give the first, last and least value of the losses; a table that cannot be read is left out."""
    try:
        points = metric_table.read(folder / metric_table.FILE_NAME)
    except UsageError:
        return []
    told = [(name, sorted(_of(name, points))) for name in _CURVES]
    return [_curve(name, [value for _, value in found]) for name, found in told if found]


def _of(name: str, points: Sequence[Point]) -> Iterator[tuple[int, float]]:
    return ((each.step, each.value) for each in points if each.metric == name)


def _curve(name: str, values: Sequence[float]) -> tuple[str, ...]:
    shown = (f"{value:.4f}" for value in (values[0], values[-1], min(values)))
    return (name, *shown, str(len(values)))
