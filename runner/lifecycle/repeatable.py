"""What a run was made of, held against what there is now: all at once that keeps it from being made again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner import dataset, opening, pins, preflight, provenance, survey
from runner.compare.verdict import SERVING
from runner.dataset import PreparedSplit
from runner.errors import Diagnostic, Drifted, PreflightRefused, RecipeInvalid, Severity
from runner.facts import Facts
from runner.lifecycle import locking
from runner.lifecycle.reopening import other_parameters, pinned_recipe, recorded_parameters
from runner.lifecycle.variables import refuse_others
from runner.load import Loaded
from runner.manifest import Manifest
from runner.opening import Opened
from runner.parameters import DEFAULTS_TAG, Effective
from runner.pins import FilePin, Pins
from runner.plan import plan
from runner.recipe import Recipe, given
from runner.session import Session
from runner.steps.dataset import workspace_of

if TYPE_CHECKING:
    from runner.azure.cloud import Cloud

_AGAIN = "runner run begins anew, with what there is now"
_ROWS = "rows must lie where the run had them, seen from its folder"
_SHOWN_DIGITS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Original:
    """A run as its manifest tells it; `settings` are what is to be otherwise this time, KEY=VALUE.

    `variables` are the digests of what it took from the environment; None where its journal is not at hand.
    """

    said: Manifest
    settings: tuple[str, ...] = ()
    variables: Mapping[str, str] | None = None

    def sets(self, *keys: str) -> bool:
        """Tell whether a setting is about one of these keys, or about what is below or above it."""
        named = [setting.partition("=")[0] for setting in self.settings]
        return any(
            f"{one}.".startswith(f"{key}.") or f"{key}.".startswith(f"{one}.")
            for one in named
            for key in keys
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeated:
    """A run that can be made again, and its rows, which were prepared to see that."""

    opened: Opened
    prepared: Mapping[str, PreparedSplit]


@dataclass(slots=True)
class _Found:
    """What was found: what the target would refuse, what has changed, and what is only told."""

    checked: list[Diagnostic] = field(default_factory=list)
    drifted: list[Diagnostic] = field(default_factory=list)
    hint: str = _AGAIN

    def add_refused(self, refused: RecipeInvalid) -> None:
        """Take in what was refused of the rows: what their source has lost is gone, all else has changed."""
        for each in refused.diagnostics:
            (self.checked if each.code in locking.GONE else self.drifted).append(each)

    def refuse(self, loaded: Loaded, run_id: str) -> None:
        """Raise PreflightRefused if something is not there or not allowed, else Drifted if it has changed."""
        everything = loaded.source.in_order((*self.checked, *self.drifted))
        if any(each.severity is Severity.ERROR for each in self.checked):
            raise PreflightRefused(f"run {run_id} cannot be made again as it was", everything, hint=self.hint)
        if self.drifted:
            raise Drifted(f"what run {run_id} was made of has changed", everything, hint=_AGAIN)


def repeated(session: Session, original: Original, loaded: Loaded, cloud: "Cloud", into: Path) -> Repeated:
    """Open a run anew as it was, and prepare its rows in a folder; nothing is made yet.

    Raises PreflightRefused where something is gone, Drifted where something has changed.
    """
    said = original.said
    pinned = replace(loaded, recipe=_pinned(loaded.recipe, original))
    facts = survey.survey(pinned.recipe, cloud, session.clock.now().date(), folder=loaded.source.folder)
    merged = preflight.merge(pinned, facts)
    effective = _as_given_then(said, merged)
    found = _Found(checked=[*loaded.notices, *preflight.check(pinned, facts, effective)])
    if facts.unusable:
        found.hint = f"{_ROWS}; {_AGAIN}"
    lost = tuple(locking.missing_assets(pinned, cloud))
    found.checked += [*_archived(pinned, facts, cloud), *lost]
    found.drifted += _other_variables(session, original, loaded)
    if not original.settings and merged is not None:
        found.drifted += other_parameters(pinned, recorded_parameters(said), merged)
    now = _resolved(pinned, facts, cloud, found)
    others = tuple(_other_pins(pinned, original, now or Pins()))
    found.drifted += [each for each in others if each.severity is Severity.ERROR]
    found.checked += [each for each in others if each.severity is not Severity.ERROR]
    there = now and not facts.unusable and not lost
    prepared = _prepared(pinned, cloud, original, into, found) if there else {}
    found.checked += _live(pinned, facts)
    found.checked += [*_newer(loaded, cloud, facts), *_other_versions(loaded, said, facts)]
    found.refuse(loaded, said.run_id)
    planned = plan(pinned.recipe, facts, effective, loaded.source.in_order(found.checked))
    return Repeated(
        opened=Opened(
            loaded=loaded,
            cloud=cloud,
            facts=facts,
            plan=opening.with_cost(pinned, facts, planned),
            pins=pins.with_rows(now or Pins(), prepared),
        ),
        prepared=prepared,
    )


def _pinned(recipe: Recipe, original: Original) -> Recipe:
    """Fix what names meant then, but where a setting asks for something else."""
    fixed = pinned_recipe(recipe, original.said)
    if original.sets("model"):
        fixed = replace(fixed, model=recipe.model)
    if recipe.finetune and original.sets("model.registry", "finetune.task", "finetune.component_version"):
        version = recipe.finetune.component_version
        fixed = replace(fixed, finetune=replace(given(fixed.finetune), component_version=version))
    return replace(fixed, dataset=recipe.dataset) if original.sets("dataset") else fixed


def _as_given_then(said: Manifest, merged: Effective | None) -> Effective | None:
    """Tell of each parameter who gave it then, unless it is another one now."""
    then = recorded_parameters(said)
    if merged is None or then is None:
        return merged
    parameters = {
        name: then.parameters[name]
        if name in then.parameters and then.parameters[name].value == each.value
        else each
        for name, each in merged.parameters.items()
    }
    return Effective(parameters=parameters, dropped={}, overridden={})


def _archived(pinned: Loaded, facts: Facts, cloud: "Cloud") -> Iterator[Diagnostic]:
    """Find a component that is archived; of a model a preflight tells."""
    component = facts.component
    if component and cloud.registry.is_component_archived(component.name, component.version):
        yield pinned.source.diagnostic(
            ("finetune", "component_version"),
            code="component-archived",
            message=f"{component.name} version {component.version} is archived",
            mend="--set finetune.component_version=latest takes the newest; the verdict will name it",
        )


def _other_variables(session: Session, original: Original, loaded: Loaded) -> tuple[Diagnostic, ...]:
    if original.variables is None:
        return ()
    try:
        refuse_others(loaded, session.environment, original.said.run_id, original.variables)
    except Drifted as drifted:
        return drifted.diagnostics
    return ()


def _resolved(pinned: Loaded, facts: Facts, cloud: "Cloud", found: _Found) -> Pins | None:
    """Take the pins; None where the rows' source refuses, which is told with all else."""
    try:
        return opening.resolved(pinned, facts, cloud)
    except RecipeInvalid as refused:
        found.add_refused(refused)
        return None


