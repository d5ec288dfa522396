"""What YAML allows or an editor slips in, and a recipe refuses: tags, aliases, documents, odd characters."""

import random
from collections.abc import Iterator

from tests.corpus.entries import Entry
from tests.corpus.knowledge import OPEN, PERCENT, WHOLE_NUMBERS
from tests.corpus.slip import Edit, Expected, Kind, Slip
from tests.corpus.source import Source
from tests.corpus.writing import Maker, at_value, inserted, is_text

_TAGS = ("!!str x", "!mine x", "!!int 3", "!!python/object:os.system x", "!!binary aGk=", "!env X")
_INVISIBLE = ("\x07", "\x1b", "\x7f", "\u200b", "\u202e", "\u2066", "\u2028", "\x85", "\x00e"[:0] + "\x08")
_QUOTES = ("“{}”", "‘{}’", "«{}»", "„{}“")  # noqa: RUF001 - these are the point
_NO_BREAK = "\u00a0"
_RAW_SURROGATE = "\udced\udca0\udc80"  # three bytes; see `as_bytes`
_E_ACUTE = "\udce9"  # one byte; see `as_bytes`


def _tags(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.scalars():
        yield at_value(Kind.TAG, source, entry, chance.choice(_TAGS), "tag")


def _merge_keys(source: Source, _chance: random.Random) -> Iterator[Slip]:
    for entry in source.mappings():
        yield inserted(Kind.MERGE_KEY, source, entry.path, "<<: {a: 1}", "merge-key")


def _aliases(source: Source, _chance: random.Random) -> Iterator[Slip]:
    for entry in source.scalars():
        yield at_value(Kind.UNKNOWN_ALIAS, source, entry, f"*{entry.name}", "unknown-alias")


def _numbers(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.scalars():
        if (
            entry.path in WHOLE_NUMBERS
            or entry.path == PERCENT
            or not (is_text(source, entry) or _is_switch(source, entry))
        ):
            text = chance.choice([".nan", ".NaN", ".inf", "-.inf", "+.INF"])
            yield at_value(Kind.NOT_A_NUMBER, source, entry, text, "not-a-number")
            text = chance.choice(["9223372036854775808", "1e999", "-1e400", "1" * 80, "1e-999"])
            yield at_value(Kind.HUGE_NUMBER, source, entry, text, "number-range")


def _is_switch(source: Source, entry: Entry) -> bool:
    return source.value(entry) in {"true", "false"}


def _documents(source: Source, _chance: random.Random) -> Iterator[Slip]:
    """Begin another document at a section."""
    for entry in _later_sections(source):
        edit = Edit(entry.key.start, entry.key.start, "---\n")
        expected = (Expected(edit.start, "second-document", 0),)
        yield Slip(kind=Kind.SECOND_DOCUMENT, source=source, edits=(edit,), expected=expected)


def _conflicts(source: Source, _chance: random.Random) -> Iterator[Slip]:
    """Leave both sides of a merge around a section, with the marker lines."""
    for entry in _later_sections(source):
        end = source.line_end(entry.value.end - 1)
        one = source.text[entry.key.start : end]
        text = f"<<<<<<< HEAD\n{one}=======\n{one}>>>>>>> theirs\n"
        edit = Edit(entry.key.start, end, text)
        places = (0, text.index(">>>>>>>"))
        expected = tuple(Expected(edit.start, "merge-conflict", place) for place in places)
        yield Slip(kind=Kind.CONFLICT, source=source, edits=(edit,), expected=expected)


def _later_sections(source: Source) -> list[Entry]:
    return [entry for entry in source.below(()) if not source.indent(entry)][1:]


def _smart_quotes(source: Source, chance: random.Random) -> Iterator[Slip]:
    for entry in source.scalars():
        if is_text(source, entry):
            text = chance.choice(_QUOTES).format(source.value(entry).strip("\"'"))
            if not (entry.in_flow and set(",{}") & set(text)):
                yield at_value(Kind.SMART_QUOTES, source, entry, text, "typographic-quote")


def _no_break_spaces(source: Source, _chance: random.Random) -> Iterator[Slip]:
    """Nobody sees it, so it is told where it stands, not at the value that holds it."""
    code = "hidden-character"
    for entry in source.scalars():
        if is_text(source, entry) and source.value(entry)[0] not in "\"'":
            value = source.value(entry)
            for into in (2, len(value)):
                text = f"{value[:into]}{_NO_BREAK}{value[into:]}"
                yield at_value(Kind.NO_BREAK_SPACE, source, entry, text, code, into=into)
        if entry.in_flow:
            continue
        colon = source.text.index(":", entry.key.end) + 1
        edits = [Edit(colon, entry.value.start, _NO_BREAK)]
        if source.indent(entry):
            edits.append(Edit(entry.key.start - 1, entry.key.start, _NO_BREAK))
        for edit in edits:
            expected = (Expected(edit.start, code, 0),)
            yield Slip(
                kind=Kind.NO_BREAK_SPACE,
                source=source,
                edits=(edit,),
                expected=expected,
                section=entry.section,
            )


def _invisible(source: Source, chance: random.Random) -> Iterator[Slip]:
    yield from _characters(Kind.CONTROL, source, chance, _INVISIBLE, "hidden-character")
    yield from _characters(Kind.ORDER_MARK, source, chance, ("\ufeff",), "hidden-character")


def _bytes(source: Source, chance: random.Random) -> Iterator[Slip]:
    yield from _characters(Kind.LATIN_1, source, chance, (_E_ACUTE,), "not-utf-8")
    yield from _characters(Kind.NUL, source, chance, ("\x00",), "not-utf-8")
    yield from _characters(Kind.SURROGATE, source, chance, (_RAW_SURROGATE,), "not-utf-8")


def _characters(
    kind: Kind, source: Source, chance: random.Random, characters: tuple[str, ...], code: str
) -> Iterator[Slip]:
    """Put a character into a value, a key or a comment."""
    for entry in source.scalars():
        span = chance.choice([entry.key, entry.value])
        at = chance.randint(span.start + 1, span.end - 1) if span.end - span.start > 1 else span.end
        edit = Edit(at, at, chance.choice(characters))
        expected = (Expected(at, code, 0),)
        yield Slip(kind=kind, source=source, edits=(edit,), expected=expected, section=entry.section)
    comments = [place for place, character in enumerate(source.text) if character == "#"]
    for place in chance.sample(comments, k=min(3, len(comments))):
        if source.text[source.line_start(place) : place].strip() == "":
            edit = Edit(place + 1, place + 1, chance.choice(characters))
            yield Slip(kind=kind, source=source, edits=(edit,), expected=(Expected(place + 1, code, 0),))


def _escaped_surrogates(source: Source, _chance: random.Random) -> Iterator[Slip]:
    """Write half a pair as an escape."""
    for entry in source.scalars():
        if is_text(source, entry) and entry.above not in OPEN:
            yield at_value(Kind.SURROGATE, source, entry, '"a\\ud800b"', "yaml-syntax", into=2)


MAKERS: tuple[Maker, ...] = (
    _tags,
    _merge_keys,
    _aliases,
    _numbers,
    _documents,
    _conflicts,
    _smart_quotes,
    _no_break_spaces,
    _invisible,
    _bytes,
    _escaped_surrogates,
)
