"""How many rows would be trained on and how long they are, as far as that is known without fetching any."""

from collections.abc import Mapping
from dataclasses import dataclass

from runner.catalog.datasets import known_split
from runner.dataset import Size
from runner.recipe import Dataset


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """The rows of the splits at their source, before any are taken of them or held out.

    `validation` is None where the recipe names no such split. The bytes are those of whole rows, hence of
    columns too that are not trained on. `counted` is False where the number of rows was concluded from the
    head of a long file. `origin` says where the figures are from.
    """

    train: int
    validation: int | None
    bytes_per_row: float
    counted: bool
    origin: str


def rows_of(dataset: Dataset, sizes: Mapping[str, Size]) -> Rows | None:
    """Take what the survey measured in files here, or look the data set up; None where neither tells."""
    measured = dataset.path is not None
    found = sizes if measured else _known(dataset)
    train, validation = found.get("train"), found.get("validation")
    if train is None or not train.rows or ("validation" in dataset.splits() and validation is None):
        return None
    exact = train.exact and (validation is None or validation.exact)
    return Rows(
        train=train.rows,
        validation=validation.rows if validation else None,
        bytes_per_row=train.bytes / train.rows,
        counted=exact,
        origin=_measured(train) if measured else _card(dataset),
    )


def _measured(train: Size) -> str:
    return "counted in the file" if train.exact else "concluded from the head of the file"


def _known(dataset: Dataset) -> Mapping[str, Size]:
    """Look the splits up by role; a data set's configurations and revisions are not told apart."""
    found = {role: known_split(dataset.huggingface or "", split) for role, split in dataset.splits().items()}
    return {role: Size(rows=each.rows, bytes=each.bytes) for role, each in found.items() if each}


def _card(dataset: Dataset) -> str:
    card = known_split(dataset.huggingface or "", dataset.train)
    return f"{card.source} ({card.as_of})" if card else ""
