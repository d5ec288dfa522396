"""Splits of a dataset on the Hugging Face Hub, pinned to a commit, and no file fetched that is not needed.

Which files make up a split is answered by `datasets`, as for everyone who loads it. They are read here, since
`load_dataset` fetches and converts all splits to give the head of one. The address of the Hub, the cache and
the token are what the libraries read from the environment.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from runner.dataset.batch import Batch
from runner.dataset.parquet import ParquetSource
from runner.dataset.selection import Picked
from runner.dataset.sources import count_lines, in_batches, no_such_split, read_lines, refusal
from runner.errors import CloudUnavailable, RecipeInvalid, RunnerError

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo

_COMMIT = re.compile(r"[0-9a-f]{40}")
_TIMEOUT_SECONDS = 30
_LINE_FORMATS = (".jsonl", ".ndjson", ".json")
_FOOTER_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Repository:
    """A dataset repository at one commit; `splits` are the files of each split, in order."""

    name: str
    commit: str
    splits: dict[str, tuple[str, ...]]

    def split(self, role: str, split: str) -> "HubSplit":
        """Give a split by its name, refused where it is missing or in a format that is not read here."""
        files = self.splits.get(split)
        if files is None:
            raise no_such_split(self.name, role, split, tuple(self.splits))
        if not all(name.endswith((".parquet", *_LINE_FORMATS)) for name in files):
            raise refusal(
                self.name,
                role,
                "unreadable-format",
                "the split's files are of a format that is not read here",
                expected="Parquet or JSON lines",
            )
        return HubSplit(self, split, files)


class HubSplit:
    """A split whose files are fetched when their rows are asked for, each once (the libraries' cache)."""

    def __init__(self, repository: Repository, split: str, files: Sequence[str]) -> None:
        self.source = f"{repository.name}@{repository.commit}:{split}"
        self.label = f"{repository.name}:{split}"
        self.revision: str | None = repository.commit
        self._repository = repository
        self._files = files
        self._counts: dict[str, int] = {}

    def count(self) -> int:
        """Count the rows; of a Parquet file that is not here, only the footer is fetched."""
        with _hub_errors(self._repository.name):
            return sum(self._count(name) for name in self._files)

    def batches(self, picked: Picked, columns: Sequence[str]) -> Iterator[Batch]:
        """Give the picked rows of one file after the other; one that has none is not fetched."""
        first = 0
        with _hub_errors(self._repository.name):
            for name in self._files:
                past = first + self._count(name)
                if numbers := picked.within(first, past):
                    of_file = Picked(past - first, [number - first for number in numbers])
                    yield from self._batches(self._fetched(name), of_file, columns)
                first = past

    def _batches(self, path: Path, picked: Picked, columns: Sequence[str]) -> Iterator[Batch]:
        if path.suffix == ".parquet":
            return ParquetSource([path], self.label, self.source).batches(picked, columns)
        return in_batches(read_lines(path), self.label, picked)

    def _count(self, name: str) -> int:
        if name not in self._counts:
            self._counts[name] = self._counted(name)
        return self._counts[name]

    def _counted(self, name: str) -> int:
        if not name.endswith(".parquet"):
            return count_lines(self._fetched(name))
        return _parquet_count(self._cached(name) or self._remote(name))

    def _fetched(self, name: str) -> Path:
        from huggingface_hub import hf_hub_download  # noqa: PLC0415 heavy, and most commands load no data

        repository = self._repository
        return Path(hf_hub_download(repository.name, name, repo_type="dataset", revision=repository.commit))

    def _cached(self, name: str) -> str | None:
        from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 as above

        repository = self._repository
        found = try_to_load_from_cache(repository.name, name, repo_type="dataset", revision=repository.commit)
        return found if isinstance(found, str) else None

    def _remote(self, name: str) -> str:
        return f"hf://datasets/{self._repository.name}@{self._repository.commit}/{name}"


def commit_of(name: str, revision: str | None) -> str:
    """Give the commit that a branch or tag is now; a commit is one already, and nobody is asked.

    Raises RecipeInvalid where there is none, CloudUnavailable where the Hub does not answer.
    """
    if revision and _COMMIT.fullmatch(revision):
        return revision
    with _hub_errors(name):
        return str(_info(name, revision).sha)


def open_repository(name: str, revision: str | None) -> Repository:
    """Resolve a revision to its commit and find what splits it has; nothing but metadata is fetched."""
    _quieten()
    with _hub_errors(name):
        info = _info(name, revision)
        commit = str(info.sha)
        return Repository(info.id, commit, _splits(info.id, commit))


def _info(name: str, revision: str | None) -> "DatasetInfo":
    from huggingface_hub import HfApi  # noqa: PLC0415 heavy, and most commands load no data

    return HfApi().dataset_info(name, revision=revision or "main", timeout=_TIMEOUT_SECONDS)


def _splits(name: str, commit: str) -> dict[str, tuple[str, ...]]:
    import datasets  # noqa: PLC0415 takes a second, and most commands load no data

    # With this prefix a folder of the same name, or a format's name, cannot stand in for the repository.
    builder = datasets.load_dataset_builder(f"hf://datasets/{name}", revision=commit)
    prefix = f"hf://datasets/{name}@{commit}/"
    splits = {
        str(split): tuple(str(file).removeprefix(prefix) for file in files)
        for split, files in (builder.config.data_files or {}).items()
    }
    # The library falls back to what it has in its cache, of whatever commit.
    if any(file.startswith("/") or "://" in file for files in splits.values() for file in files):
        message = f"the files of {name} are not those of the commit that was asked for"
        raise CloudUnavailable(message, hint="try again when the Hub can be reached")
    return splits


def _quieten() -> None:
    """Turn off progress bars, chatter and the counting of downloads, which goes to a host of its own."""
    import datasets  # noqa: PLC0415 as above
    from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415 as above

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


def _parquet_count(address: str) -> int:
    from pyarrow import parquet  # noqa: PLC0415 as above

    with _opened(address) as file:
        return int(parquet.ParquetFile(file).metadata.num_rows)


def _opened(address: str) -> IO[bytes]:
    from huggingface_hub import HfFileSystem  # noqa: PLC0415 as above

    if not address.startswith("hf://"):
        return Path(address).open("rb")
    file: IO[bytes] = HfFileSystem().open(address, "rb", block_size=_FOOTER_BYTES)
    return file


@contextmanager
def _hub_errors(name: str) -> Iterator[None]:
    """Turn whatever the libraries raise into what a person can act on; their own words stay in the cause."""
    try:
        yield
    except RunnerError:
        raise
    except Exception as error:  # two HTTP libraries, fsspec and pyarrow beneath, each with its own errors
        raise _translated(name, error) from error


def _translated(name: str, error: Exception) -> RunnerError:
    from datasets.exceptions import DatasetsError  # noqa: PLC0415 as above
    from huggingface_hub import errors  # noqa: PLC0415 as above

    if isinstance(error, errors.GatedRepoError):
        message = "the data set is open only to those who were granted it"
        return _refusal(name, "gated-dataset", message, mend="ask for access on its page, then set HF_TOKEN")
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        mend = "check the name; a private one needs HF_TOKEN"
        return _refusal(name, "no-such-dataset", "the Hub has no such data set", mend=mend)
    if isinstance(error, errors.RevisionNotFoundError):
        return refusal(name, "revision", "no-such-revision", "the data set has no such revision")
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        return CloudUnavailable(f"the Hub answered {status} for {name}", hint="try again later")
    if isinstance(error, DatasetsError | ValueError):
        message = "the Hub has the data set, but not in a form whose splits can be told"
        return _refusal(name, "unreadable-dataset", message, mend="use path: with files of your own")
    message = f"the Hub cannot be reached for {name} ({type(error).__name__})"
    return CloudUnavailable(message, hint="check the network, and HF_ENDPOINT if it is set")


def _refusal(name: str, code: str, message: str, *, mend: str) -> RecipeInvalid:
    return refusal(name, "huggingface", code, message, mend=mend)
