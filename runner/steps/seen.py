"""The rows in words and figures: what a recipe asks for, what was left out, what the training will see."""

from collections import Counter
from collections.abc import Mapping

from runner import sizing, statistics
from runner.dataset import PreparedSplit
from runner.journal import Json
from runner.recipe import Dataset, Sampling
from runner.steps.step import Context

_EVERYTHING = 100
# Some seconds' worth: a run waits for it. `runner data` looks at more.
MOST_BYTES = 8 * 1024 * 1024
_USES = {"validation": "to validate on", "test": "to test on"}


def asked(section: Dataset) -> str:
    """Say what is taken, of which data set, and what is held out of training."""
    shares = [f"{share:f}% of them {_USES[role]}" for role, share in section.carved().items()]
    return "; ".join([f"{_amount(section)} of {section.source}", *shares])


def left_out(prepared: Mapping[str, PreparedSplit]) -> tuple[str, ...]:
    """Say how many bad rows were left out of each split, and what was wrong with them."""
    return tuple(
        f"{_bad_rows(sum(split.dropped.values()))} left out of {role}: {_by_code(split.dropped)}"
        for role, split in prepared.items()
        if split.dropped
    )


def figures(context: Context, prepared: Mapping[str, PreparedSplit]) -> Mapping[str, Json] | None:
    """Tell what the training will see of the rows, in the model's own tokens or estimated; fails no run.

    Of rows beyond `MOST_BYTES` some are looked at. What the context's progress raises ends it early.
    """
    model = context.facts.model
    if model is None or not prepared:
        return None
    found = statistics.tokenizer_of(context.cloud.registry, model.name, model.version)
    try:
        told = statistics.of(
            prepared,
            context.effective,
            found.tokenizer,
            target=context.facts.target,
            unknown=found.unknown,
            longest_input=sizing.longest_input(context.facts),
            most_bytes=MOST_BYTES,
            progress=context.progress,
        )
    except OSError:  # the rows were read a moment ago; what fails now is told by who uploads them
        return None
    return statistics.json_form(told)


def _amount(section: Dataset) -> str:
    drawn = "random " if section.sample is Sampling.RANDOM else ""
    if section.rows is not None:
        return f"{section.rows:,} random rows" if drawn else f"the first {section.rows:,} rows"
    percent = f"{section.percent:g}%"
    return f"a random {percent}" if drawn and section.percent < _EVERYTHING else percent


def _bad_rows(count: int) -> str:
    return f"{count:,} bad row{'s' if count > 1 else ''}"


def _by_code(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {code}" for code, count in Counter(dropped).most_common())
