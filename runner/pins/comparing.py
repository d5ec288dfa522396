"""Two sets of pins held against each other: what has moved, and where in the recipe that is asked for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runner.errors import Diagnostic, Severity
from runner.load import Source
from runner.parameters import DEFAULTS_TAG
from runner.pins.values import ComponentPin, DatasetPin, FilePin, ModelPin, Pins
from runner.yaml12 import Key

_SHOWN_DIGITS = 12
_MODEL: Key = ("model", "version")
_COMPONENT: Key = ("finetune", "component_version")
_REVISION: Key = ("dataset", "revision")


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """One thing that is not as it was pinned; `key` is what of the recipe asks for it.

    What only a warning is about changes nothing of what is trained: the checks before a run judge that.
    """

    key: Key
    now: str
    then: str
    severity: Severity = Severity.ERROR


def differences(then: Pins, now: Pins) -> tuple[Moved, ...]:
    """Give everything in which what is now differs from what was pinned then.

    What either of them does not know (a run of an earlier version; rows that were not read) has not moved.
    """
    return tuple(_differences(then, now))


def told(source: Source, moved: Iterable[Moved], pinned_by: str) -> tuple[Diagnostic, ...]:
    """Say what has moved at the lines of a recipe; `pinned_by` is `the lock has`, or the like."""
    found = [
        source.diagnostic(
            each.key,
            code="drifted",
            message=each.now,
            expected=f"{pinned_by} {each.then}",
            severity=each.severity,
        )
        for each in moved
    ]
    return source.in_order(found)


def _differences(then: Pins, now: Pins) -> Iterator[Moved]:
    if then.model and now.model:
        yield from _of_model(then.model, now.model)
    if then.component and now.component:
        yield from _of_component(then.component, now.component)
    if then.dataset and now.dataset:
        yield from _of_dataset(then.dataset, now.dataset)


def _of_model(then: ModelPin, now: ModelPin) -> Iterator[Moved]:
    """Tell of the tags of one version: those of another one are its own."""
    if then.version != now.version:
        yield Moved(key=_MODEL, now=f"is version {now.version} now", then=f"version {then.version}")
    elif then.id != now.id:
        yield Moved(key=_MODEL, now=f"is {now.id} now", then=then.id)
    else:
        for tag in sorted({*then.tags, *now.tags} if then.tags else ()):
            if then.tags.get(tag) != now.tags.get(tag):
                yield _of_tag(tag, then, now)


def _of_tag(tag: str, then: ModelPin, now: ModelPin) -> Moved:
    state = "says something else" if tag in now.tags else "is gone"
    return Moved(
        key=_MODEL,
        now=f"the tag {tag} of version {now.version} {state}",
        then="what it said" if tag in then.tags else "none",
        severity=Severity.ERROR if tag == DEFAULTS_TAG else Severity.WARNING,
    )


def _of_component(then: ComponentPin, now: ComponentPin) -> Iterator[Moved]:
    if (then.name, then.version) != (now.name, now.version):
        named = "" if then.name == now.name else f"{now.name} "
        yield Moved(
            key=_COMPONENT, now=f"is {named}version {now.version} now", then=f"version {then.version}"
        )
    elif then.inputs_sha256 and now.inputs_sha256 != then.inputs_sha256:
        yield Moved(
            key=_COMPONENT,
            now=f"the inputs of version {now.version} have changed: {_short(now.inputs_sha256)}",
            then=_short(then.inputs_sha256),
        )


def _of_dataset(then: DatasetPin, now: DatasetPin) -> Iterator[Moved]:
    if then.revision != now.revision:
        yield Moved(key=_REVISION, now=f"is {now.revision} now", then=str(then.revision))
    for role in then.files.keys() & now.files.keys():
        if then.files[role] != now.files[role]:
            yield Moved(
                key=("dataset", role),
                now=f"the rows have changed: {_rows(now.files[role])}",
                then=_rows(then.files[role]),
            )


def _rows(file: FilePin) -> str:
    return f"{file.rows} rows, {file.bytes} bytes, {_short(file.sha256)}"


def _short(digest: str) -> str:
    return f"sha256 {digest[:_SHOWN_DIGITS]}"
