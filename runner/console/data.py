"""What a training would see of its rows, in words: rows, tokens, padding, steps and what they stand on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner import statistics
from runner.console import texts
from runner.console.lines import counted, diagnostics, safe, table
from runner.dataset import PreparedSplit
from runner.errors import Diagnostic
from runner.facts import TargetKind
from runner.journal import Json
from runner.statistics import Basis, Ordering, Packing, Padding, SplitTokens, Statistics, Training

Message = Mapping[str, str]

# Enough to see what kind of rows they are.
MOST_ROWS_SHOWN = 20
_MOST_MESSAGES = 8
_MOST_CHARACTERS = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """What was looked at; `statistics` is None where only the rows were asked for, `kept` where none are."""

    recipe: str
    target: TargetKind
    splits: Mapping[str, PreparedSplit]
    statistics: Statistics | None
    preview: Sequence[Sequence[Message]]
    kept: Path | None

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Give what was noticed of the rows."""
        return tuple(warning for split in self.splits.values() for warning in split.warnings)


def value(looked: Looked) -> Mapping[str, Json]:
    """Give it as JSON; rows are cut as they are for people."""
    told = looked.statistics
    return {
        "recipe": looked.recipe,
        "target": looked.target.value,
        "splits": {role: _split(each) for role, each in looked.splits.items()},
        "statistics": statistics.json_form(told) if told else None,
        "preview": [[_cut_message(each) for each in row[:_MOST_MESSAGES]] for row in looked.preview],
        "kept": str(looked.kept) if looked.kept else None,
    }


def text(looked: Looked) -> Iterator[str]:
    """Give it for people."""
    yield f"{looked.recipe} on {texts.where(looked.target)}"
    yield ""
    yield "rows"
    yield from table([_rows(role, split) for role, split in looked.splits.items()])
    for role, split in looked.splits.items():
        yield from _dropped(role, split)
    if looked.statistics:
        yield from figures(looked.statistics)
    if looked.preview:
        yield from _preview(looked.preview)
    if looked.warnings:
        yield ""
        yield from diagnostics(looked.warnings)
    if looked.kept:
        yield ""
        yield f"kept in {looked.kept}"


def figures(told: Statistics) -> Iterator[str]:
    """Give the figures alone."""
    yield ""
    yield _of_whose_tokens(told)
    yield from table([_HEADER, *(_tokens(each, told) for each in told.splits)])
    for split in told.splits:
        yield from _troubles(split, told.longest)
    if told.training:
        yield ""
        yield "training"
        yield from table([*_training(told.training), *_filling(told, told.training)])
    for note in told.notes:
        yield f"  note: {note}"


def _split(split: PreparedSplit) -> Mapping[str, Json]:
    return {
        "source": split.source,
        "revision": split.revision,
        "source_rows": split.source_rows,
        "rows": split.rows,
        "turns": split.turns,
        "bytes": split.bytes,
        "sha256": split.sha256,
        "dropped": dict(split.dropped),
    }


def _rows(role: str, split: PreparedSplit) -> tuple[str, ...]:
    of = f" of {split.source_rows:,}" if split.rows != split.source_rows else ""
    return (
        role,
        f"{counted(split.rows, 'row')}{of}",
        counted(split.turns, "turn"),
        _size(split.bytes),
        split.source,
    )


def _dropped(role: str, split: PreparedSplit) -> Iterator[str]:
    if split.dropped:
        codes = ", ".join(f"{count:,} {code}" for code, count in split.dropped.items())
        yield f"  {role}: left out {codes}"


_NOT_KNOWN = "not known"
_HEADER = ("", "tokens", "mean", "median", "95 %", "longest", "rows cut", "tokens cut off", "in the loss")


def _of_whose_tokens(told: Statistics) -> str:
    taken_in = f"; the training takes in {told.longest:,} of a row" if told.longest else ""
    if told.basis is Basis.ESTIMATED:
        return f"tokens (estimated){taken_in}"
    return f"tokens ({told.basis.value}, by the tokenizer of {told.origin}){taken_in}"


def _tokens(split: SplitTokens, told: Statistics) -> tuple[str, ...]:
    total = _number(split.tokens, exact=told.basis is Basis.COUNTED)
    if told.basis is Basis.ESTIMATED and split.least is not None and split.most is not None:
        total += f" ({_rounded(split.least)} to {_rounded(split.most)})"
    return (
        split.role,
        total,
        f"{split.mean:,.0f}",
        f"{split.median:,.0f}",
        f"{split.p95:,}",
        f"{split.longest:,}",
        _share(split.truncated) if told.longest else _NOT_KNOWN,
        _share(split.cut_off) if told.longest else _NOT_KNOWN,
        _NOT_KNOWN if split.in_loss is None else _share(split.in_loss),
    )


