"""What the training was to see of its rows, beside what it then did, and which rows were left out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.journal import Json
from runner.manifest import Manifest
from runner.metric_table import Point
from runner.report.inputs import Table
from runner.report.wording import count, number, value

_SEEN = "num_input_tokens_seen"
_OF_TRAINING = "train_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """The rows in tokens by role, the training they come to, and the assumptions that this stands on."""

    basis: str
    tokens: Table
    training: Table
    notes: tuple[str, ...]


def seen(said: Manifest, points: Sequence[Point] | None) -> Seen | None:
    """Read what the dataset step recorded; None where it recorded nothing, as earlier versions did."""
    step = said.steps.get("dataset")
    told = _mapping(step.intent.get("statistics")) if step else {}
    splits = [_mapping(each) for each in _listed(told.get("splits"))]
    if not splits:
        return None
    return Seen(
        basis=_basis(told),
        tokens=_tokens(told, splits),
        training=Table(
            head=("", "predicted", "trained"), rows=tuple(_training(told, _trained(said, points)))
        ),
        notes=tuple(map(value, _listed(told.get("notes")))),
    )


def left_out(said: Manifest) -> Table | None:
    """Tell how many rows of each role were left out, by what was wrong with them first."""
    step = said.steps.get("dataset")
    assets = _mapping(step.intent.get("assets")) if step else {}
    rows = tuple(
        (role, code, count(rows))
        for role, asset in assets.items()
        for code, rows in _mapping(_mapping(asset).get("dropped")).items()
    )
    return Table(head=("role", "what was wrong", "rows"), rows=rows) if rows else None


def _basis(told: Mapping[str, Json]) -> str:
    counted = f"counted with the tokenizer of {value(told.get('origin'))}"
    words = {
        "counted": f"C{counted[1:]}",
        "sampled": f"Concluded from some of the rows, {counted}",
        "estimated": "Estimated from the bytes of the rows: there was no tokenizer of the model",
    }
    longest = told.get("longest")
    cut = f"; of a row the training takes in {count(longest)} tokens" if longest else ""
    return f"{words.get(str(told.get('basis')), 'On a basis that is not known here')}{cut}."


def _tokens(told: Mapping[str, Json], splits: Sequence[Mapping[str, Json]]) -> Table:
    head = ("role", *(title for title, _, _ in _COLUMNS))
    about = _about(told)
    unknown = () if told.get("longest") else _BY_THE_LIMIT
    rows = [
        (
            value(each.get("role")),
            *(
                shown(None if key in unknown else each.get(key), about if key == "tokens" else "")
                for _, key, shown in _COLUMNS
            ),
        )
        for each in splits
    ]
    return Table(head=head, rows=tuple(rows))


def _about(told: Mapping[str, Json]) -> str:
    return "" if told.get("basis") == "counted" else "about "


def _share(given: Json, about: str = "") -> str:
    return f"{about}{given:.1%}" if isinstance(given, int | float) else value(given)


def _whole(given: Json, about: str = "") -> str:
    return f"{about}{given:,.0f}" if isinstance(given, int | float) else value(given)


# Nobody knows them where nobody knows how much of a row the training takes in.
_BY_THE_LIMIT = ("truncated", "cut_off")


_COLUMNS: tuple[tuple[str, str, Callable[[Json, str], str]], ...] = (
    ("tokens", "tokens", _whole),
    ("mean", "mean", _whole),
    ("median", "median", _whole),
    ("95 %", "p95", _whole),
    ("longest", "longest", _whole),
    ("rows cut", "truncated", _share),
    ("tokens cut off", "cut_off", _share),
    ("without an answer", "without_answer", _whole),
    ("in the loss", "in_loss", _share),
)


def _trained(said: Manifest, points: Sequence[Point] | None) -> Mapping[str, str]:
    """Give what the training logged of its steps and tokens, under the names that were predicted."""
    training = said.steps.get("finetune")
    tokens = training.metrics.get(_SEEN) if training else None
    last = max((each.step for each in points or () if each.metric.startswith(_OF_TRAINING)), default=None)
    told = {"steps": count(last) if last else "", "tokens": _whole(tokens) if tokens else ""}
    return {key: text for key, text in told.items() if text}


def _training(told: Mapping[str, Json], trained: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    training, padding, packing = (_mapping(told.get(name)) for name in ("training", "padding", "packing"))
    for title, key, shown in _PREDICTED if training else ():
        approximate = "" if training.get(_STANDS_ON.get(key, ""), True) else "about "
        yield title, f"{approximate}{shown(training.get(key))}", trained.get(key, "")
    if padding:
        in_force = padding.get(str(padding.get("in_force")))
        yield "padding, of all positions", _share(in_force, _about(told)), ""
    if _saves(packing):
        yield "packing would save, of all positions", _share(packing["saved"], _about(told)), ""


def _saves(packing: Mapping[str, Json]) -> bool:
    """Tell whether packing saves anything; earlier versions recorded a share below 0, too."""
    saved = packing.get("saved")
    return isinstance(saved, int | float) and saved > 0


# What tells whether a figure is what the training will count.
_STANDS_ON = {
    **dict.fromkeys(("steps", "steps_per_epoch", "warmup_steps"), "steps_exact"),
    **dict.fromkeys(("tokens", "tokens_in_loss", "tokens_per_step"), "tokens_exact"),
}
_PREDICTED: tuple[tuple[str, str, Callable[[Json], str]], ...] = (
    ("rows trained on", "rows", _whole),
    ("rows a step", "rows_per_step", _whole),
    ("tokens a step", "tokens_per_step", _whole),
    ("epochs", "epochs", lambda given: number(given) if isinstance(given, int | float) else value(given)),
    ("steps an epoch", "steps_per_epoch", _whole),
    ("steps", "steps", _whole),
    ("warm-up steps", "warmup_steps", _whole),
    ("tokens", "tokens", _whole),
    ("tokens in the loss", "tokens_in_loss", _whole),
)


def _mapping(given: Json) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {}


def _listed(given: Json) -> Sequence[Json]:
    return given if isinstance(given, list | tuple) else ()
