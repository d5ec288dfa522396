"""The runs that a question is about: chosen by a condition, put in order, cut to a number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.index.facts import Fact
from runner.index.store import Index
from runner.index.where import Comparison, Condition, Given, Key, alike, keys_of

NEWEST = "started"
# What is shown of each run where nothing else is asked for.
USUAL = (
    "status",
    "target",
    "started",
    "duration",
    "model.name",
    "loss",
    "loss_metric",
    "finetune.parameters.learning_rate",
    "alive",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is asked of the index: the highest first unless `ascending`; no `limit` gives all."""

    columns: tuple[str, ...] = USUAL
    where: Condition | None = None
    sort: str = NEWEST
    ascending: bool = False
    limit: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One run: its values by key, and why its manifest cannot be read, "" if it can."""

    run: str
    values: Mapping[str, Fact]
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """The runs that were asked for, how many there are in all, and what is to be said of the question."""

    rows: tuple[Row, ...]
    total: int
    notices: tuple[str, ...] = ()


def listed(index: Index, asked: Asked) -> Listed:
    """Answer the question."""
    problems = index.problems()
    needed = keys_of(asked.where) if asked.where else ()
    facts = {key: index.values(key) for key in dict.fromkeys((*needed, asked.sort, *asked.columns))}
    chosen = [run for run in problems if asked.where is None or asked.where.holds(_of(run, needed, facts))]
    ordered = _ordered(chosen, facts[asked.sort], ascending=asked.ascending)[: asked.limit]
    rows = tuple(
        Row(run=run, values=_of(run, asked.columns, facts), problem=problems[run]) for run in ordered
    )
    return Listed(rows=rows, total=len(problems), notices=_notices(index, asked, facts, problems, chosen))


def _of(run: str, keys: Sequence[str], facts: Mapping[str, Mapping[str, Fact]]) -> dict[str, Fact]:
    return {key: facts[key][run] for key in keys if run in facts[key]}


def _ordered(runs: Sequence[str], values: Mapping[str, Fact], *, ascending: bool) -> list[str]:
    """Put runs in order, numbers before texts, and those without a value last in any case."""
    known = sorted((run for run in runs if run in values), key=lambda run: (_rank(values[run]), run))
    return (known if ascending else known[::-1]) + [run for run in runs if run not in values]


def _rank(value: Fact) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 0, value, ""
    return 1, 0, value if isinstance(value, str) else "\n".join(value)


def _notices(
    index: Index,
    asked: Asked,
    facts: Mapping[str, Mapping[str, Fact]],
    problems: Mapping[str, str],
    chosen: Sequence[str],
) -> tuple[str, ...]:
    unknown = [key for key, values in facts.items() if not values and problems]
    # The columns that are shown by default are in no run's way.
    told = set(keys_of(asked.where) if asked.where else ()) | {asked.sort}
    said = [_unknown(key, index.keys()) for key in unknown if key in told]
    said += [
        _misfit(each)
        for each in (asked.where.comparisons() if asked.where else ())
        if _fits_none(each, facts)
    ]
    unread = [run for run, problem in problems.items() if problem and run not in chosen]
    if unread:
        said.append(f"{len(unread)} runs whose manifest cannot be read are left out: {', '.join(unread[:3])}")
    return tuple(dict.fromkeys(said))


def _unknown(key: str, known: frozenset[str]) -> str:
    meant = alike(key, known)
    return f"no run has the key {key}" + (f": did you mean {meant}?" if meant else "")


def _fits_none(each: Comparison, facts: Mapping[str, Mapping[str, Fact]]) -> bool:
    """Tell whether a key's values are all of another kind than the one that they are compared with."""
    key, given = (each.left, each.right) if isinstance(each.left, Key) else (each.right, each.left)
    if not isinstance(key, Key) or not isinstance(given, Given) or isinstance(given.value, tuple):
        return False
    values = facts[key.name].values()
    return bool(values) and all(_kind(value) != _kind(given.value) for value in values)


def _misfit(each: Comparison) -> str:
    key, given = (each.left, each.right) if isinstance(each.left, Key) else (each.right, each.left)
    name = key.name if isinstance(key, Key) else ""
    kind = _kind(given.value) if isinstance(given, Given) else ""
    return f"no run has {kind} as {name}: it is compared with {kind}"


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    return "a text" if isinstance(value, str) else "a list"