def _other_pins(pinned: Loaded, original: Original, now: Pins) -> Iterator[Diagnostic]:
    """Find versions that are what they were by name alone; a registry does not change what it published.

    Of the tags only one decides what is trained: of others, such as a day of retirement that has been set
    since, there is a warning, and the checks judge them.
    """
    then = pins.from_json(original.said.pins)
    if then.model and now.model and not original.sets("model"):
        for tag in sorted({*then.model.tags, *now.model.tags} if then.model.tags else ()):
            if then.model.tags.get(tag) != now.model.tags.get(tag):
                message = f"tag {tag} of {then.model.id} is not what it was"
                changed = _changed(pinned, ("model", "version"), message)
                decides = tag == DEFAULTS_TAG
                yield changed if decides else replace(changed, severity=Severity.WARNING, mend="")
    if then.component and now.component and then.component.version == now.component.version:
        digest = then.component.inputs_sha256
        if digest and digest != now.component.inputs_sha256:
            message = (
                f"the inputs of {then.component.name} version {then.component.version} are not what they were"
            )
            yield _changed(pinned, ("finetune", "component_version"), message)


def _changed(pinned: Loaded, key: tuple[str, ...], message: str, expected: str = "") -> Diagnostic:
    return pinned.source.diagnostic(key, code="drifted", message=message, expected=expected, mend=_AGAIN)


def _prepared(
    pinned: Loaded, cloud: "Cloud", original: Original, into: Path, found: _Found
) -> Mapping[str, PreparedSplit]:
    """Prepare the rows and hold them against those of the run."""
    section = pinned.recipe.dataset
    if section is None:
        return {}
    workspace = workspace_of(section, cloud)
    try:
        prepared = dataset.prepare(section, folder=pinned.source.folder, into=into, workspace=workspace)
    except RecipeInvalid as refused:
        found.add_refused(refused)
        return {}
    if not original.sets("dataset"):
        found.drifted += _other_rows(pinned, _recorded_rows(original.said), prepared)
    return prepared


