"""The tokenizer of a registry's model, or why there is none: what counts tokens never fails a command."""

from collections.abc import Mapping
from dataclasses import dataclass
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


def tokenizer_of(registry: HasModelFiles, name: str, version: str) -> Found:
    """Ask a registry for a model's files, and make a tokenizer of them."""
    try:
        return Found(read(registry.model_files(name, version), f"{name} {version}"))
    except RunnerError as error:
        return Found(None, error.message)
    except Unreadable as error:
        return Found(None, str(error))
