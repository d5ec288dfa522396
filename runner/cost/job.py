"""From a recipe and its parameters in force to the training they mean, or all that is missing to tell."""

import math
from dataclasses import dataclass
from decimal import Decimal

from runner.catalog import VmSize
from runner.catalog.figures import Span, exactly, figure
from runner.catalog.gpus import Peak, peak
from runner.cost.rows import Rows
from runner.cost.training import Recomputation, Work
from runner.dataset.selection import taken
from runner.parameters import Effective
from runner.recipe import Dataset, Recipe, given

# What the component takes of the training rows where it is given none for validation.
_VALIDATION_SHARE = 0.2


class Gap(Exception):
    """Something that the time cannot be told without is unknown; no one outside this room meets it."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """The training on its nodes; `notes` say what its figures stand on."""

    work: Work
    nodes: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Settings:
    """The parameters that decide how much is trained, as the component reads them."""

    rows_per_step: int
    accumulation: int
    nodes: int
    epochs: int
    max_steps: int
    max_length: int
    padded: bool
    lora: bool
    deepspeed: bool
    precision: str


@dataclass(frozen=True, slots=True)
class _Passes:
    """The rows that go through training in all, through one evaluation, and how often each epoch is run."""

    rows: float
    validation: float
    epochs: float


def job_of(
    recipe: Recipe,
    effective: Effective | None,
    *,
    size: VmSize | None,
    parameters: int | None,
    rows: Rows | None,
) -> Job:
    """Work out what is trained. Raises Gap with every reason why that cannot be told."""
    settings = _settings(effective) if effective else None
    rate = peak(size.gpu, settings.precision) if size and size.gpu and settings else None
    reasons = tuple(_reasons(recipe, settings, size=size, parameters=parameters, rows=rows, rate=rate))
    # A reason is given for each of these, so the second half only tells the type checker.
    if reasons or not (settings and size and parameters and rows and rate and effective):
        raise Gap(reasons)
    gpus = int(size.gpus) * settings.nodes
    passes = _passes(given(recipe.dataset), settings, rows, gpus)
    work = Work(
        parameters=parameters,
        tokens_per_row=_tokens_per_row(rows, settings),
        rows=passes.rows,
        evaluated_rows=passes.validation * _evaluations(effective, settings, passes, gpus),
        rows_per_step=settings.rows_per_step,
        gpus=gpus,
        lora=settings.lora,
        recomputation=_recomputation(settings),
        peak=rate.flops,
    )
    return Job(work=work, nodes=settings.nodes, notes=_notes(settings, rows, rate))


def _settings(effective: Effective) -> _Settings:
    value = effective.value
    return _Settings(
        rows_per_step=int(value("per_device_train_batch_size") or 1),
        accumulation=int(value("gradient_accumulation_steps") or 1),
        nodes=int(value("num_nodes_finetune") or 1),
        epochs=int(value("num_train_epochs") or 1),
        max_steps=int(value("max_steps") or -1),
        max_length=int(value("max_seq_length") or -1),
        padded=value("pad_to_max_length") is True,
        lora=value("apply_lora") is True,
        deepspeed=value("apply_deepspeed") is True,
        precision=str(value("precision") or "32"),
    )


def _reasons(  # noqa: PLR0913 - each may be what is missing
    recipe: Recipe,
    settings: _Settings | None,
    *,
    size: VmSize | None,
    parameters: int | None,
    rows: Rows | None,
    rate: Peak | None,
) -> list[str]:
    compute, dataset = given(recipe.compute), given(recipe.dataset)
    missing = []
    if settings is None:
        missing.append("the parameters in force are not known")
    if size is None:
        missing.append(f"the size {compute.size} is not known")
    elif size.gpus < 1 or size.gpu is None:
        missing.append(f"{size.name} has no whole GPU")
    elif settings is not None and rate is None:
        missing.append(f"how fast a {size.gpu} is at {settings.precision} bits is not in the catalog")
    if not parameters:
        missing.append(f"how many weights {recipe.model.name} has is not known")
    if rows is None:
        missing.append(f"how many rows {_source(dataset)} has is not known here")
    return missing


def _source(dataset: Dataset) -> str:
    return dataset.source or "the data set"


def _passes(dataset: Dataset, settings: _Settings, rows: Rows, gpus: int) -> _Passes:
    """Count the rows; `max_steps` overrules the epochs, as it does in the component's trainer."""
    rows_taken, shares = max(taken(dataset, rows.train), 1), dataset.carved()
    train = float(rows_taken * (1 - sum(shares.values(), Decimal()) / 100))
    if "validation" in shares:
        validation = float(rows_taken * shares["validation"] / 100)
    elif rows.validation is None:
        train, validation = train * (1 - _VALIDATION_SHARE), train * _VALIDATION_SHARE
    else:
        validation = float(taken(dataset, rows.validation))
    if settings.max_steps > 0:
        trained = float(settings.max_steps * settings.accumulation * settings.rows_per_step * gpus)
        return _Passes(trained, validation, trained / train)
    return _Passes(train * settings.epochs, validation, float(settings.epochs))


def _tokens_per_row(rows: Rows, settings: _Settings) -> Span:
    """Estimate a row's tokens by its bytes.

    A row that is cut is counted at the limit; the mean of cut rows is at most the mean that is cut.
    """
    if settings.padded and settings.max_length > 0:
        return exactly(settings.max_length)
    ratio = figure("bytes_per_token").span
    limit = settings.max_length if settings.max_length > 0 else math.inf
    return Span(
        low=min(rows.bytes_per_row / ratio.high, limit),
        likely=min(rows.bytes_per_row / ratio.likely, limit),
        high=min(rows.bytes_per_row / ratio.low, limit),
    )


def _recomputation(settings: _Settings) -> Recomputation:
    """Tell whether activations are recomputed, which the component does not let anyone choose.

    It forces recomputation for the model types it lists, and never does it for LoRA without DeepSpeed:
    Azure/azureml-assets:assets/training/finetune_acft_hf_nlp/src/finetune/finetune.py@008bf68c. Which type a
    model has is not known here.
    """
    if settings.lora and not settings.deepspeed:
        return Recomputation.NEVER
    return Recomputation.MAYBE


def _evaluations(effective: Effective, settings: _Settings, passes: _Passes, gpus: int) -> float:
    """Count how often the validation rows are gone through."""
    strategy = effective.value("evaluation_strategy")
    if strategy == "disable":
        return 0
    if strategy != "steps":
        return max(passes.epochs, 1)
    interval = float(effective.value("evaluation_steps_interval") or 0)
    if interval > 0:
        return passes.epochs / interval
    steps = passes.rows / (settings.rows_per_step * settings.accumulation * gpus)
    return steps / int(effective.value("eval_steps") or 500)


def _notes(settings: _Settings, rows: Rows, rate: Peak) -> tuple[str, ...]:
    cut = f", cut at {settings.max_length}" if settings.max_length > 0 else ""
    padded = settings.padded and settings.max_length > 0
    tokens = f"padded to {settings.max_length}" if padded else f"estimated from bytes, not counted{cut}"
    return (
        f"rows: {rows.origin}",
        f"tokens: {tokens}",
        f"GPU: {rate.source} ({rate.as_of})",
    )
