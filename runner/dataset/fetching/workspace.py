"""Rows that lie in a workspace: how a recipe names them, and which files of a folder hold a split.

Pure: what is there is told by the cloud's room, which does the asking.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from runner.dataset.reading import split_files
from runner.dataset.reading.refusals import refusal

LATEST = "latest"

_SCHEME = "azureml://"
# Both forms of https://learn.microsoft.com/azure/machine-learning/how-to-access-data-interactive (2026-11).
_PLACE = re.compile(
    r"\Aazureml://(?:subscriptions/(?P<subscription>[^/]+)/resourcegroups/(?P<group>[^/]+)/workspaces/"
    r"(?P<workspace>[^/]+)/)?datastores/(?P<datastore>[^/]+)/paths/(?P<path>.+)\Z",
    re.IGNORECASE,
)
_ASSET = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}")
_ROLE_VERSION = re.compile(r"(train|validation|test)=([^,=]+)(?:,|\Z)")
_LAYS_OUT_NOTHING = {"", ".", ".."}


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder in a datastore; `workspace` is subscription, resource group and name, if told."""

    datastore: str
    path: str
    workspace: tuple[str, str, str] | None = None


def is_address(azureml: str) -> bool:
    """Tell a place in a datastore from the name of data assets."""
    return azureml.startswith(_SCHEME)


def place(uri: str) -> Place | None:
    """Read a datastore URI, short or long; None for any other, and for a path that could mean two."""
    match = _PLACE.match(uri)
    path = match["path"].rstrip("/") if match else ""
    if match is None or _LAYS_OUT_NOTHING.intersection(path.split("/")):
        return None
    named = (match["subscription"], match["group"], match["workspace"])
    return Place(match["datastore"], path, None if None in named else named)


def asset_name(azureml: str, role: str, split: str) -> str:
    """Give the name of a split's data asset. Raises RecipeInvalid where no asset can be called so."""
    name = f"{azureml}-{split}"
    if not _ASSET.fullmatch(name):
        message = "the name of a data asset holds letters, digits, dashes and underscores"
        raise refusal(name, role, "bad-split-name", message)
    return name


def version_of(role: str, revision: str | None) -> str:
    """Give the version that a revision asks for; left out, it is the newest."""
    return dict(_ROLE_VERSION.findall(revision or "")).get(role) or revision or LATEST


def revision_of(versions: Mapping[str, str]) -> str:
    """Write the versions of the roles' data assets as one revision: what they share, or each by its role."""
    shared = set(versions.values())
    if len(shared) == 1:
        return shared.pop()
    return ",".join(f"{role}={version}" for role, version in versions.items())


def by_name(names: Sequence[str], label: str, role: str, split: str) -> tuple[str, ...]:
    """Choose a split's files, as `path` would, of those below a folder. Raises RecipeInvalid."""
    return tuple(split_files.choose(names, label, role, split)[1])


def of_asset(names: Sequence[str], label: str, role: str, split: str) -> tuple[str, ...]:
    """Choose a split's files of those of its own data asset: by its name, or all that are of one format.

    What starts with a dot or an underscore is some other program's. Raises RecipeInvalid.
    """
    if split_files.of_split(split, names):
        return by_name(names, label, role, split)
    shown = [name for name in names if not any(part[0] in "._" for part in name.split("/"))]
    formats = sorted({_format(name) for name in shown} - {""})
    if not formats:
        message = "none of the files is of a format that is read here"
        raise refusal(
            label,
            role,
            "unreadable-format",
            message,
            expected=f"must be one of {', '.join(split_files.ENDINGS)}",
        )
    if len(formats) > 1:
        message = f"the files are of several formats: {', '.join(formats)}"
        raise refusal(
            label, role, "ambiguous-split", message, expected=f"must be files named {split}, or of one format"
        )
    return tuple(sorted((name for name in shown if _format(name) == formats[0]), key=split_files.natural))


def _format(name: str) -> str:
    return PurePosixPath(name).suffix if split_files.is_readable(name) else ""
