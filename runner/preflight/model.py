"""The model: that it is there, and that Azure still trains it."""

import difflib
from collections.abc import Callable, Iterator

from runner import catalog
from runner.catalog import RegistryModel
from runner.errors import Diagnostic, Severity
from runner.preflight.case import Case


def found(case: Case) -> Iterator[Diagnostic]:
    """Check that the model is there, and that Azure still trains it."""
    model, recipe = case.facts.model, case.loaded.recipe
    if model is None and case.facts.offline:
        yield case.loaded.source.diagnostic(
            ("model", "name"),
            code="model-not-in-catalog",
            message=f"the catalog of {catalog.as_of()['models']} does not have {recipe.model.name}",
            expected="its allow lists, defaults and memory are known only online",
            mend=_meant(recipe.model.registry, recipe.model.name),
            severity=Severity.NOTICE,
        )
    elif model is None:
        yield case.loaded.source.diagnostic(
            ("model", "name"),
            code="model-not-found",
            message=f"registry {recipe.model.registry} has no {recipe.model.name} {recipe.model.version}",
            mend=_meant(recipe.model.registry, recipe.model.name) or "check model.name and model.version",
        )
    else:
        yield from _other_version(case, model)
        yield from _lifecycle(case, model)


def _meant(registry: str, name: str) -> str:
    known = {each.lower(): each for each in catalog.model_names(registry)}
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return f"did you mean {known[close[0]]}?" if close and known[close[0]] != name else ""


def _other_version(case: Case, model: RegistryModel) -> Iterator[Diagnostic]:
    known = catalog.model(model.registry, model.name)
    if case.facts.offline and known is not None and known.version != model.version:
        yield case.loaded.source.diagnostic(
            ("model", "version"),
            code="version-not-in-catalog",
            message=f"what is known offline is of version {known.version}, as of {catalog.as_of()['models']}",
            expected="plan without --offline asks the registry",
            severity=Severity.NOTICE,
        )


def _lifecycle(case: Case, model: RegistryModel) -> Iterator[Diagnostic]:
    """Refuse on Azure what is archived; the emulator, where old runs are replayed, only warns."""
    known = catalog.model(model.registry, model.name)
    if known and known.emulator_only and case.on_azure:
        yield case.loaded.source.diagnostic(
            ("model", "name"),
            code="model-only-on-emulator",
            message=f"{model.name} is the emulator's own",
            mend="choose a model of the azureml registry, such as Phi-4",
        )
    gone = [*_archived(case, model, known), *_retirements(case, model, case.past, "retired")]
    if gone:
        yield case.loaded.source.diagnostic(
            ("model", "name"),
            code="model-retired",
            message=f"{model.name} is {' and '.join(gone)}",
            mend="choose a model that is not, such as Phi-4",
            severity=case.gentle,
        )
    going = _retirements(case, model, case.soon, "retires")
    if going and not gone:
        yield case.loaded.source.diagnostic(
            ("model", "name"),
            code="model-retires",
            message=f"of {model.name}, {' and '.join(going)}",
            mend="choose a model that stays, such as Phi-4",
            severity=Severity.WARNING,
        )


def _archived(case: Case, model: RegistryModel, known: RegistryModel | None) -> list[str]:
    """Tell whether it is archived; of a version newer than the catalog's only the registry can tell."""
    day = case.past(model.archived or (known.archived if known and not _newer(model, known) else None))
    return [f"archived {day}"] if day else ["archived"] if model.is_archived else []


def _newer(model: RegistryModel, known: RegistryModel) -> bool:
    return model.version.isdecimal() and int(model.version) > int(known.version)


def _retirements(case: Case, model: RegistryModel, when: Callable[[object], str], word: str) -> list[str]:
    """Tell which of what the recipe does with the model ends, in the words and on the days of its tags."""
    recipe = case.loaded.recipe
    tags = {"fine-tuning": "FinetuneRetirementDate"} if recipe.finetune else {}
    tags |= {"inference": "InferenceRetirementDate"} if recipe.deployment else {}
    days = {purpose: when(model.tags.get(tag)) for purpose, tag in tags.items()}
    return [f"{purpose} {word} {day}" for purpose, day in days.items() if day]
