"""The rules of the dataset section: one source, one amount, one form of rows, and splits that do not meet."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from runner.errors import Severity
from runner.load.source import Mistake
from runner.load.tree import Tree, mapping_at
from runner.recipe import Sampling, share
from runner.yaml12 import Value

_SOURCES = ("huggingface", "path", "azureml")
_AMOUNTS = ("percent", "rows")
_HELD_OUT = ("validation", "test")
_WHOLE = Decimal(100)
_MUCH = Decimal(50)
_FORMS = ("messages", "conversations", "prompt", "completion")
_PAIR = {"prompt": "completion", "completion": "prompt"}

Section = Mapping[str, Value]


def dataset_mistakes(tree: Tree) -> Iterator[Mistake]:
    """Apply every rule of the section; of what shape its values are is the schema's to tell."""
    section = mapping_at(tree, "dataset")
    for rule in _RULES if section else ():
        yield from rule(section)


def _one_source(section: Section) -> Iterator[Mistake]:
    given = [name for name in section if name in _SOURCES]
    if not given:
        message = "says nowhere where the rows come from"
        expected = "exactly one of huggingface, path, azureml"
        yield Mistake(key=("dataset",), code="one-source", message=message, expected=expected)
    for name in given[1:]:
        message = f"a second source beside {given[0]}"
        yield _at_key(name, "two-sources", message, "keep one")
    if len(given) == 1:
        yield from _of_another_source(section, given[0])


def _of_another_source(section: Section, source: str) -> Iterator[Mistake]:
    """Find what says something of a source that this one is not."""
    is_folder = source == "path" or str(section[source]).startswith("azureml://")
    if "revision" in section and is_folder:
        message = "goes with huggingface, or with the name of data assets, only"
        yield _at_key("revision", "no-revision", message, "delete it")
    if "config" in section and source != "huggingface":
        yield _at_key("config", "no-config", "goes with huggingface only", "delete it")


def _one_amount(section: Section) -> Iterator[Mistake]:
    given = [name for name in section if name in _AMOUNTS]
    for name in given[1:]:
        yield _at_key(name, "two-amounts", f"says how much is taken, as {given[0]} does", "keep one")


def _one_form(section: Section) -> Iterator[Mistake]:
    columns = section.get("columns")
    if not isinstance(columns, dict) or not columns:
        return
    given = [name for name in columns if name in _FORMS]
    if not given and "system" in columns:
        message, expected = (
            "opens conversations that no column holds",
            "conversations, or prompt and completion",
        )
        yield _of_columns("system", "no-form", message, expected)
    for name in given[1:]:
        if name != _PAIR.get(given[0]):
            yield _of_columns(name, "two-forms", f"is another form of rows than {given[0]}", "keep one")
    for name in given:
        if name in _PAIR and _PAIR[name] not in columns:
            message = f"is half of a pair: {_PAIR[name]} is missing"
            yield _of_columns(name, "half-a-pair", message, f"name the column of {_PAIR[name]}")
    yield from _needless_system(columns)
    yield from _same_column(columns)


def _needless_system(columns: Section) -> Iterator[Mistake]:
    if {"system", "messages"} <= columns.keys():
        message = "has no place beside messages, which bring their own"
        yield _of_columns("system", "not-with-messages", message, "delete it")


def _same_column(columns: Section) -> Iterator[Mistake]:
    seen: dict[Value, str] = {}
    for name, column in columns.items():
        if isinstance(column, str) and column in seen:
            key = ("dataset", "columns", name)
            message = f"is the column of {seen[column]}, too"
            yield Mistake(key=key, code="same-column", message=message, mend="name another column")
        elif isinstance(column, str):
            seen[column] = name


def _shares(section: Section) -> Iterator[Mistake]:
    """Check what is taken out of the training rows: something of each, and not all or most of them."""
    shares = {name: found for name in _HELD_OUT if (found := _share_at(section, name)) is not None}
    for name, percent in shares.items():
        if not percent:
            yield _at_value(name, "empty-share", "takes no row out of the training rows", "1% or more")
    together = sum(shares.values(), Decimal())
    last = next(reversed(shares), "")
    if together >= _WHOLE:
        yield _at_value(last, "no-rows-left", "leaves no row to train on", "shares below 100% together")
    elif together > _MUCH:
        message = f"leaves only {_WHOLE - together:f}% of the rows to train on"
        yield Mistake(
            key=("dataset", last), code="little-to-train-on", message=message, severity=Severity.WARNING
        )


def _share_at(section: Section, name: str) -> Decimal | None:
    value = section.get(name)
    return share(value) if isinstance(value, str) else None


def _same_split(section: Section) -> Iterator[Mistake]:
    seen: dict[Value, str] = {section["train"]: "trained"} if isinstance(section.get("train"), str) else {}
    for name, use in (("validation", "validated"), ("test", "tested")):
        value = section.get(name)
        if not isinstance(value, str) or _share_at(section, name) is not None:
            continue
        if value in seen:
            mend = "name another split, or a share of the training rows such as 10%"
            message = f"is the split that is {seen[value]} on: its figures would flatter"
            yield Mistake(key=("dataset", name), code="same-split", message=message, mend=mend)
        seen.setdefault(value, use)


def _needless_seed(section: Section) -> Iterator[Mistake]:
    is_random = section.get("sample") == Sampling.RANDOM.value
    if "seed" in section and not is_random and all(_share_at(section, name) is None for name in _HELD_OUT):
        yield Mistake(
            key=("dataset", "seed"),
            code="needless-seed",
            message="nothing is drawn by it: no share of the training rows, and the first rows are taken",
            mend="write sample: random, or delete it",
            severity=Severity.NOTICE,
            at_key=True,
        )


def _at_key(name: str, code: str, message: str, mend: str) -> Mistake:
    return Mistake(key=("dataset", name), code=code, message=message, mend=mend, at_key=True)


def _at_value(name: str, code: str, message: str, expected: str) -> Mistake:
    return Mistake(key=("dataset", name), code=code, message=message, expected=expected)


def _of_columns(name: str, code: str, message: str, mend: str) -> Mistake:
    key = ("dataset", "columns", name)
    return Mistake(key=key, code=code, message=message, mend=mend, at_key=True)


_RULES: tuple[Callable[[Section], Iterator[Mistake]], ...] = (
    _one_source,
    _one_amount,
    _one_form,
    _shares,
    _same_split,
    _needless_seed,
)
