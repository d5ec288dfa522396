"""The tokenizer of a registry's model, or why there is none: what counts tokens never fails a command."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from runner.errors import RunnerError
from runner.statistics.tokenizer import Tokenizer, Unreadable, read


class HasModelFiles(Protocol):
    """A registry, as far as it is asked here."""

    def model_files(self, name: str, version: str) -> Mapping[str, bytes]:
        """Give the small text files of a model by base name. Raises RunnerError where they cannot be had."""


@dataclass(frozen=True, slots=True)
class Found:
    """A tokenizer, or in `unknown` why there is none."""

    tokenizer: Tokenizer | None
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a registry's answer came to; a model's version is never another."""

    registry: HasModelFiles
    model: tuple[str, str]
    found: Found


# All points of a sweep ask the same, at once; a tokenizer of theirs takes some tens of megabytes.
_MOST_KEPT = 2
_kept: deque[_Answer] = deque(maxlen=_MOST_KEPT)
_asking = Lock()


def tokenizer_of(registry: HasModelFiles, name: str, version: str) -> Found:
    """Ask a registry for a model's files, and make a tokenizer of them; once, of the latest models asked for.

    Where they cannot be had they are asked for again the next time.
    """
    with _asking:
        for answer in _kept:
            if answer.registry is registry and answer.model == (name, version):
                return answer.found
        try:
            files = registry.model_files(name, version)
        except RunnerError as error:
            return Found(None, error.message)
        found = _made_of(files, f"{name} {version}")
        _kept.append(_Answer(registry, (name, version), found))
        return found


def _made_of(files: Mapping[str, bytes], origin: str) -> Found:
    try:
        return Found(read(files, origin))
    except Unreadable as error:
        return Found(None, str(error))
