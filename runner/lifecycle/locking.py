"""A recipe's lock: made on its target, held against what there is now, used in the place of `latest`."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from runner import catalog, opening, pins, provenance
from runner.cost import Prices
from runner.dataset import PreparedSplit
from runner.dataset.fetching import workspace
from runner.errors import Diagnostic, Drifted, PreflightRefused, RecipeInvalid, Severity, UsageError
from runner.facts import Facts, TargetKind
from runner.load import Loaded
from runner.opening import Opened
from runner.pins import Lock, Pins
from runner.plan import Plan
from runner.survey import pinned, survey, survey_offline
from runner.yaml12 import START, Value

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

_PINNED_BY = "the lock has"
# What is said of a commit or a data asset that was there.
GONE = frozenset({"no-such-revision", "no-such-dataset", "no-such-asset"})


def declare(parser: ArgumentParser) -> None:
    """Declare `--locked`."""
    text = "use the versions of the recipe's lock, and refuse if anything is not as that has it"
    parser.add_argument("--locked", action="store_true", help=text)


def asked_for(options: Namespace, loaded: Loaded, kind: TargetKind) -> Lock | None:
    """Read the lock if the command line asks for it. Raises as `beside` does, UsageError for a sweep."""
    if options.locked and loaded.points:
        _refuse_sweep(loaded, "leave --locked out: a sweep fixes what latest means once for all its points")
    return beside(options.recipe, loaded, kind) if options.locked else None


def refuse_sweep(loaded: Loaded) -> None:
    """Refuse to lock a recipe of which each point may have its own model and rows. UsageError."""
    if loaded.points:
        _refuse_sweep(loaded, "--set sweep=null locks the recipe alone")


def _refuse_sweep(loaded: Loaded, hint: str) -> NoReturn:
    message = f"{loaded.source.path} is a sweep, and a lock is of one recipe's model and rows"
    raise UsageError(message, hint=hint)


def beside(recipe: Path, loaded: Loaded, kind: TargetKind) -> Lock:
    """Read the lock of a recipe.

    Raises UsageError where there is none, LockInvalid where it is none, and Drifted where it is of a recipe
    that said something else, or of another target.
    """
    lock = pins.read(pins.path_of(recipe), recipe)
    found = loaded.source.in_order([*_other_target(loaded, kind, lock), *_other_recipe(loaded, lock)])
    if found:
        raise Drifted(f"{lock.path} is not of this recipe as it is now", found, hint=_hint(recipe, lock))
    return lock


def made(loaded: Loaded, cloud: "Cloud", today: date) -> Lock:
    """Resolve all that a recipe names.

    Raises PreflightRefused for what is not there, RecipeInvalid for rows that cannot be trained on.
    """
    facts = pinned(loaded.recipe, cloud, today)
    missing = tuple(_missing(loaded, facts))
    if missing:
        raise PreflightRefused("the registry does not have what the recipe names", missing)
    found = opening.resolved(loaded, facts, cloud)
    with _rows(_at(loaded, found), cloud) as rows:
        found = pins.with_rows(found, rows)
    kind = cloud.target.kind
    return Lock(
        target=kind,
        recipe=pins.depended_on(loaded),
        pins=found,
        versions=provenance.installations(kind),
    )


def moved(loaded: Loaded, cloud: "Cloud", today: date, lock: Lock) -> tuple[Diagnostic, ...]:
    """Tell value by value what is not as it was locked; of other libraries, only a notice.

    Raises PreflightRefused, with all of it, where something that was locked does not exist any more.
    """
    at_lock = _at(loaded, lock.pins)
    facts = pinned(at_lock.recipe, cloud, today)
    by_name = opening.resolved(loaded, pinned(loaded.recipe, cloud, today), cloud)
    found = [
        *pins.differences(lock.pins, by_name),
        *pins.differences(replace(lock.pins, dataset=None), opening.resolved(at_lock, facts, cloud)),
    ]
    gone = (*_missing(at_lock, facts), *missing_assets(at_lock, cloud))
    _refuse_lost(loaded, lock, gone, pins.told(loaded.source, found, _PINNED_BY))
    with _rows(at_lock, cloud, lock) as rows:
        found += pins.differences(Pins(dataset=lock.pins.dataset), _rows_alone(lock, rows))
    told = pins.told(loaded.source, dict.fromkeys(found), _PINNED_BY)
    return (*told, *_other_versions(lock))


@contextmanager
def opened(
    loaded: Loaded, cloud: "Cloud", today: date, prices: Prices | None = None, lock: Lock | None = None
) -> Iterator[Opened]:
    """Open a recipe; with a lock, at what that has, its rows prepared while the block runs.

    Raises Drifted and PreflightRefused before anything is changed, for what is not as it was locked.
    """
    if lock is None:
        yield opening.opened(loaded, cloud, today, prices)
        return
    at_lock = _at(loaded, lock.pins)
    facts = survey(at_lock.recipe, cloud, today, folder=loaded.source.folder)
    gone = (*_missing(at_lock, facts), *missing_assets(at_lock, cloud))
    _refuse_lost(loaded, lock, gone)
    with _rows(at_lock, cloud, lock) as rows:
        now = pins.with_rows(opening.resolved(at_lock, facts, cloud), rows)
        warnings = _undrifted(loaded, lock, now)
        planned = _with_notices(
            opening.checked(at_lock, facts, prices), loaded, (*warnings, *_other_versions(lock))
        )
        yield Opened(loaded=loaded, cloud=cloud, facts=facts, plan=planned, pins=now, rows=rows)


def offline(
    loaded: Loaded, kind: TargetKind, today: date, prices: Prices | None = None, lock: Lock | None = None
) -> Plan:
    """Plan from the catalog alone; with a lock, at what that has. Of the rows, files are held against it."""
    if lock is None:
        return opening.offline(loaded, kind, today, prices)
    at_lock = _at(loaded, lock.pins)
    if _lies_here(loaded):
        with _rows(at_lock, None, lock) as rows:
            _undrifted(loaded, lock, _rows_alone(lock, rows))
    facts = survey_offline(at_lock.recipe, kind, None, today, folder=loaded.source.folder)
    return _with_notices(opening.checked(at_lock, facts, prices), loaded, _other_versions(lock))


def _at(loaded: Loaded, pinned_by: Pins) -> Loaded:
    return replace(loaded, recipe=pins.applied(loaded.recipe, pinned_by))


def _hint(recipe: object, lock: Lock) -> str:
    options = pins.retyped(lock)
    made = f"the lock was made with {options}; " if options else ""
    back = "give these, and bring it back as it was" if options else "bring it back as it was"
    return f"{made}to go on with the lock, {back}; {pins.command(recipe, lock)} locks what there is now"


def _other_target(loaded: Loaded, kind: TargetKind, lock: Lock) -> Iterator[Diagnostic]:
    if kind is not lock.target:
        yield loaded.source.diagnostic(
            ("workspace",),
            code="drifted",
            message=f"the target is {kind.value}",
            expected=f"the lock was made on {lock.target.value}",
        )


def _other_recipe(loaded: Loaded, lock: Lock) -> Iterator[Diagnostic]:
    """Tell what of that which a lock hangs on the recipe says otherwise now."""
    now = pins.depended_on(loaded)
    for key in sorted({*now, *lock.recipe}):
        if now.get(key) != lock.recipe.get(key):
            yield loaded.source.diagnostic(
                tuple(key.split(".")),
                code="drifted",
                message=f"is {_shown(now.get(key))}",
                expected=f"the lock was made with {_shown(lock.recipe.get(key))}",
            )


def _shown(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "not given" if value is None else str(value)


def _missing(loaded: Loaded, facts: Facts) -> Iterator[Diagnostic]:
    """Tell what the registry does not have, at the versions that the recipe asks for."""
    recipe = loaded.recipe
    if facts.model is None:
        named = f"{recipe.model.name} {recipe.model.version}"
        yield _gone(loaded, ("model", "version"), f"registry {recipe.model.registry} has no {named}")
    if facts.component is None and recipe.finetune:
        named = f"{catalog.component_name(recipe.finetune.task)} {recipe.finetune.component_version}"
        key = ("finetune", "component_version")
        yield _gone(loaded, key, f"registry {recipe.model.registry} has no {named}")


def missing_assets(loaded: Loaded, cloud: "Cloud") -> Iterator[Diagnostic]:
    """Tell which data assets the workspace does not have, where the rows are some."""
    section = loaded.recipe.dataset
    if section is None or section.azureml is None or workspace.is_address(section.azureml):
        return
    for role, split in section.splits().items():
        name, version = f"{section.azureml}-{split}", workspace.version_of(role, section.revision)
        if version != workspace.LATEST and cloud.assets.data(name, version) is None:
            yield _gone(loaded, ("dataset", role), f"the workspace has no {name} {version}")


def _gone(loaded: Loaded, key: tuple[str, str], message: str) -> Diagnostic:
    return loaded.source.diagnostic(key, code="pin-missing", message=message)


def _refuse_lost(
    loaded: Loaded, lock: Lock | None, gone: Iterable[Diagnostic], others: Iterable[Diagnostic] = ()
) -> None:
    """Raise PreflightRefused where something that was locked is gone, with what has moved besides."""
    found = tuple(gone)
    if found:
        path = loaded.source.path
        hint = f"{pins.command(path, lock) if lock else f'runner lock {path}'} locks what there is now"
        raise PreflightRefused("what was locked is not there any more", (*found, *others), hint=hint)


@contextmanager
def _rows(
    loaded: Loaded, cloud: "Cloud | None", lock: Lock | None = None
) -> Iterator[Mapping[str, PreparedSplit]]:
    """Prepare the rows; a commit that the Hub does not have any more is a pinned version that is gone."""
    section = loaded.recipe.dataset
    with ExitStack() as stack:
        try:
            rows = stack.enter_context(opening.prepared_rows(loaded.recipe, loaded.source.folder, cloud))
        except RecipeInvalid as invalid:
            if section and section.huggingface and any(each.code in GONE for each in invalid.diagnostics):
                message = f"{section.huggingface} at {section.revision} is not on the Hub any more"
                _refuse_lost(loaded, lock, [_gone(loaded, ("dataset", "huggingface"), message)])
            raise
        yield rows


def _rows_alone(lock: Lock, rows: Mapping[str, PreparedSplit]) -> Pins:
    return pins.with_rows(Pins(dataset=lock.pins.dataset), rows)


def _lies_here(loaded: Loaded) -> bool:
    """Tell whether the rows are files whose folder is known without a target."""
    section = loaded.recipe.dataset
    return section is not None and section.path is not None and "${env:" not in section.path


def _undrifted(loaded: Loaded, lock: Lock, now: Pins) -> tuple[Diagnostic, ...]:
    """Raise Drifted where something is not as it was locked; give what is only to be warned of."""
    found = pins.told(loaded.source, pins.differences(lock.pins, now), _PINNED_BY)
    if any(each.severity is Severity.ERROR for each in found):
        message = f"what {loaded.recipe.name} is made of is not what {lock.path} has"
        raise Drifted(message, found, hint=_hint(loaded.source.path, lock))
    return found


def _other_versions(lock: Lock) -> tuple[Diagnostic, ...]:
    """Tell of what is installed here in another version: it may, and need not, make a difference."""
    now = provenance.installations(lock.target)
    return tuple(
        _other_version(lock, name, now.get(name, "not installed"))
        for name in lock.versions
        if now.get(name) != lock.versions[name]
    )


def _other_version(lock: Lock, name: str, now: str) -> Diagnostic:
    position = lock.positions.get(("versions", name), START)
    return Diagnostic(
        path=lock.path,
        line=position.line,
        column=position.column,
        code="other-version",
        key=f"versions.{name}",
        message=f"is {now} here",
        expected=f"the lock was made with {lock.versions[name]}",
        severity=Severity.NOTICE,
    )


def _with_notices(planned: Plan, loaded: Loaded, notices: Iterable[Diagnostic]) -> Plan:
    return replace(planned, diagnostics=loaded.source.in_order((*planned.diagnostics, *notices)))
