"""The rows in words: what a recipe asks for of its data set, and what was left out of it."""

from collections import Counter
from collections.abc import Mapping

from runner.dataset import PreparedSplit
from runner.recipe import Dataset, Sampling

_EVERYTHING = 100
_USES = {"validation": "to validate on", "test": "to test on"}


def asked(section: Dataset) -> str:
    """Say what is taken, of which data set, and what is held out of training."""
    source = section.huggingface or section.path or section.azureml
    shares = [f"{share:f}% of them {_USES[role]}" for role, share in section.carved().items()]
    return "; ".join([f"{_amount(section)} of {source}", *shares])


def left_out(prepared: Mapping[str, PreparedSplit]) -> tuple[str, ...]:
    """Say how many bad rows were left out of each split, and what was wrong with them."""
    return tuple(
        f"{sum(split.dropped.values())} bad rows left out of {role}: {_by_code(split.dropped)}"
        for role, split in prepared.items()
        if split.dropped
    )


def _amount(section: Dataset) -> str:
    drawn = "random " if section.sample is Sampling.RANDOM else ""
    if section.rows is not None:
        return f"{section.rows:,} random rows" if drawn else f"the first {section.rows:,} rows"
    percent = f"{section.percent:g}%"
    return f"a random {percent}" if drawn and section.percent < _EVERYTHING else percent


def _by_code(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {code}" for code, count in Counter(dropped).most_common())
