"""Splits of a dataset on the Hugging Face Hub, pinned to a commit, and no byte fetched that is not needed.

Which files make up a split is answered by `datasets`, as for everyone who loads it. They are read here, since
`load_dataset` fetches and converts all splits to give the head of one. The address of the Hub, the cache and
the token are what the libraries read from the environment.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.dataset.fetching.fetched import fetched
from runner.dataset.fetching.remote import Remote, RemoteSplit
from runner.dataset.hub.asking import asked
from runner.dataset.hub.file import found_file, keep_token_secret
from runner.dataset.hub.known import Known
from runner.dataset.hub.splits import splits
from runner.dataset.progress import Progress, silent
from runner.dataset.reading.batch import Source
from runner.dataset.reading.refusals import no_such_split, refusal

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo

_COMMIT = re.compile(r"[0-9a-f]{40}")
_TIMEOUT_SECONDS = 30
_LINES = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True, slots=True)
class Repository:
    """A dataset repository at one commit; `splits` are the files of each split, in order.

    With `head`, only so many first rows of a split are going to be asked for.
    """

    name: str
    commit: str
    splits: Mapping[str, Sequence[str]]
    progress: Progress = silent
    head: int | None = None

    def split(self, role: str, split: str) -> Source:
        """Give a split by its name, refused where it is missing or in a format that is not read here."""
        files = self.splits.get(split)
        if files is None:
            raise no_such_split(self.name, role, split, tuple(self.splits))
        if not _is_read(files):
            raise refusal(
                self.name,
                role,
                "unreadable-format",
                "the split's files are of a format that is not read here",
                expected="must be Parquet or JSON lines",
            )
        found = RemoteSplit(
            source=f"{self.name}@{self.commit}:{split}",
            label=f"{self.name}:{split}",
            revision=self.commit,
            files=[self._file(name) for name in files],
        )
        return fetched(found, role, cache_folder(), self.progress, head=self.head)

    def _file(self, name: str) -> Remote | Path:
        """Give a file where the Hub's own library has it, else where it is on the Hub."""
        from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 heavy, and most commands load no data

        here = try_to_load_from_cache(self.name, name, repo_type="dataset", revision=self.commit)
        if isinstance(here, str):
            return Path(here)
        known = Known(cache_folder())
        return asked(self.name, lambda: found_file(known, self.name, self.commit, name), self.progress)


def commit_of(name: str, revision: str | None) -> str:
    """Give the commit that a branch or tag is now; a commit is one already, and nobody is asked.

    Raises RecipeInvalid where there is none, CloudUnavailable where the Hub does not answer.
    """
    if revision and _COMMIT.fullmatch(revision):
        return revision
    return _resolved(name, revision, silent)[1]


def open_repository(
    name: str,
    revision: str | None,
    config: str | None = None,
    progress: Progress = silent,
    *,
    head: int | None = None,
) -> Repository:
    """Resolve a revision to its commit and find what splits it has; nothing but metadata is fetched.

    What is known of a commit is not asked again: with what is held of its files, no Hub is needed.
    """
    _quieten()
    identity, commit = _resolved(name, revision, progress)
    return Repository(identity, commit, _splits(identity, commit, config, progress), progress, head)


def cache_folder() -> Path:
    """Give the folder in which parts of files are kept, beside those of the Hub's own library."""
    from huggingface_hub import constants  # noqa: PLC0415 as above

    return Path(constants.HF_HOME) / "runner"


def _resolved(name: str, revision: str | None, progress: Progress) -> tuple[str, str]:
    """Give the repository's name as the Hub writes it, and the commit."""
    from huggingface_hub import constants  # noqa: PLC0415 as above

    known = Known(cache_folder())
    key = ("revision", constants.ENDPOINT, name, revision or "main")
    settled = constants.is_offline_mode() or _COMMIT.fullmatch(revision or "")
    said = known.get(*key) if settled else None
    if not said:
        info = asked(name, lambda: _info(name, revision), progress)
        said = [info.id, str(info.sha)]
        known.put(said, *key)
    identity, commit = said
    return identity, commit


def _is_read(files: Sequence[str]) -> bool:
    """Tell whether they are all of one kind, and of one that is read here."""
    endings = {Path(name).suffix for name in files}
    return endings == {".parquet"} or endings <= set(_LINES)


def _info(name: str, revision: str | None) -> "DatasetInfo":
    from huggingface_hub import HfApi  # noqa: PLC0415 as above

    keep_token_secret()
    return HfApi().dataset_info(name, revision=revision or "main", timeout=_TIMEOUT_SECONDS)


def _splits(name: str, commit: str, config: str | None, progress: Progress) -> Mapping[str, Sequence[str]]:
    from huggingface_hub import constants  # noqa: PLC0415 as above

    known = Known(cache_folder())
    key = ("splits", constants.ENDPOINT, name, commit, config or "")
    said: Mapping[str, Sequence[str]] | None = known.get(*key)
    if not said:
        said = asked(name, lambda: splits(name, commit, config), progress)
        known.put(said, *key)
    return said


def _quieten() -> None:
    """Turn off progress bars and chatter."""
    from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415 as above

    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
