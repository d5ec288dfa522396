"""The rows: files that are not there, what a split that is left out means, and how many there are."""

from collections.abc import Iterator

from runner.errors import Diagnostic, Severity
from runner.preflight.case import Case


def files(case: Case) -> Iterator[Diagnostic]:
    """Refuse files that are not there, or are no files, before anything is made."""
    for role, found in case.facts.unusable.items():
        yield case.loaded.source.diagnostic(
            ("dataset", role),
            code=found.code,
            message=f"{found.path}: {found.message}",
            expected=found.expected,
            mend=found.mend
            or "check dataset.path, which starts at the recipe's folder, and the split's name",
        )


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


def too_few_rows(case: Case) -> Iterator[Diagnostic]:
    """Warn where all GPUs together take more rows a step than there are; known only of rows in files here."""
    recipe, effective, rows = case.loaded.recipe, case.effective, case.facts.rows.get("train")
    if rows is None or recipe.dataset is None or recipe.compute is None or effective is None:
        return
    kept = rows if recipe.dataset.validation else rows * 4 // 5
    batch = int(effective.value("per_device_train_batch_size") or 1)
    steps = int(effective.value("gradient_accumulation_steps") or 1)
    gpus = recipe.compute.gpus_per_node * case.nodes
    if kept < gpus * batch * steps:
        yield case.loaded.source.diagnostic(
            ("dataset", "train"),
            code="too-few-rows",
            message=f"{kept} rows are left to train on, fewer than one step takes: {gpus * batch * steps}"
            f" ({gpus} GPUs x batches of {batch} x {steps} accumulated)",
            mend="give more rows, or fewer GPUs, a smaller batch or less accumulation",
            severity=Severity.WARNING,
        )
