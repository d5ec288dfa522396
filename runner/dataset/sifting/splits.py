"""All splits of a data set, one after the other: from their sources through the sieve to where lines go."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

from runner.dataset.pipeline import ahead
from runner.dataset.reading.batch import Batch, Source
from runner.dataset.reading.refusals import refusal
from runner.dataset.selection import Picked
from runner.dataset.sifting.carving import Carving
from runner.dataset.sifting.dropped import BadRows
from runner.dataset.sifting.sieve import Sieve, Tally
from runner.dataset.sifting.uneven import CAUSE, HELP
from runner.errors import RecipeInvalid, RunnerError
from runner.recipe import Dataset

Put = Callable[[bytes], None]
Filling = Callable[[str], AbstractContextManager[Put]]


@dataclass(frozen=True, slots=True)
class Share:
    """What is read of a source, and the roles it is for: of train also those that are carved out of it."""

    source: Source
    picked: Picked
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sifted:
    """What there is to tell once all rows were read."""

    bad_rows: BadRows
    tallies: dict[str, Tally] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)


def sift(dataset: Dataset, shares: Mapping[str, Share], filling: Filling) -> Sifted:
    """Read every row that was picked, and hand the sound ones to what `filling` opens for their role.

    Raises RecipeInvalid with the first bad rows where there are more of them than may be left out, or where
    no row is left; all rows of all splits are looked at before.
    """
    sifted = Sifted(BadRows(dataset.max_bad_rows))
    for role, share in shares.items():
        _sift_one(dataset, role, share, filling, sifted)
    sifted.bad_rows.refuse(sifted.read)
    _refuse_empty(shares, sifted)
    return sifted


def _sift_one(dataset: Dataset, role: str, share: Share, filling: Filling, sifted: Sifted) -> None:
    tallies = {each: Tally() for each in share.roles}
    sieve = Sieve(
        role=role,
        columns=dataset.columns,
        bad_rows=sifted.bad_rows,
        carving=Carving.of(role, dataset.carved() if role == "train" else {}, dataset.seed),
        earlier=dict(sifted.tallies),
        tallies=tallies,
    )
    batches = share.source.batches(share.picked, dataset.columns.names())
    with ExitStack() as stack:
        puts = {each: stack.enter_context(filling(each)) for each in share.roles}
        _pass(stack.enter_context(ahead(batches)), sieve, puts)
    if sieve.read != len(share.picked):
        raise RunnerError(f"{share.source.label} has changed while it was read", hint="try again")
    sifted.tallies.update(tallies)
    sifted.read[role] = sieve.read


def _pass(batches: Iterator[Batch], sieve: Sieve, puts: Mapping[str, Put]) -> None:
    for batch in batches:
        for role, lines in sieve.sift(batch).items():
            puts[role](lines)


def _refuse_empty(shares: Mapping[str, Share], sifted: Sifted) -> None:
    refused = [
        _empty(share, role)
        for share in shares.values()
        for role in share.roles
        if not sifted.tallies[role].rows
    ]
    if refused:
        diagnostics = tuple(diagnostic for error in refused for diagnostic in error.diagnostics)
        raise RecipeInvalid(refused[0].message, diagnostics)


def _empty(share: Share, role: str) -> RecipeInvalid:
    rows = f"{len(share.picked)} rows" if len(share.picked) > 1 else "one row"
    message, mend = f"none of {rows} can be used", "take more rows"
    if len(share.roles) > 1:
        message = f"none of {rows} is for it: {CAUSE}"
        mend += ", or smaller shares" if role == share.roles[0] else f", or {HELP}"
    return refusal(share.source.label, role, "empty-split", message, mend=mend)
