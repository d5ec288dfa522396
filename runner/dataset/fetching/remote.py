"""What a file is that lies elsewhere, on the Hub or in a workspace's storage: read in parts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from runner.errors import CloudUnavailable


class Later(Exception):
    """Who holds a file asks to be asked again later, after so many seconds if it says so."""

    def __init__(self, said: str, seconds: float | None = None) -> None:
        super().__init__(said)
        self.seconds = seconds


class NotFetched(CloudUnavailable):
    """Bytes that are not here cannot be had now, and asking again does not help."""


class Remote(Protocol):
    """A file elsewhere. `name` ends as its format does; `identity` changes with the content.

    All three are fixed. An identity `sha256:<hex>` is the content's digest: it is held against it once all of
    it has come.
    """

    @property
    def name(self) -> str:
        """Name it, by a path where it lies in folders."""

    @property
    def size(self) -> int:
        """Count its bytes."""

    @property
    def identity(self) -> str:
        """Name its content."""

    def stream(self, first: int, past: int) -> Iterator[bytes]:
        """Give the bytes from `first` to before `past` in pieces; may break off with any error.

        `NotFetched`, and a RunnerError other than CloudUnavailable, are answers; after any other error, and
        after `Later`, it is asked for what is still missing.
        """


_File_co = TypeVar("_File_co", bound=Remote | Path, covariant=True)


@dataclass(frozen=True)  # with slots, making a RemoteSplit[Remote] fails on Python 3.11
class RemoteSplit(Generic[_File_co]):
    """The files of one split, in order. `source` names it in the manifest, `revision` is its pin.

    Of the Hub, some may lie here already, and are paths; a workspace's are all remote.
    """

    source: str
    label: str
    revision: str | None
    files: Sequence[_File_co]


class Workspace(Protocol):
    """Where data assets lie. The cloud's room implements it; this room knows no cloud."""

    def split(self, azureml: str, version: str | None, role: str, split: str) -> RemoteSplit[Remote]:
        """Find the files of a split: of the data asset `<azureml>-<split>`, or in an `azureml://` folder.

        Raises RecipeInvalid where there is none.
        """


class Versions(Protocol):
    """Who knows what the newest data assets are; the cloud's room implements it, too."""

    def revision(self, azureml: str, revision: str | None, splits: Mapping[str, str]) -> str | None:
        """Fix what a revision means now, of the splits by their roles; None for what has no versions.

        Raises RecipeInvalid where there is no such data asset.
        """
