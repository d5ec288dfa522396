"""The model: that it is there, and that Azure still trains it."""

from collections.abc import Iterator

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
            expected="its allow lists can only be checked online",
            severity=Severity.NOTICE,
        )
    elif model is None:
        yield case.loaded.source.diagnostic(
            ("model", "name"),
            code="model-not-found",
            message=f"registry {recipe.model.registry} has no {recipe.model.name} {recipe.model.version}",
            mend="check model.name and model.version",
        )
    else:
        yield from _lifecycle(case, model)


def _lifecycle(case: Case, model: RegistryModel) -> Iterator[Diagnostic]:
    """Refuse on Azure what is archived; the emulator, where old runs are replayed, only warns."""
    known = catalog.model(model.registry, model.name)
    archived = case.past(model.archived or (known.archived if known else None))
    if known and known.emulator_only and case.on_azure:
        yield case.loaded.source.diagnostic(
            ("model", "name"),
            code="model-only-on-emulator",
            message=f"{model.name} is the emulator's own",
            mend="choose a model of the azureml registry, such as Phi-4",
        )
    retired = case.past(model.tags.get("FinetuneRetirementDate"))
    if archived or retired:
        dates = [f"archived {archived}"] if archived else []
        dates += [f"fine-tuning retired {retired}"] if retired else []
        yield case.loaded.source.diagnostic(
            ("model", "name"),
            code="model-retired",
            message=f"{model.name} is {' and '.join(dates)}",
            mend="choose a model that is not, such as Phi-4",
            severity=Severity.ERROR if case.on_azure else Severity.WARNING,
        )
