"""Take the head of each split, check every row of it and write the files that are uploaded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Decimal
from itertools import islice
from pathlib import Path
from shutil import copyfile
from typing import TypeVar

from runner.dataset.draft import MAX_LISTED, Draft
from runner.dataset.hub import open_repository
from runner.dataset.progress import Progress, silent
from runner.dataset.remote import Workspace
from runner.dataset.selection import taken
from runner.dataset.sources import FileSplit, Split, refusal
from runner.durable import sync_folder
from runner.errors import Diagnostic, RecipeInvalid, RunnerError
from runner.recipe import Dataset

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedSplit:
    """A split as it lies on disk, ready for upload.

    `source` names where it is from, `revision` the commit it is pinned to (None for files), `source_rows`
    how many rows there are at the source. `turns` are messages, `characters` those of their contents.
    `dropped`
    counts the rows that were left out, by the code of what was wrong with them first.
    """

    role: str
    source: str
    revision: str | None
    path: Path
    source_rows: int
    rows: int
    bytes: int
    sha256: str
    turns: int
    characters: int
    warnings: tuple[Diagnostic, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)


def prepare(
    dataset: Dataset,
    *,
    folder: Path,
    into: Path,
    workspace: Workspace | None = None,
    progress: Progress = silent,
) -> Mapping[str, PreparedSplit]:
    """Write `<into>/<role>.jsonl` for train, validation and test, all of them or none.

    The same source gives the same bytes, so a second call changes nothing. A data set that already is in the
    workspace (`azureml`) needs no files: the result is empty. Raises RecipeInvalid with the first bad rows,
    CloudUnavailable where the Hub does not answer.
    """
    del workspace, progress
    if dataset.azureml is not None:
        return {}
    splits = _open_splits(dataset, folder)
    heads = _heads(splits, dataset)
    try:
        return _write_all(splits, heads, into)
    except OSError as error:
        raise RunnerError(f"{error.filename or into} cannot be read or written: {error.strerror}") from error


def bring(prepared: Mapping[str, PreparedSplit], into: Path) -> Mapping[str, PreparedSplit]:
    """Have splits that lie prepared elsewhere in this folder too, all of them, without reading them again."""
    into.mkdir(parents=True, exist_ok=True)
    brought = {role: replace(split, path=into / f"{role}.jsonl") for role, split in prepared.items()}
    for role, split in brought.items():
        split.path.unlink(missing_ok=True)
        try:
            split.path.hardlink_to(prepared[role].path)
        except OSError:  # another file system, or one without links
            copyfile(prepared[role].path, split.path)
    sync_folder(into)
    return brought


def check(dataset: Dataset, *, folder: Path) -> None:
    """Read the rows of local files as `prepare` would. Raises RecipeInvalid with the first bad ones.

    A source that has to be downloaded is checked as it comes.
    """
    if dataset.path is None:
        return
    splits = _open_splits(dataset, folder)
    drafts = {role: Draft(role, folder, split.label) for role, split in splits.items()}
    for role, (_, rows) in _heads(splits, dataset).items():
        drafts[role].check(islice(splits[role].rows(), rows))
    _refuse_bad_rows(tuple(drafts.values()))


def _open_splits(dataset: Dataset, folder: Path) -> Mapping[str, Split]:
    if dataset.huggingface is None:
        written = dataset.path or "."
        return _each(dataset.splits(), lambda role, split: FileSplit(folder, written, split, role))
    return _each(dataset.splits(), open_repository(dataset.huggingface, dataset.revision).split)


def _heads(splits: Mapping[str, Split], dataset: Dataset) -> Mapping[str, tuple[int, int]]:
    """Count for each role the rows at the source and those to take, never none."""
    return _each(splits, lambda role, split: _head_of(split, role, dataset))


def _each(items: Mapping[str, _In], work: Callable[[str, _In], _Out]) -> Mapping[str, _Out]:
    """Do the work for every role, and refuse once with what is wrong with all of them."""
    done, refused = {}, []
    for role, item in items.items():
        try:
            done[role] = work(role, item)
        except RecipeInvalid as error:
            refused.append(error)
    if refused:
        diagnostics = tuple(diagnostic for error in refused for diagnostic in error.diagnostics)
        raise RecipeInvalid(refused[0].message, diagnostics)
    return done


def _head_of(split: Split, role: str, dataset: Dataset) -> tuple[int, int]:
    total = split.count()
    if total == 0:
        raise refusal(split.label, role, "empty-split", "the split has no rows")
    rows = taken(dataset, total)
    if rows == 0:
        one = (Decimal(100) / total).quantize(Decimal("0.0001"), ROUND_CEILING).normalize()
        message = f"{dataset.percent:g} percent of {total} rows is not one row"
        mend = f"one row is {one:f} percent"
        raise refusal(split.label, "percent", "empty-split", message, mend=mend)
    return total, rows


def _write_all(
    splits: Mapping[str, Split], heads: Mapping[str, tuple[int, int]], into: Path
) -> Mapping[str, PreparedSplit]:
    into.mkdir(parents=True, exist_ok=True)
    drafts = {role: Draft(role, into, split.label) for role, split in splits.items()}
    try:
        train: set[int] = set()
        for role, draft in drafts.items():
            draft.fill(islice(splits[role].rows(), heads[role][1]), train)
        _refuse_bad_rows(tuple(drafts.values()))
        for draft in drafts.values():
            draft.publish()
        sync_folder(into)
    finally:
        for draft in drafts.values():
            draft.discard()
    return {role: _prepared(draft, splits[role], heads[role][0]) for role, draft in drafts.items()}


def _refuse_bad_rows(drafts: Sequence[Draft]) -> None:
    if not any(draft.bad_rows for draft in drafts):
        return
    listed = tuple(diagnostic for draft in drafts for diagnostic in draft.diagnostics)[:MAX_LISTED]
    counts = ", ".join(
        f"{draft.bad_rows} of {draft.seen} in {draft.role}" for draft in drafts if draft.bad_rows
    )
    raise RecipeInvalid(f"rows that cannot be trained on: {counts}", listed)


def _prepared(draft: Draft, split: Split, source_rows: int) -> PreparedSplit:
    return PreparedSplit(
        role=draft.role,
        source=split.source,
        revision=split.revision,
        path=draft.path,
        source_rows=source_rows,
        rows=draft.seen,
        bytes=draft.bytes,
        sha256=draft.digest.hexdigest(),
        turns=draft.turns,
        characters=draft.characters,
        warnings=draft.warnings(),
    )
