"""The figures of what a training will see, as plain values: numbers and words, no text of a row."""

from dataclasses import dataclass
from enum import StrEnum


class Basis(StrEnum):
    """What the figures stand on."""

    COUNTED = "counted"
    SAMPLED = "sampled"
    ESTIMATED = "estimated"


class Ordering(StrEnum):
    """How rows come into the batches in which they are padded."""

    RANDOM = "random"
    BY_LENGTH = "by_length"
    MAXIMUM = "maximum"


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitTokens:
    """One split's rows in tokens.

    The lengths (`tokens` in all, `mean`, `median`, `p95`, `longest`) are those before anything is cut, of all
    rows that the chat template takes; `looked_at` rows were read to tell them. `truncated` is the share of
    rows that are cut and `cut_off` the share of tokens that go with it. `without_answer` rows have no answer
    left then and are not trained on; `refused` ones the template does not take, at which a training fails.
    `in_loss` is the share of the tokens that are learnt from among those that are left, None where the
    template does not show where answers begin. `least` and `most` bound `tokens` where it is an estimate, and
    are None where nothing bounds it.
    """

    role: str
    rows: int
    turns: int
    looked_at: int
    tokens: int
    least: int | None
    most: int | None
    mean: float
    median: float
    p95: int
    longest: int
    truncated: float
    cut_off: float
    without_answer: int
    refused: int
    in_loss: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """The steps and the tokens of the whole training.

    `rows` are trained on in each epoch; `carved` of the training rows the component takes for validation,
    None where the recipe names rows for that. `tokens_per_step` is a mean, without what is padded. The two
    of `exact` tell whether steps and tokens are what the training will count, or concluded from a part of
    it; `by_max_steps` whether `max_steps` decides, and no number of epochs.
    """

    rows: int
    carved: int | None
    devices: int
    batch_size: int
    accumulation: int
    rows_per_step: int
    tokens_per_step: float
    epochs: float
    steps_per_epoch: int
    steps: int
    warmup_steps: int
    warmup_share: float
    tokens: int
    tokens_in_loss: int | None
    steps_exact: bool
    tokens_exact: bool
    by_max_steps: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Padding:
    """The share of filled-up positions among all, for three ways to fill a batch; `in_force` is the run's.

    `random` and `by_length` fill up to the longest row of a batch, drawn with `seed`; `maximum` to the most
    tokens that a row may have, None where that is not known.
    """

    in_force: Ordering
    seed: int
    random: float
    by_length: float
    maximum: float | None

    @property
    def wasted(self) -> float:
        """Give the share as it is in force."""
        if self.in_force is Ordering.MAXIMUM and self.maximum is not None:
            return self.maximum
        return self.by_length if self.in_force is Ordering.BY_LENGTH else self.random


@dataclass(frozen=True, kw_only=True, slots=True)
class Packing:
    """What it would come to if rows were put together, first fit decreasing, into as few of full length.

    `saved` is the share of the positions of an epoch as it is in force that would not be computed.
    """

    rows: int
    saved: float
    steps_per_epoch: int
    steps: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Statistics:
    """All of it. `origin` says whose tokens they are, `longest` how many of a row's the training takes in.

    `notes` are the assumptions that figures stand on, a sentence each.
    """

    basis: Basis
    origin: str
    longest: int | None
    splits: tuple[SplitTokens, ...]
    training: Training | None = None
    padding: Padding | None = None
    packing: Packing | None = None
    notes: tuple[str, ...] = ()
