"""What a file is that lies elsewhere, on the Hub or in a workspace's storage: read in parts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class Remote(Protocol):
    """A file elsewhere. `name` ends as its format does; `identity` changes with the content."""

    name: str
    size: int
    identity: str

    def stream(self, first: int, past: int) -> Iterator[bytes]:
        """Give the bytes from `first` to before `past` in pieces; may break off with any error."""


@dataclass(frozen=True, slots=True)
class RemoteSplit:
    """The files of one split, in order. `source` names it in the manifest, `revision` is its pin."""

    source: str
    label: str
    revision: str | None
    files: Sequence[Remote]


class Workspace(Protocol):
    """Where data assets lie. The cloud's room implements it; this room knows no cloud."""

    def split(self, azureml: str, version: str | None, role: str, split: str) -> RemoteSplit:
        """Find the files of a split: of the data asset `<azureml>-<split>`, or in an `azureml://` folder.

        Raises RecipeInvalid where there is none.
        """


class Versions(Protocol):
    """Who knows what the newest data assets are; the cloud's room implements it, too."""

    def revision(self, azureml: str, revision: str | None, splits: Mapping[str, str]) -> str | None:
        """Fix what a revision means now, of the splits by their roles; None for what has no versions.

        Raises RecipeInvalid where there is no such data asset.
        """