def _recorded_rows(said: Manifest) -> Mapping[str, FilePin]:
    """Give what was recorded of the rows; runs of earlier versions did so in the dataset's step alone."""
    then = pins.from_json(said.pins).dataset
    if then and then.files:
        return then.files
    step = said.steps.get("dataset")
    assets = step.intent.get("assets", {}) if step else {}
    return {
        role: FilePin(sha256=each["sha256"], rows=each["rows"], bytes=each["bytes"])
        for role, each in assets.items()
        if "sha256" in each
    }


def _other_rows(
    pinned: Loaded, then: Mapping[str, FilePin], prepared: Mapping[str, PreparedSplit]
) -> Iterator[Diagnostic]:
    for role, rows in then.items():
        now = prepared.get(role)
        if now is None or now.sha256 != rows.sha256:
            told = f"{now.rows} rows, sha256 {now.sha256[:_SHOWN_DIGITS]}" if now else "none"
            yield _changed(
                pinned,
                ("dataset", role),
                f"the {role} rows of {now.source if now else pinned.source.path} have changed: {told}",
                f"the run had {rows.rows} rows, sha256 {rows.sha256[:_SHOWN_DIGITS]}",
            )


def _live(pinned: Loaded, facts: Facts) -> Iterator[Diagnostic]:
    """Warn where what is there, and may have users by now, is to serve the model of this run instead."""
    recipe, there = pinned.recipe, facts.endpoint
    if recipe.deployment is None or there is None:
        return
    moved = recipe.traffic is not None and any(there.traffic.values())
    if facts.deployment is None and not moved:
        return
    changes = [f"deployment {recipe.deployment.name} is updated in place"] if facts.deployment else []
    changes += ["its traffic is moved"] if moved else []
    away = " ".join(f"--set {name}=null" for name in SERVING if pinned.source.says((name,)))
    yield pinned.source.diagnostic(
        ("deployment", "name"),
        code="changes-what-is-there",
        message=f"endpoint {there.name} is there and would serve this run's model: {' and '.join(changes)}",
        mend=f"{away} leaves it as it is: the run ends after register",
        severity=Severity.WARNING,
    )


def _newer(loaded: Loaded, cloud: "Cloud", facts: Facts) -> Iterator[Diagnostic]:
    """Tell where `latest` means something else by now; nothing follows from it."""
    recipe, model, component = loaded.recipe, facts.model, facts.component
    if model and recipe.model.version == survey.LATEST:
        newest = cloud.registry.model(model.name, survey.LATEST)
        if newest and newest.version != model.version:
            yield _notice(loaded, ("model", "version"), model.name, model.version, newest.version)
    if component and recipe.finetune and recipe.finetune.component_version == survey.LATEST:
        known = cloud.registry.component(component.name, survey.LATEST)
        if known and known.version != component.version:
            key = ("finetune", "component_version")
            yield _notice(loaded, key, component.name, component.version, known.version)


def _notice(loaded: Loaded, key: tuple[str, ...], name: str, version: str, newest: str) -> Diagnostic:
    return loaded.source.diagnostic(
        key,
        code="newer-version",
        message=f"the newest {name} is {newest} by now; this run keeps version {version}",
        severity=Severity.NOTICE,
    )


def _other_versions(loaded: Loaded, said: Manifest, facts: Facts) -> Iterator[Diagnostic]:
    """Tell what would run in another version than it did, as far as that was recorded."""
    now = provenance.versions(loaded.source.folder, facts.target)
    then = provenance.taking_part(said.versions.get("libraries", {}), facts.target)
    others = [*_others(said.versions, now), *_others(then, now["libraries"])]
    if others:
        yield loaded.source.diagnostic(
            (),
            code="other-versions",
            message=f"not the versions that the run had: {', '.join(others)}",
            expected="figures may differ in their last digits",
            severity=Severity.NOTICE,
        )


def _others(then: Mapping[str, object], now: Mapping[str, object]) -> Sequence[str]:
    return [
        f"{name} {now.get(name, 'is not installed')} (was {version})"
        for name, version in then.items()
        if isinstance(version, str) and version != now.get(name)
    ]
