"""The runs that a question is about: chosen by a condition, put in order, cut to a number."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from runner.index.facts import Fact
from runner.index.store import Index
from runner.index.where import Comparison, Condition, Given, Key, Operand, alike, keys_of

NEWEST = "started"
_ID = "id"
_NAMED = 3
# What compares a whole text, and not its order or a part of it.
_WHOLE = ("==", "!=", "in", "not in")
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

# By key, and then by the run's number.
Facts = Mapping[str, Mapping[int, Fact]]


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
    """One run, by its folder's name and the id that its manifest tells: its values by key.

    `problem` is why its manifest cannot be read, "" if it can.
    """

    run: str
    run_id: str
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
    runs = index.runs()
    needed = keys_of(asked.where) if asked.where else ()
    facts = {key: index.values(key) for key in dict.fromkeys((*needed, asked.sort, *asked.columns))}
    ids = index.values(_ID)
    chosen = [run for run in runs if asked.where is None or asked.where.holds(_of(run, needed, facts))]
    ordered = _ordered(chosen, facts[asked.sort], ascending=asked.ascending)[: asked.limit]
    rows = tuple(
        Row(
            run=runs[each].name,
            run_id=str(ids.get(each, runs[each].name)),
            values=_of(each, asked.columns, facts),
            problem=runs[each].problem,
        )
        for each in ordered
    )
    left_out = [runs[each].name for each in runs.keys() - set(chosen) if runs[each].problem]
    notices = (*_of_keys(index, asked, facts), *_left_out(sorted(left_out))) if runs else ()
    return Listed(rows=rows, total=len(runs), notices=notices)


def _of(run: int, keys: Sequence[str], facts: Facts) -> dict[str, Fact]:
    return {key: facts[key][run] for key in keys if run in facts[key]}


def _ordered(runs: Sequence[int], values: Mapping[int, Fact], *, ascending: bool) -> list[int]:
    """Put runs in order, numbers before texts, and those without a value last in any case.

    They come the latest first, and stay so where their values are equal.
    """
    known = sorted(
        (run for run in runs if run in values), key=lambda run: _rank(values[run]), reverse=not ascending
    )
    return known + [run for run in runs if run not in values]


def _rank(value: Fact) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 0, value, ""
    return 1, 0, value if isinstance(value, str) else "\n".join(value)


def _of_keys(index: Index, asked: Asked, facts: Facts) -> tuple[str, ...]:
    """Say which keys no run has, and which are compared with what they never are."""
    comparisons = tuple(asked.where.comparisons()) if asked.where else ()
    needed = keys_of(asked.where) if asked.where else ()
    unknown = [key for key, values in facts.items() if not values and (key in needed or key not in USUAL)]
    said = [_unquoted(key, comparisons, facts) or _unknown(key, index.keys()) for key in unknown]
    said += [_misfit(each) for each in comparisons if _fits_none(each, facts)]
    return tuple(dict.fromkeys(said + [text for each in comparisons for text in _other_case(each, facts)]))


def _left_out(unread: Sequence[str]) -> tuple[str, ...]:
    if not unread:
        return ()
    named = ", ".join(unread[:_NAMED]) + (", …" if len(unread) > _NAMED else "")
    return (f"left out, since their manifests cannot be read ({len(unread)}): {named}",)


def _unknown(key: str, known: frozenset[str]) -> str:
    meant = alike(key, known)
    return f"no run has the key {key}" + (f": did you mean {meant}?" if meant else "")


def _unquoted(key: str, comparisons: Sequence[Comparison], facts: Facts) -> str:
    """Say, of a key that no run has, that it was meant as a text: a key that runs have is held against it."""
    for each in comparisons:
        if isinstance(each.left, Key) and each.right == Key(key) and facts[each.left.name]:
            return f"no run has the key {key}: a text stands in quotes, {each.left.name} {each.word} '{key}'"
    return ""


def _other_case(each: Comparison, facts: Facts) -> Iterator[str]:
    """Say what a text should be that only capital letters tell from a value that runs have."""
    key, given = _sides(each)
    if not isinstance(key, Key) or not isinstance(given, Given) or each.word not in _WHOLE:
        return
    known = {value for value in facts[key.name].values() if isinstance(value, str)}
    meant = {value.casefold(): value for value in sorted(known)}
    for text in given.value if isinstance(given.value, tuple) else (given.value,):
        if isinstance(text, str) and text not in known and text.casefold() in meant:
            yield f"no run has {text} as {key.name}: did you mean {meant[text.casefold()]}?"


def _sides(each: Comparison) -> tuple[Operand, Operand]:
    """Give a comparison's key and what it is compared with, whichever stands first."""
    return (each.left, each.right) if isinstance(each.left, Key) else (each.right, each.left)


def _fits_none(each: Comparison, facts: Facts) -> bool:
    """Tell whether a key's values are all of another kind than the one that they are compared with."""
    key, given = _sides(each)
    if not isinstance(key, Key) or not isinstance(given, Given) or isinstance(given.value, tuple):
        return False
    values = facts[key.name].values()
    return bool(values) and all(_never_meet(value, given.value, each.word) for value in values)


def _never_meet(value: Fact, given: Fact, word: str) -> bool:
    """Tell whether two values are of kinds that are not compared so; a list may be asked what is in it."""
    if isinstance(value, tuple):
        return not (isinstance(given, bool) or word in ("in", "not in"))
    return _kind(value) != _kind(given)


def _misfit(each: Comparison) -> str:
    key, given = _sides(each)
    name = key.name if isinstance(key, Key) else ""
    kind = _kind(given.value) if isinstance(given, Given) else ""
    if name == "alive":
        return "alive is a list: ask alive, not alive, or 'endpoint NAME' in alive"
    return f"no run has {kind} as {name}: it is compared with {kind}"


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    return "a text" if isinstance(value, str) else "a list"