def _troubles(split: SplitTokens, longest: int | None) -> Iterator[str]:
    """Give the rows from which nothing is learnt, or at which a training fails."""
    within = f" within {longest:,} tokens" if longest else ""
    of = f"of {counted(split.rows, 'row')}"
    if split.without_answer:
        why = f"not trained on, since no answer is left{within}"
        yield f"  {split.role}: {why}: {split.without_answer:,} {of}"
    if split.refused:
        why = "not taken by the model's chat template, at which a training fails"
        yield f"  {split.role}: {why}: {split.refused:,} {of}"


def _training(told: Training) -> Iterator[tuple[str, str]]:
    if told.carved is not None:
        yield "rows", f"{told.rows:,} an epoch, after {told.carved:,} that the component takes for validation"
    else:
        yield "rows", f"{told.rows:,} an epoch"
    yield "steps", _steps(told)
    yield "warm-up", f"{counted(told.warmup_steps, 'step')}, {_share(told.warmup_share)} of all"
    exact, in_loss = told.tokens_exact, told.tokens_in_loss
    learnt = "" if in_loss is None else f", {_number(in_loss, exact=exact)} in the loss"
    yield "tokens", f"{_number(told.tokens, exact=exact)} in all{learnt}; {told.tokens_per_step:,.0f} a step"


def _steps(told: Training) -> str:
    about = "" if told.steps_exact else "about "
    product = f"batch {told.batch_size:,} x accumulation {told.accumulation:,} x GPUs {told.devices:,}"
    epochs = f"{told.epochs:,.3g} epoch{'' if told.epochs == 1 else 's'} of {told.steps_per_epoch:,}"
    decided = f"max_steps decides, which makes {epochs}" if told.by_max_steps else epochs
    return f"{about}{told.steps:,}: {decided}, {counted(told.rows_per_step, 'row')} each ({product})"


def _filling(told: Statistics, training: Training) -> Iterator[tuple[str, str]]:
    """Give how much of the batches is filled up, and what packing would do about it."""
    if told.padding:
        yield "padding", _padding(told.padding, told)
    if told.packing:
        yield "packing", _packing(told.packing, training, told)


def _padding(told: Padding, of: Statistics) -> str:
    ways = {
        Ordering.BY_LENGTH: (told.by_length, "with batches by length"),
        Ordering.RANDOM: (told.random, "with batches in random order"),
        Ordering.MAXIMUM: (told.maximum, f"with every row filled up to {of.longest or 0:,} tokens"),
    }
    share, in_force = ways.pop(told.in_force)
    others = ", ".join(f"{_share(each)} {name}" for each, name in ways.values() if each is not None)
    return f"{_about(of)}{_share(share or 0.0)} of all positions {in_force}; it would be {others}"


def _packing(told: Packing, training: Training, of: Statistics) -> str:
    saved = f"would save {_about(of)}{_share(told.saved)} of all positions"
    steps = f"{counted(told.steps, 'step')} in place of {training.steps:,}"
    return f"{_about(of)}{counted(told.rows, 'row')} of {of.longest or 0:,} tokens {saved}: {steps}"


def _about(told: Statistics) -> str:
    return "" if told.basis is Basis.COUNTED else "about "


def _preview(rows: Sequence[Sequence[Message]]) -> Iterator[str]:
    for number, row in enumerate(rows, start=1):
        yield ""
        yield f"row {number} of train"
        for message in row[:_MOST_MESSAGES]:
            content = safe(_cut(message["content"])).replace("\n", "\n" + " " * 13)
            yield f"  {safe(message['role']):<10} {content}"
        if len(row) > _MOST_MESSAGES:
            yield f"  … and {len(row) - _MOST_MESSAGES} more messages"


def _cut_message(message: Message) -> Mapping[str, Json]:
    return {"role": message["role"], "content": _cut(message["content"])}


def _cut(content: str) -> str:
    if len(content) <= _MOST_CHARACTERS:
        return content
    return f"{content[:_MOST_CHARACTERS]}… ({len(content):,} characters)"


def _share(share: float) -> str:
    """Write a share with two digits that count; none is none, and nearly all is not all."""
    if share in {0.0, 1.0}:
        return f"{share:.0%}"
    return f"{share:.2%}" if share < 0.01 or share > 0.99 else f"{share:.1%}"  # noqa: PLR2004 - a percent


def _number(count: int, *, exact: bool) -> str:
    return f"{count:,}" if exact else f"about {_rounded(count)}"


def _rounded(count: int) -> str:
    """Write a number with three digits that count."""
    return f"{round(count, min(0, 3 - len(str(count)))):,}"


def _size(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB" if count >= 1_000_000 else f"{count / 1000:,.1f} kB"  # noqa: PLR2004 - SI
