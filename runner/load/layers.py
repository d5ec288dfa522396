"""The files and settings that a recipe is made of: its bases, itself, profiles and `--set`, lowest first.

`extends` names files beside or above the recipe, never outside its repository; `--profile NAME` is
`profiles/NAME.yaml` beside the recipe. Each may extend others in turn.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from runner.errors import Diagnostic, UsageError
from runner.load.shape import schema_mistakes
from runner.load.source import Mistake, diagnostic_at, from_problem, short
from runner.yaml12 import (
    MAX_NODES,
    START,
    Document,
    Fault,
    Key,
    Position,
    Unreadable,
    Value,
    decode,
    parse,
    read_bytes,
)

EXTENDS = "extends"
PROFILES = "profiles"
MAX_LAYERS = 20

_PROFILE_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}")


class LayerKind(StrEnum):
    """What a layer is."""

    BASE = "extends"
    RECIPE = "recipe"
    PROFILE = "profile"
    SETTING = "--set"


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One file or one `--set`; `path` is what a person is shown, `digest` its bytes' SHA-256 in hex."""

    kind: LayerKind
    path: str
    text: str
    digest: str
    document: Document


@dataclass(kw_only=True, slots=True)
class Layers:
    """The layers found, lowest first, and what kept others from being found; `folder` is the recipe's."""

    folder: Path
    found: list[Layer] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    opened: set[Path] = field(default_factory=set)
    values: int = 0

    def holds(self, real: Path) -> bool:
        """Tell whether a file lies in the recipe's checkout, or beside the recipe outside one."""
        around = (self.folder, *self.folder.parents)
        root = next((each for each in around if (each / ".git").exists()), self.folder)
        return real.is_relative_to(root)


def read_layers(content: bytes, path: Path, profiles: Sequence[str]) -> Layers:
    """Read a recipe, given as bytes, with all that it and the profiles extend.

    Raises UsageError for a profile that is not there.
    """
    recipe = path.resolve()
    layers = Layers(folder=recipe.parent)
    _read(layers, content, _File(LayerKind.RECIPE, str(path), recipe))
    for name in profiles:
        real, profile = _profile(layers, name)
        shown = _shown(path.parent / PROFILES / f"{name}.yaml", real)
        _read(layers, profile, _File(LayerKind.PROFILE, shown, real))
    return layers


@dataclass(frozen=True, slots=True)
class _File:
    """A file that is being read; `extenders` are those that led to it."""

    kind: LayerKind
    shown: str
    real: Path
    extenders: tuple[Path, ...] = ()


def _read(layers: Layers, content: bytes, file: _File) -> None:
    """Add the layers of a file: those it extends first."""
    layers.opened.add(file.real)
    try:
        text = decode(content)
    except Unreadable as unreadable:
        layers.diagnostics.append(from_problem(unreadable.problem, file.shown))
        return
    document = parse(text)
    layers.values += len(document.places)
    if layers.values > MAX_NODES:
        layers.diagnostics.append(from_problem(_TOO_MANY.at(START), file.shown))
        return
    for index, name in enumerate(_extended(layers, document, file)):
        _read_base(layers, document, file, (EXTENDS, index), name)
    layers.found.append(
        Layer(
            kind=file.kind,
            path=file.shown,
            text=text,
            digest=hashlib.sha256(content).hexdigest(),
            document=document,
        )
    )


def _extended(layers: Layers, document: Document, file: _File) -> list[str]:
    """Give what a file extends; nothing where that is not a list of texts, which is then reported."""
    if document.value is None or EXTENDS not in document.value:
        return []
    if any(key[:1] == (EXTENDS,) for key in document.spoiled):
        return []
    value = document.value[EXTENDS]
    if isinstance(value, list) and 0 < len(value) < MAX_LAYERS:
        texts = [item for item in value if isinstance(item, str) and item]
        if len(texts) == len(value):
            return texts
    for mistake in _shape_mistakes(value):
        layers.diagnostics.append(_placed(mistake, document, file))
    return []


