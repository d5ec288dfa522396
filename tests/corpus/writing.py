"""The small edits that mistakes and neutral edits are made of."""

import random
import re
import string
from collections.abc import Callable, Iterator

from tests.corpus.entries import Entry, Form
from tests.corpus.entries import Path as KeyPath
from tests.corpus.slip import Edit, Expected, Kind, Slip
from tests.corpus.source import Source

_NUMBER = re.compile(r"[-+]?[0-9.]+(?:e[-+]?[0-9]+)?")

Maker = Callable[[Source, random.Random], Iterator[Slip]]


def at_value(  # noqa: PLR0913 - what a mistake is made of
    kind: Kind, source: Source, entry: Entry, text: str, code: str, *, into: int = 0
) -> Slip:
    """Write another value, and expect the finding at it."""
    edit = Edit(entry.value.start, entry.value.end, text)
    expected = Expected(edit.start, code, into)
    return Slip(kind=kind, source=source, edits=(edit,), expected=(expected,), section=entry.section)


def at_key(kind: Kind, source: Source, entry: Entry, text: str, code: str) -> Slip:
    """Write another key, and expect the finding at it."""
    edit = Edit(entry.key.start, entry.key.end, text)
    expected = Expected(edit.start, code, 0)
    return Slip(kind=kind, source=source, edits=(edit,), expected=(expected,), section=entry.section)


def insertion(source: Source, mapping: KeyPath, line: str) -> tuple[Edit, int]:
    """Write one more entry at the end of a mapping; give the edit, and how far into it the key stands."""
    below = source.below(mapping)
    last = below[-1]
    if last.in_flow:
        return Edit(last.value.end, last.value.end, f", {line}"), 2
    end = source.line_end(max(last.value.end - 1, last.key.end))
    indent = source.indent(below[0])
    return Edit(end, end, f"{indent}{line}\n"), len(indent)


def inserted(  # noqa: PLR0913 - what a mistake is made of
    kind: Kind, source: Source, mapping: KeyPath, line: str, code: str, *, value: bool = False
) -> Slip:
    """Write one more entry at the end of a mapping, and expect the finding at its key, or at its value."""
    edit, into = insertion(source, mapping, line)
    into += line.index(": ") + 2 if value else 0
    expected = Expected(edit.start, code, into)
    section = mapping[0] if mapping else line.partition(":")[0]
    return Slip(kind=kind, source=source, edits=(edit,), expected=(expected,), section=section)


def deletion(source: Source, entry: Entry) -> Edit:
    """Take an entry out: its lines, or what stands between its comma and the next."""
    if not entry.in_flow:
        start = source.line_start(entry.key.start)
        return Edit(start, source.line_end(max(entry.value.end - 1, entry.key.end)), "")
    siblings = source.below(entry.above)
    place = siblings.index(entry)
    if place + 1 < len(siblings):
        return Edit(entry.key.start, siblings[place + 1].key.start, "")
    return Edit(siblings[place - 1].value.end, entry.value.end, "")


def typo(name: str, chance: random.Random) -> str:
    """Swap two letters, leave one out, double one, or hit another key."""
    place = chance.randrange(1, len(name) - 1)
    ways = (
        name[: place - 1] + name[place] + name[place - 1] + name[place + 1 :],
        name[:place] + name[place + 1 :],
        name[:place] + name[place] + name[place:],
        name[:place] + chance.choice(string.ascii_lowercase) + name[place + 1 :],
    )
    return chance.choice([way for way in ways if way != name] or [name + "x"])


def is_text(source: Source, entry: Entry) -> bool:
    """Tell an unquoted or quoted value that a reader takes as text."""
    value = source.value(entry)
    return entry.form is Form.SCALAR and (value[0] in "\"'" or _is_plain_text(value))


def _is_plain_text(value: str) -> bool:
    return value not in {"true", "false", "null"} and not _NUMBER.fullmatch(value)
