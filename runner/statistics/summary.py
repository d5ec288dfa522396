"""Prepared rows and the parameters in force to all that can be said of what the training will see."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median

from runner.dataset import PreparedSplit, Progress, silent
from runner.facts import TargetKind
from runner.parameters import Effective
from runner.statistics import encoding, guessing, padding, reading, schedule
from runner.statistics.conversation import Length
from runner.statistics.schedule import Settings
from runner.statistics.tokenizer import Tokenizer, Unreadable
from runner.statistics.values import Basis, Ordering, Packing, Padding, SplitTokens, Statistics, Training

_TRAIN, _VALIDATION = "train", "validation"
_GUESSED = "estimated from the rows' bytes"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A split and the lengths of the rows that were looked at, without those that are refused."""

    split: PreparedSplit
    looked_at: int
    lengths: Sequence[Length]

    @property
    def trained(self) -> Sequence[Length]:
        """Give those that have an answer left."""
        return [each for each in self.lengths if each.is_trained_on]

    @property
    def is_whole(self) -> bool:
        """Whether all rows were looked at."""
        return self.looked_at == self.split.rows

    def in_all(self, rows: int) -> int:
        """Conclude from some of the rows that were looked at to all."""
        return rows if self.is_whole else round(rows * self.split.rows / self.looked_at)


def of(  # noqa: PLR0913 - what is known of a training is from many places
    splits: Mapping[str, PreparedSplit],
    effective: Effective | None,
    tokenizer: Tokenizer | None,
    *,
    target: TargetKind,
    unknown: str = "",
    longest_input: int | None = None,
    most_bytes: int = reading.MOST_BYTES,
    progress: Progress = silent,
) -> Statistics:
    """Count or estimate all that can be told; without parameters there is nothing of the training.

    `unknown` says why there is no tokenizer; `longest_input` is the model's, where it is known otherwise than
    from the tokenizer's files. A tokenizer that does not take the rows is as none. Of rows beyond
    `most_bytes` some are looked at. The same rows give the same figures. What `progress` raises, which is
    told of each row, ends the count.
    """
    chosen = schedule.settings(effective, target) if effective else None
    rows = reading.wanted(splits, most_bytes)

    def told(tokenizer: Tokenizer | None, unknown: str, longest_input: int | None) -> Statistics:
        longest = _longest(chosen, longest_input)
        seen = {
            role: _seen(split, rows[role], tokenizer, longest, progress) for role, split in splits.items()
        }
        return _told(seen, chosen, tokenizer, target=target, unknown=unknown, longest=longest)

    if tokenizer:
        longest_input = tokenizer.longest_input or longest_input
        try:
            return told(tokenizer, unknown, longest_input)
        except Unreadable as error:
            unknown = str(error)
    return told(None, unknown, longest_input)


def _told(  # noqa: PLR0913 - what is known, each by its own name
    seen: Mapping[str, _Seen],
    chosen: Settings | None,
    tokenizer: Tokenizer | None,
    *,
    target: TargetKind,
    unknown: str,
    longest: int | None,
) -> Statistics:
    is_whole = all(each.is_whole for each in seen.values())
    basis = Basis.ESTIMATED if tokenizer is None else Basis.COUNTED if is_whole else Basis.SAMPLED
    trained = seen[_TRAIN].trained if _TRAIN in seen else ()
    training = padded = packing = None
    if chosen and trained:
        lengths = [each.kept for each in trained]
        training = _training(seen, chosen, basis)
        padded = _padding(lengths, longest, chosen, target)
        packing = _packing(lengths, longest, chosen, training, padded) if longest and padded else None
    return Statistics(
        basis=basis,
        origin=tokenizer.origin if tokenizer else _GUESSED,
        longest=longest,
        splits=tuple(_tokens(each, estimated=tokenizer is None) for each in seen.values()),
        training=training,
        padding=padded,
        packing=packing,
        notes=(
            *_notes(seen, chosen, basis, target, unknown, longest),
            *(_of_the_warmup(training) if training else ()),
        ),
    )


def _longest(chosen: Settings | None, longest_input: int | None) -> int | None:
    bounds = [each for each in (chosen.max_length if chosen else None, longest_input) if each]
    return min(bounds, default=None)


def _seen(
    split: PreparedSplit, rows: int, tokenizer: Tokenizer | None, longest: int | None, progress: Progress
) -> _Seen:
    messages = reading.conversations(split, rows, progress)
    if tokenizer is None:
        return _Seen(split, rows, [guessing.length(each, longest) for each in messages])
    found = encoding.lengths(tokenizer, messages, longest)
    return _Seen(split, rows, [each for each in found if each])


def _tokens(seen: _Seen, *, estimated: bool) -> SplitTokens:
    ordered = sorted(each.tokens for each in seen.lengths)
    total, kept = sum(ordered), sum(each.kept for each in seen.lengths)
    tokens = seen.in_all(total)
    least, most = _bounds(tokens, seen.lengths) if estimated else (tokens, tokens)
    cut = sum(each.kept < each.tokens for each in seen.lengths)
    return SplitTokens(
        role=seen.split.role,
        rows=seen.split.rows,
        turns=seen.split.turns,
        looked_at=seen.looked_at,
        tokens=tokens,
        least=least,
        most=most,
        mean=fmean(ordered or [0]),
        median=float(median(ordered or [0])),
        p95=ordered[ceil(0.95 * len(ordered)) - 1] if ordered else 0,
        longest=ordered[-1] if ordered else 0,
        truncated=cut / len(ordered) if ordered else 0.0,
        cut_off=1 - kept / total if total else 0.0,
        without_answer=seen.in_all(len(seen.lengths) - len(seen.trained)),
        refused=seen.in_all(seen.looked_at - len(seen.lengths)),
        in_loss=_in_loss(seen.trained),
    )