def _shape_mistakes(value: Value) -> Iterator[Mistake]:
    return (mistake for mistake in schema_mistakes({EXTENDS: value}) if mistake.key[0] == EXTENDS)


def _read_base(layers: Layers, document: Document, file: _File, key: Key, name: str) -> None:
    """Add what a file extends; a file that is there already stays where it is, below all that followed it."""
    extenders = (*file.extenders, file.real)
    real = _real(file.real.parent / name) if _is_relative(name) else None
    refusal = _refusal(layers, real, extenders)
    if real is None or refusal is not None:
        code, message, mend = refusal or _OUTSIDE
        mistake = Mistake(key=key, code=code, message=message, mend=mend)
        layers.diagnostics.append(_placed(mistake, document, file))
        return
    if real in layers.opened:
        return
    try:
        content = read_bytes(real)
    except Unreadable as unreadable:
        problem = unreadable.problem
        message = f"{short(name)}: {problem.message}"
        mistake = Mistake(
            key=key, code=problem.code, message=message, expected=problem.expected, mend=problem.mend
        )
        layers.diagnostics.append(_placed(mistake, document, file))
        return
    kind = LayerKind.BASE if file.kind is LayerKind.RECIPE else file.kind
    _read(layers, content, _File(kind, _shown(Path(file.shown).parent / name, real), real, extenders))


_TOO_MANY = Fault("too-many-values", f"the files of this recipe have more than {MAX_NODES:,} values together")
_OUTSIDE = (
    "extends-outside",
    "leads out of the recipe's repository, or out of its folder where there is none",
    "name a file in it, relative to this one, with / between folders",
)


def _refusal(layers: Layers, real: Path | None, extenders: tuple[Path, ...]) -> tuple[str, str, str] | None:
    """Say why a file may not be extended: code, message and mend."""
    if real is None or not layers.holds(real):
        return _OUTSIDE
    if real in extenders:
        through = " extends ".join(each.name for each in (*extenders[extenders.index(real) :], real))
        return "extends-cycle", f"a file cannot extend itself: {through}", "take it out of one of them"
    if len(layers.opened) >= MAX_LAYERS:
        return "too-many-bases", f"more than {MAX_LAYERS} files make up this recipe", "extend fewer files"
    return None


def _is_relative(name: str) -> bool:
    return not (name.startswith(("/", "~")) or "\\" in name or "\0" in name or name[1:2] == ":")


def _real(path: Path) -> Path:
    """Follow links; a loop of them stays, and is told when the file is read."""
    return Path(os.path.realpath(path))


def _shown(beside: Path, real: Path) -> str:
    """Show a file as seen from where its extender was named; its real path where a link is in between."""
    plain = os.path.normpath(beside)
    return plain if _real(Path(plain)) == real else str(real)


def _placed(mistake: Mistake, document: Document, file: _File) -> Diagnostic:
    position: Position = document.places.get(mistake.key) or document.places.get((EXTENDS,)) or START
    return diagnostic_at(mistake, file.shown, position)


def _profile(layers: Layers, name: str) -> tuple[Path, bytes]:
    """Read a profile; raises UsageError where it cannot be had."""
    there = layers.folder / PROFILES
    path = there / f"{name}.yaml"
    if not _PROFILE_NAME.fullmatch(name) or not path.is_file():
        known = sorted(each.stem for each in there.glob("*.yaml")) if there.is_dir() else []
        hint = (
            f"there are: {', '.join(known)}" if known else f"a profile is a file {PROFILES}/NAME.yaml there"
        )
        raise UsageError(f"there is no profile {short(name)} beside the recipe", hint=hint)
    real = _real(path)
    if not layers.holds(real):
        raise UsageError(f"profile {name} is a link that leads out of the recipe's repository")
    try:
        return real, read_bytes(real)
    except Unreadable as unreadable:
        raise UsageError(f"profile {name}: {unreadable.problem.message}") from unreadable
