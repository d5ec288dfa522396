"""The files that go into a crate: the manifest, the recipe, the table of metrics, and what is asked for."""

import hashlib
import mimetypes
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runner import manifest as manifests
from runner import metric_table
from runner.errors import UsageError
from runner.journal import Json
from runner.manifest import Manifest
from runner.redact import redact
from runner.steps.sample import FILE_NAME as SAMPLES
from runner.verifying import Missing, Refused, opened

IN_FORCE = "recipe/in_force.yaml"
_BLOCK = 1 << 20
_FORMATS = {".jsonl": "application/jsonl", ".yaml": "application/yaml", ".yml": "application/yaml"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What goes into a crate beyond what always does; `samples` and `data` hold text of the dataset.

    `rights` says how the crate may be used; empty where nobody has said it.
    """

    samples: bool = False
    data: bool = False
    rights: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """A file as it will lie in the crate under `name`, copied to `path`."""

    name: str
    path: Path
    sha256: str
    bytes: int

    @property
    def format(self) -> str:
        """Give its media type."""
        suffix = PurePosixPath(self.name).suffix
        return _FORMATS.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")


def staged(said: Manifest, folder: Path, stage: Path, wanted: Wanted) -> Mapping[str, Staged]:
    """Copy what goes into the crate to a folder of its own, and give it by its name there.

    Raises UsageError for a file that looks as if it held a secret.
    """
    texts = {name: _written(stage, name, text) for name, text in _recipe(said.recipe)}
    copied = {name: _copied(folder, name, stage) for name in _names(said, wanted)}
    return texts | {name: each for name, each in copied.items() if each}


def recipe_names(recipe: Mapping[str, Json]) -> tuple[str, ...]:
    """Give the names that the recipe's texts have in a crate."""
    return tuple(name for name, _ in _recipe(recipe))


def _recipe(recipe: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Give the recipe as it was written, each of its parts, and all that was in force as one."""
    yield f"recipe/{_base(recipe['path'])}", recipe["text"]
    parts = [each for each in recipe.get("parts", ()) if each["kind"] != "recipe"]
    for number, part in enumerate(parts, start=1):
        yield f"recipe/parts/{number}-{_base(part['path'])}", part["text"]
    if "in_force" in recipe:
        yield IN_FORCE, recipe["in_force"]


def _base(path: str) -> str:
    """Give the last part of a path as a plain name; a setting on the command line is no file."""
    name = PurePosixPath(path.replace("\\", "/")).name
    kept = "".join(each if each.isalnum() or each in "._-" else "_" for each in name).lstrip(".-")
    return kept if PurePosixPath(kept).suffix in _FORMATS else f"{kept or 'recipe'}.yaml"


def _names(said: Manifest, wanted: Wanted) -> Iterator[str]:
    yield manifests.FILE_NAME
    yield metric_table.FILE_NAME
    if wanted.samples:
        yield SAMPLES
    if wanted.data and (step := said.steps.get("dataset")):
        assets = step.intent.get("assets", {})
        yield from (asset["file"] for asset in assets.values() if "file" in asset)


def _written(stage: Path, name: str, text: str) -> Staged:
    _refuse_secrets(name, text)
    content = text.encode("utf-8", "replace")
    path = stage / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Staged(name=name, path=path, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def _copied(folder: Path, name: str, stage: Path) -> Staged | None:
    """Copy a file of the run, as it was opened and not as its name may mean a moment later."""
    path = stage / name
    try:
        with opened(folder, name) as file:  # which refuses a name that would lead elsewhere here, too
            path.parent.mkdir(parents=True, exist_ok=True)
            sha256, size = _poured(file, path)
    except Missing:
        return None
    except Refused as refused:
        raise UsageError(f"{folder / name} {refused}", hint=f"runner verify {folder.name}") from refused
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            _refuse_secrets(name, line)
    return Staged(name=name, path=path, sha256=sha256, bytes=size)


def _poured(file: int, path: Path) -> tuple[str, int]:
    """Copy an open file, block by block, for the same readers; give the digest and the size."""
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as copy:
        os.fchmod(copy.fileno(), stat.S_IMODE(os.fstat(file).st_mode))
        while block := os.read(file, _BLOCK):
            copy.write(block)
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def _refuse_secrets(name: str, text: str) -> None:
    """Leave nothing out silently: a file whose digest is told goes out as it is, or not at all."""
    if redact(text) != text:
        raise UsageError(
            f"{name} holds what looks like a secret; nothing was written",
            hint="take it out where it came from; what samples and rows hold goes out only on request",
        )