def _bounds(tokens: int, lengths: Sequence[Length]) -> tuple[int, int] | tuple[None, None]:
    return guessing.bounds(tokens) if guessing.is_bounded(lengths) else (None, None)


def _in_loss(trained: Sequence[Length]) -> float | None:
    learnt = [each.learnt for each in trained if each.learnt is not None]
    if not trained or len(learnt) < len(trained):
        return None
    return sum(learnt) / sum(each.kept for each in trained)


def _training(seen: Mapping[str, _Seen], chosen: Settings, basis: Basis) -> Training:
    """Work out the steps; what the component takes for validation leaves the same mix of rows."""
    train = seen[_TRAIN]
    carved = None if _VALIDATION in seen else schedule.carved(train.split.rows)
    left = train.split.rows - (carved or 0)
    rows = max(1, round(left * len(train.trained) / train.looked_at))
    per_epoch = schedule.steps_per_epoch(rows, chosen)
    steps = schedule.steps(per_epoch, chosen)
    warmup = min(schedule.warmup_steps(steps, chosen), steps)
    epochs = steps / per_epoch
    tokens = epochs * rows * fmean(each.kept for each in train.trained)
    in_loss = _in_loss(train.trained)
    return Training(
        rows=rows,
        carved=carved,
        devices=chosen.devices,
        batch_size=chosen.batch_size,
        accumulation=chosen.accumulation,
        rows_per_step=chosen.rows_per_step,
        tokens_per_step=tokens / steps,
        epochs=epochs,
        steps_per_epoch=per_epoch,
        steps=steps,
        warmup_steps=warmup,
        warmup_share=warmup / steps,
        tokens=round(tokens),
        tokens_in_loss=None if in_loss is None else round(tokens * in_loss),
        steps_exact=basis is Basis.COUNTED and (carved is None or len(train.trained) == train.looked_at),
        tokens_exact=basis is Basis.COUNTED and carved is None and steps % per_epoch == 0,
        by_max_steps=chosen.max_steps is not None,
    )


def _padding(
    lengths: Sequence[int], longest: int | None, chosen: Settings, target: TargetKind
) -> Padding | None:
    """Tell how much is filled up; None where it is up to a length that is not known."""
    if chosen.padded and longest is None:
        return None
    grouped = Ordering.BY_LENGTH if target is TargetKind.EMULATOR else Ordering.RANDOM
    size, seed = chosen.batch_size, chosen.seed
    return Padding(
        in_force=Ordering.MAXIMUM if chosen.padded else grouped,
        seed=seed,
        random=padding.wasted(padding.at_random(lengths, size, seed)),
        by_length=padding.wasted(padding.by_length(lengths, size, seed)),
        maximum=padding.wasted_at(lengths, longest) if longest else None,
    )


def _packing(
    lengths: Sequence[int], longest: int, chosen: Settings, training: Training, padded: Padding
) -> Packing | None:
    """Tell what packing would come to; of rows that were not looked at, by proportion.

    None where it saves nothing, and where `max_steps` decides: so many steps of longer rows take longer.
    """
    rows = padding.packed(lengths, longest)
    positions = sum(lengths) / (1 - padded.wasted)
    if chosen.max_steps or rows * longest >= positions:
        return None
    all_rows = max(1, ceil(rows * training.rows / len(lengths)))
    per_epoch = schedule.steps_per_epoch(all_rows, chosen)
    return Packing(
        rows=all_rows,
        saved=1 - rows * longest / positions,
        steps_per_epoch=per_epoch,
        steps=schedule.steps(per_epoch, chosen),
    )


def _notes(  # noqa: PLR0913, PLR0917 - a sentence stands on any of it
    seen: Mapping[str, _Seen],
    chosen: Settings | None,
    basis: Basis,
    target: TargetKind,
    unknown: str,
    longest: int | None,
) -> Iterator[str]:
    if basis is Basis.ESTIMATED:
        why = f" ({unknown})" if unknown else ""
        yield f"tokens are an estimate, without the model's tokenizer{why} and what its template adds"
    for role, each in seen.items():
        if basis is Basis.ESTIMATED and not guessing.is_bounded(each.lengths):
            yield f"{role}: no range is given, since much of the text is not ASCII: tokenizers differ there"
        if not each.is_whole:
            yield f"{role}: estimated from {each.looked_at:,} of {each.split.rows:,} rows, evenly spread"
    if chosen is None:
        yield "the parameters in force are not known, hence nothing of the training's steps"
        return
    if _VALIDATION not in seen:
        share = f"{schedule.VALIDATION_SHARE:.0%}"
        yield (
            f"no validation rows are named: the component takes {share} of the training rows for that,"
            " so the training's tokens are a proportion"
        )
    if chosen.padded and longest is None:
        yield "every row is filled up to the model's longest input, which is not known here"
    yield from _of_the_batches(chosen, target)


def _of_the_warmup(training: Training) -> Iterator[str]:
    if training.warmup_steps == training.steps:
        yield (
            "the warm-up takes all steps, so the learning rate never reaches its value:"
            " lower warmup_steps, or train longer"
        )


def _of_the_batches(chosen: Settings, target: TargetKind) -> Iterator[str]:
    if target is TargetKind.EMULATOR:
        yield "the emulator trains in one process, whatever GPUs and nodes are asked for"
    elif not chosen.padded:
        yield "batches are taken to be drawn at random, each filled up to its longest row"
    if chosen.devices > 1:
        yield "the rows that fill up the last batch of several GPUs are not counted"
    if chosen.shrinking:
        yield "auto_find_batch_size may find that only smaller batches fit, and make more steps"
    if chosen.stopping:
        yield "apply_early_stopping may end it sooner"
