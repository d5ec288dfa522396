"""The rows: what a split that is left out means, and where rows cannot be had."""

from collections.abc import Iterator

from runner.errors import Diagnostic, Severity
from runner.preflight.case import Case


def validation_split(case: Case) -> Iterator[Diagnostic]:
    """Tell that the component takes validation rows from the training rows if it is given none."""
    section = case.loaded.recipe.dataset
    if section is not None and section.validation is None and case.loaded.recipe.finetune is not None:
        yield case.loaded.source.diagnostic(
            ("dataset",),
            code="validation-from-train",
            message="without dataset.validation the component takes 20% of the training rows for validation",
            severity=Severity.NOTICE,
        )


def sample_rows(case: Case) -> Iterator[Diagnostic]:
    """Refuse a sample of rows that the runner does not have."""
    recipe = case.loaded.recipe
    if recipe.sample is not None and recipe.dataset is not None and recipe.dataset.azureml:
        yield case.loaded.source.diagnostic(
            ("sample",),
            code="sample-needs-rows",
            message="rows of a data asset that lies in the workspace are not downloaded for sampling",
            mend="leave sample out, or name the source by dataset.path or dataset.huggingface",
        )
