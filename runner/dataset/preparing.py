"""Take the rows that a recipe asks for, check every one and write the files that are uploaded."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Decimal
from functools import partial
from pathlib import Path
from shutil import copyfile
from typing import TypeVar

from runner.dataset.fetching.fetched import fetched
from runner.dataset.fetching.remote import Workspace
from runner.dataset.hub.repositories import cache_folder, open_repository
from runner.dataset.progress import Progress, silent
from runner.dataset.reading import files
from runner.dataset.reading.batch import Source
from runner.dataset.reading.refusals import refusal
from runner.dataset.selection import Picked, pick
from runner.dataset.sifting.draft import Draft
from runner.dataset.sifting.splits import Share, Sifted, sift
from runner.dataset.sifting.uneven import uneven
from runner.durable import sync_folder
from runner.errors import Diagnostic, RecipeInvalid, RunnerError
from runner.recipe import Dataset, Sampling

# Lists the rows that were left out, beside those that were not.
DROPPED = "dropped.jsonl"

_In = TypeVar("_In")
_Out = TypeVar("_Out")
_ROLES = ("train", "validation", "test")
# All that may lie beside each other where rows were prepared.
FILE_NAMES = (*(f"{role}.jsonl" for role in _ROLES), DROPPED)
_DROPPED = "dropped"


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedSplit:
    """A split as it lies on disk, ready for upload.

    `source` names where it is from, `revision` the commit it is pinned to (None for files), `source_rows`
    how many rows there are at the source. `turns` are messages, `characters` those of their contents.
    `dropped` counts the rows that were left out, by the code of what was wrong with them first.
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

    The same source gives the same bytes, so a second call changes nothing. Rows that are left out are listed
    in `<into>/dropped.jsonl`. Rows that lie in a workspace (`azureml`) take that workspace. Raises
    RecipeInvalid with the first bad rows, CloudUnavailable where the source does not answer.
    """
    try:
        shares = _shares(dataset, _sources(dataset, folder, workspace, progress))
        return _written(dataset, shares, into)
    except OSError as error:
        raise RunnerError(f"{error.filename or into} cannot be read or written: {error.strerror}") from error


def bring(prepared: Mapping[str, PreparedSplit], into: Path) -> Mapping[str, PreparedSplit]:
    """Have splits that lie prepared elsewhere in this folder too, all of them, without reading them again.

    The list of what was left out of them comes along.
    """
    into.mkdir(parents=True, exist_ok=True)
    brought = {role: replace(split, path=into / f"{role}.jsonl") for role, split in prepared.items()}
    for role, split in brought.items():
        _link(prepared[role].path, split.path)
    for listed in {split.path.with_name(DROPPED) for split in prepared.values()}:
        if listed.exists():
            _link(listed, into / DROPPED)
    sync_folder(into)
    return brought


def _link(there: Path, here: Path) -> None:
    here.unlink(missing_ok=True)
    try:
        here.hardlink_to(there)
    except OSError:  # another file system, or one without links
        copyfile(there, here)


def check(dataset: Dataset, *, folder: Path) -> None:
    """Read the rows of local files as `prepare` would. Raises RecipeInvalid with the first bad ones.

    A source that has to be downloaded is checked as it comes.
    """
    if dataset.path is None:
        return
    sift(
        dataset, _shares(dataset, _sources(dataset, folder, None, silent)), lambda _role: nullcontext(_let_go)
    )


def _let_go(lines: bytes) -> None:
    del lines


def _sources(
    dataset: Dataset, folder: Path, workspace: Workspace | None, progress: Progress
) -> Mapping[str, Source]:
    return _each(dataset.splits(), _opened(dataset, folder, workspace, progress))


def _opened(
    dataset: Dataset,
    folder: Path,
    workspace: Workspace | None,
    progress: Progress,
) -> Callable[[str, str], Source]:
    """Give what opens a split, by its role and its name, of wherever the rows are from."""
    head = dataset.rows if dataset.sample is Sampling.HEAD else None
    if dataset.huggingface is not None:
        name, revision, config = dataset.huggingface, dataset.revision, dataset.config
        return open_repository(name, revision, config, progress, head=head).split
    if dataset.azureml is not None:
        assert workspace is not None, "rows in a workspace were asked for without it"  # noqa: S101 - our own mistake
        return partial(_of_workspace, workspace, dataset, progress, head)
    written = dataset.path or "."
    return lambda role, split: files.local(folder, written, split, role)


def _of_workspace(  # noqa: PLR0913, PLR0917 what a split is found by, and how it is fetched
    workspace: Workspace, dataset: Dataset, progress: Progress, head: int | None, role: str, split: str
) -> Source:
    found = workspace.split(dataset.azureml or "", dataset.revision, role, split)
    return fetched(found, role, cache_folder(), progress, head=head)


def _shares(dataset: Dataset, sources: Mapping[str, Source]) -> Mapping[str, Share]:
    """Say for each source which of its rows are read, never none, and for whom."""
    picked = _each(sources, lambda role, source: _picked(dataset, role, source))
    carved = {"train": tuple(dataset.carved())}
    return {
        role: Share(source, picked[role], (role, *carved.get(role, ()))) for role, source in sources.items()
    }


def _each(items: Mapping[str, _In], work: Callable[[str, _In], _Out]) -> Mapping[str, _Out]:
    """Do the work for every role, and refuse once with what is wrong with all of them."""
    done, refused = {}, []
    for role, item in items.items():
        try:
            done[role] = work(role, item)
        except RecipeInvalid as error:
            refused.append(error)
    if refused:
        told = dict.fromkeys(diagnostic for error in refused for diagnostic in error.diagnostics)
        raise RecipeInvalid(refused[0].message, tuple(told))
    return done


def _picked(dataset: Dataset, role: str, source: Source) -> Picked:
    total = source.count()
    if total == 0:
        raise refusal(source.label, role, "empty-split", "the split has no rows")
    picked = pick(dataset, dataset.splits()[role], total)
    if not picked:
        one = (Decimal(100) / total).quantize(Decimal("0.0001"), ROUND_CEILING).normalize()
        message = f"{dataset.percent:g} percent of {total} rows is not one row"
        raise refusal(source.label, "percent", "empty-split", message, mend=f"one row is {one:f} percent")
    return picked


def _written(dataset: Dataset, shares: Mapping[str, Share], into: Path) -> Mapping[str, PreparedSplit]:
    into.mkdir(parents=True, exist_ok=True)
    with _drafts(into) as drafts:
        sifted = sift(dataset, shares, lambda role: drafts[role].filling())
        for role in (*dataset.splits(), *dataset.carved()):
            drafts[role].publish()
        _publish_dropped(sifted.bad_rows.lines(), drafts[_DROPPED])
        sync_folder(into)
        prepared = {
            role: _prepared(dataset, share, role, drafts[role], sifted)
            for share in shares.values()
            for role in share.roles
        }
    return {role: prepared[role] for role in _ROLES if role in prepared}


@contextmanager
def _drafts(into: Path) -> Iterator[Mapping[str, Draft]]:
    """Give each file as a draft; what is not published by the end is gone."""
    drafts = {name: Draft(into / f"{name}.jsonl") for name in (*_ROLES, _DROPPED)}
    try:
        yield drafts
    finally:
        for draft in drafts.values():
            draft.discard()


def _publish_dropped(lines: bytes, draft: Draft) -> None:
    """List what was left out; where nothing was, an earlier list is gone."""
    if not lines:
        draft.path.unlink(missing_ok=True)
        return
    with draft.filling() as put:
        put(lines)
    draft.publish()


def _prepared(dataset: Dataset, share: Share, role: str, draft: Draft, sifted: Sifted) -> PreparedSplit:
    tally, percent = sifted.tallies[role], dataset.carved().get(role)
    total = sum(sifted.tallies[each].rows for each in share.roles)
    return PreparedSplit(
        role=role,
        source=f"{share.source.source} ({percent}% of train)" if percent else share.source.source,
        revision=share.source.revision,
        path=draft.path,
        source_rows=share.picked.total,
        rows=tally.rows,
        bytes=draft.bytes,
        sha256=draft.sha256,
        turns=tally.turns,
        characters=tally.characters,
        warnings=(
            *tally.warnings(role),
            *uneven(share.source.label, role, percent, tally.rows, total),
        ),
        dropped=sifted.bad_rows.of(role),
    )
