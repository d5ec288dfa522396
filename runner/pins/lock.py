"""The lock of a recipe: its pins as a file beside it, and the keys of the recipe that they hang on."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from runner import origins
from runner.durable import replace_file
from runner.errors import UsageError
from runner.facts import TargetKind
from runner.journal import Json
from runner.load import Loaded
from runner.pins.values import Pins
from runner.recipe import MEANT_BEFORE
from runner.redact import redact, scrub
from runner.yaml12 import Key, Position, Value

FORMAT = 1
_SUFFIX = ".lock.yaml"
# With another value of any of these, other things would have been locked.
_KEYS = frozenset({
    "model.registry", "model.name", "model.version",
    "dataset.huggingface", "dataset.path", "dataset.azureml", "dataset.revision",
    "dataset.config", "dataset.train", "dataset.validation", "dataset.test", "dataset.percent",
    "dataset.rows",
    "dataset.sample", "dataset.seed", "dataset.max_bad_rows", "dataset.columns.messages",
    "dataset.columns.conversations", "dataset.columns.prompt", "dataset.columns.completion",
    "dataset.columns.system",
    "finetune.task", "finetune.component_version",
})  # fmt: skip
_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """What a recipe's names and rows came to, and what the recipe said then (`recipe`, by dotted key).

    `options` are the profiles and settings that the recipe was locked with, as they are typed. `path` is the
    file it was read from, and `positions` say where in it each value stands.
    """

    target: TargetKind
    recipe: Mapping[str, Value]
    pins: Pins
    versions: Mapping[str, str]
    options: str = ""
    path: str = ""
    positions: Mapping[Key, Position] = field(default_factory=dict)


def path_of(recipe: Path) -> Path:
    """Give where a recipe's lock lies: beside it."""
    return recipe.with_name(f"{recipe.stem}{_SUFFIX}")


def depended_on(loaded: Loaded) -> dict[str, Value]:
    """Give what a recipe says of what is locked; variables of the environment stay as they are written.

    What every recipe meant before it could be said is left out, so that earlier locks hold.
    """
    said = {each.dotted: each.value for each in origins.values(loaded, None, None)}
    return {key: value for key, value in said.items() if key in _KEYS and MEANT_BEFORE.get(key) != value}


def write(lock: Lock, path: Path, recipe: Path) -> None:
    """Write a lock atomically; the same lock is the same bytes. Raises UsageError where it cannot be."""
    try:
        replace_file(path, as_text(lock, recipe).encode())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def as_text(lock: Lock, recipe: Path) -> str:
    """Write a lock as YAML; it tells no time, so that a difference in git is one in what is locked."""
    tree = {
        "lock": FORMAT,
        "target": lock.target.value,
        "options": lock.options or None,
        "recipe": lock.recipe,
        **asdict(lock.pins),
        "versions": lock.versions,
    }
    lines = "".join(f"{line}\n" for line in _lines(scrub(tree)))
    name = _printable(recipe.name)
    anew = _printable(redact(command(name, lock)))
    return f"# What {name} was locked to. Commit it; make it anew with: {anew}\n{lines}"


def command(recipe: object, lock: Lock) -> str:
    """Give what locks the recipe again, with the options that the lock was made with."""
    return f"runner lock {recipe} {retyped(lock)}".rstrip()


def retyped(lock: Lock) -> str:
    """Give a lock's options so that a shell takes them for nothing else, whoever wrote them there."""
    try:
        return shlex.join(shlex.split(lock.options))
    except ValueError:  # a quote that does not end
        return ""


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)


def _lines(tree: Mapping[str, Json], indent: str = "") -> Iterator[str]:
    """Write a mapping; what is null, and a mapping that is empty, is left out."""
    for key, value in tree.items():
        written = key if _PLAIN_KEY.fullmatch(key) else _in_quotes(key)
        if isinstance(value, Mapping) and value:
            yield f"{indent}{written}:"
            yield from _lines(value, f"{indent}  ")
        elif not isinstance(value, Mapping) and value is not None:
            yield f"{indent}{written}: {_in_quotes(value) if isinstance(value, str) else value}"


def _in_quotes(text: str) -> str:
    """Write a text as JSON, whose escapes are YAML's, too."""
    return json.dumps(text, ensure_ascii=False)
