"""A valid recipe that slips and neutral edits are made of: its text, and where everything in it stands."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.corpus.entries import Entry, Form, entries
from tests.corpus.entries import Path as KeyPath

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One recipe file; `folder` is the file's own, where its relative paths start."""

    name: str
    path: Path
    text: str
    entries: tuple[Entry, ...]

    def at(self, *path: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.path == path), None)

    def below(self, path: KeyPath) -> list[Entry]:
        return [entry for entry in self.entries if entry.above == path]

    def value(self, entry: Entry) -> str:
        return self.text[entry.value.start : entry.value.end]

    def scalars(self) -> Iterator[Entry]:
        return (entry for entry in self.entries if entry.is_scalar)

    def mappings(self) -> Iterator[Entry]:
        return (entry for entry in self.entries if not entry.is_scalar)

    def block_scalars(self) -> Iterator[Entry]:
        return (entry for entry in self.scalars() if not entry.in_flow)

    def line_start(self, offset: int) -> int:
        return self.text.rfind("\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        """Give the offset after the line's end."""
        end = self.text.find("\n", offset)
        return len(self.text) if end < 0 else end + 1

    def indent(self, entry: Entry) -> str:
        return self.text[self.line_start(entry.key.start) : entry.key.start]

    def place_of_mapping(self, path: KeyPath) -> int:
        """Give where a mapping begins: its brace, or its first key; for the whole recipe the first key."""
        entry = self.at(*path) if path else None
        return entry.value.start if entry else self.entries[0].key.start


def only(found: Iterable[Entry], *forms: Form) -> list[Entry]:
    """Keep the entries whose values are written in one of these forms."""
    return [entry for entry in found if entry.form in forms]


@cache
def sources() -> tuple[Source, ...]:
    """Read the project's own recipes and those of the corpus."""
    paths = [
        *sorted((ROOT / "configs").glob("*.yaml")),
        *sorted(Path(__file__).parent.glob("recipes/*.yaml")),
    ]
    return tuple(source(path.stem, path, path.read_text(encoding="utf-8")) for path in paths)


def source(name: str, path: Path, text: str) -> Source:
    return Source(name=name, path=path, text=text, entries=entries(text))
