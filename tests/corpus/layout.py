"""Mistakes in how a recipe is laid out: indentation, tabs, brackets, quotes, colons."""

import random
from collections.abc import Iterator

from tests.corpus.entries import Entry, Form
from tests.corpus.knowledge import OPEN
from tests.corpus.slip import Edit, Expected, Kind, Slip
from tests.corpus.source import Source
from tests.corpus.writing import Maker, at_value, is_text

_SYNTAX = "yaml-syntax"
_AT_HOME_ANYWHERE = frozenset({"version", "name", "description", "experiment", "parameters"})


def _slip(kind: Kind, source: Source, edit: Edit, expected: Expected, entry: Entry) -> Slip:
    return Slip(kind=kind, source=source, edits=(edit,), expected=(expected,), section=entry.section)


def _indented_more(source: Source, chance: random.Random) -> Iterator[Slip]:
    """Shift one line to the right: it is wrong itself, unless it is the first, when the second sticks out."""
    for entry, before, after in _neighbours(source):
        edit = Edit(entry.key.start, entry.key.start, " " * chance.randint(1, 3))
        if before and before.is_scalar:
            expected = Expected(edit.start, _SYNTAX, len(edit.text))
            yield _slip(Kind.INDENT_MORE, source, edit, expected, entry)
        elif before is None and after and entry.is_scalar:
            yield _slip(Kind.INDENT_MORE, source, edit, Expected(after.key.start, _SYNTAX), entry)


def _indented_less(source: Source, _chance: random.Random) -> Iterator[Slip]:
    """Shift one line to the left, but not as far as the mapping around it."""
    for entry, before, after in _neighbours(source):
        above = source.at(*entry.above) if entry.above else None
        room = len(source.indent(entry)) - len(source.indent(above)) if above else 0
        if room < 2:
            continue
        edit = Edit(entry.key.start - 1, entry.key.start, "")
        if before:
            yield _slip(Kind.INDENT_LESS, source, edit, Expected(edit.start, _SYNTAX, 0), entry)
        elif after and entry.is_scalar:
            yield _slip(Kind.INDENT_LESS, source, edit, Expected(after.key.start, _SYNTAX), entry)
        if before and above and entry.is_scalar and entry.name not in _AT_HOME_ANYWHERE:
            yield _out_of_its_mapping(source, entry, room)


def _out_of_its_mapping(source: Source, entry: Entry, room: int) -> Slip:
    """Shift a line so far to the left that it is a key of the mapping outside, which does not know it."""
    edit = Edit(entry.key.start - room, entry.key.start, "")
    return _slip(Kind.INDENT_LESS, source, edit, Expected(edit.start, "unknown-key", 0), entry)


def _tabs(source: Source, _chance: random.Random) -> Iterator[Slip]:
    for entry, before, _ in _neighbours(source):
        start = source.line_start(entry.key.start)
        if entry.key.start == start:
            continue
        whole = Edit(start, entry.key.start, "\t")
        yield _slip(Kind.TAB, source, whole, Expected(start, _SYNTAX, 0), entry)
        if before:
            added = Edit(entry.key.start, entry.key.start, "\t")
            yield _slip(Kind.TAB, source, added, Expected(added.start, _SYNTAX, 0), entry)


def _open_brackets(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.mappings():
        if entry.form is Form.FLOW and not entry.in_flow:
            edit = Edit(entry.value.end - 1, entry.value.end, "")
            expected = Expected(entry.value.start, _SYNTAX)
            yield _slip(Kind.OPEN_BRACKET, source, edit, expected, entry)
    for entry in source.block_scalars():
        text = chance.choice(["[a, b", "{a: 1", "[1, 2", "{a: 1, b: {c: 2}"])
        yield at_value(Kind.OPEN_BRACKET, source, entry, text, _SYNTAX)


def _open_quotes(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.scalars():
        if not is_text(source, entry):
            continue
        value = source.value(entry)
        if value[0] in "\"'":
            edit = Edit(entry.value.end - 1, entry.value.end, "")
            expected = Expected(entry.value.start, _SYNTAX)
            yield _slip(Kind.OPEN_QUOTE, source, edit, expected, entry)
        else:
            yield at_value(Kind.OPEN_QUOTE, source, entry, chance.choice("\"'") + value, _SYNTAX)


def _no_spaces(source: Source, _chance: random.Random) -> Iterator[Slip]:
    for entry in source.scalars():
        if not entry.in_flow or not source.value(entry).startswith(('"', "'")):
            edit = Edit(entry.key.end, entry.value.start, ":")
            yield _slip(Kind.NO_SPACE, source, edit, _where_no_key_is(source, entry), entry)


def _no_colons(source: Source, _chance: random.Random) -> Iterator[Slip]:
    for entry in source.scalars():
        if not entry.in_flow or not source.value(entry).startswith(('"', "'")):
            edit = Edit(entry.key.end, entry.value.start, " ")
            yield _slip(Kind.NO_COLON, source, edit, _where_no_key_is(source, entry), entry)


def _where_no_key_is(source: Source, entry: Entry) -> Expected:
    """Expect it where the key begins that is none now.

    Between braces the whole is taken for a key, which stands alone, and so is all before another colon; a
    line that is the only one of its section is taken for the section's text.
    """
    code = _SYNTAX
    if entry.in_flow or ": " in source.value(entry):
        code = "bad-key" if entry.above in OPEN else "unknown-key"
    elif len(source.below(entry.above)) == 1:
        code = "wrong-type"
    return Expected(entry.key.start, code)


def _second_colons(source: Source, _chance: random.Random) -> Iterator[Slip]:
    for entry in source.scalars():
        value = source.value(entry)
        if is_text(source, entry) and value[0] not in "\"'":
            text = f"{value}: more"
            yield at_value(Kind.SECOND_COLON, source, entry, text, _SYNTAX, into=len(value))


def _missing_commas(source: Source, _chance: random.Random) -> Iterator[Slip]:
    """Leave a comma out between braces: the next key's colon is one too many."""
    for entry in source.scalars():
        comma = entry.value.end
        following = next((e for e in source.below(entry.above) if e.key.start > comma), None)
        if entry.in_flow and following and "\n" not in source.text[comma : following.key.start]:
            edit = Edit(comma, comma + 1, "")
            if source.value(entry)[0] in "\"'":
                continue
            colon = source.text.index(":", following.key.end)
            yield _slip(Kind.SECOND_COLON, source, edit, Expected(colon, _SYNTAX), entry)


def _bad_starts(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.block_scalars():
        text = chance.choice(["@x", "`x`", "%x", "- x", "] x", "} x", ", x"])
        yield at_value(Kind.BAD_START, source, entry, text, _SYNTAX)


def _neighbours(source: Source) -> Iterator[tuple[Entry, Entry | None, Entry | None]]:
    """Walk over what stands on lines of its own, each with the entries of its mapping before and after it."""
    for entry in source.entries:
        if entry.in_flow:
            continue
        siblings = source.below(entry.above)
        place = siblings.index(entry)
        before = siblings[place - 1] if place else None
        yield entry, before, siblings[place + 1] if place + 1 < len(siblings) else None


MAKERS: tuple[Maker, ...] = (
    _indented_more,
    _indented_less,
    _tabs,
    _open_brackets,
    _open_quotes,
    _no_spaces,
    _no_colons,
    _second_colons,
    _missing_commas,
    _bad_starts,
)
