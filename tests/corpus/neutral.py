"""Edits that change how a recipe is written and nothing of what it means."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache

from tests.corpus.entries import Entry, Form
from tests.corpus.slip import Edit, apply, as_bytes
from tests.corpus.source import Source, only, sources
from tests.corpus.writing import is_text

SEED = 20261121
OF_EACH_WAY = 26


class Way(StrEnum):
    """What a person may do to a file without changing what it says."""

    ORDER = "order of keys"
    COMMENT_LINE = "a line of comment"
    COMMENT_END = "a comment after a value"
    BLANK = "blank lines"
    NO_COMMENTS = "all comments deleted"
    QUOTES = "quotes around a text"
    ESCAPES = "a letter written as an escape"
    QUOTED_KEY = "quotes around a key"
    SPACING = "more space around a colon"
    TAB = "a tab after a colon"
    INDENTATION = "wider indentation"
    FLOW = "a section in braces"
    BLOCK = "a section without braces"
    FOLDED = "a text as a folded block"
    LINE_ENDS = "CRLF line ends"
    ORDER_MARK = "a byte order mark at the start"
    TRAILING = "spaces at the ends of lines"
    MARKERS = "document start and end markers"
    NO_LAST_NEWLINE = "no newline at the end"
    ALIAS = "an alias of an equal value"
    NUMBER = "a number spelled otherwise"
    SWITCH = "true and false spelled otherwise"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewritten:
    """A recipe written another way."""

    way: Way
    source: Source
    content: bytes


Maker = Callable[[Source, random.Random], Iterator[tuple[Way, str]]]


@cache
def neutral(of_each: int = OF_EACH_WAY) -> tuple[Rewritten, ...]:
    """Pick so many rewritten recipes of each way."""
    chance = random.Random(SEED)  # noqa: S311 - the same corpus each time is the point
    made: dict[Way, list[Rewritten]] = {way: [] for way in Way}
    for source in sources():
        for make in _MAKERS:
            for way, text in make(source, chance):
                made[way].append(Rewritten(way=way, source=source, content=as_bytes(text)))
    return tuple(each for found in made.values() for each in chance.sample(found, k=min(of_each, len(found))))


def _orders(source: Source, chance: random.Random) -> Iterator[tuple[Way, str]]:
    """Swap two neighbours, of one line each or whole sections."""
    for entry in source.mappings():
        yield from _swapped(source, source.below(entry.path), chance)
    for _ in range(3):
        yield from _swapped(source, source.below(()), chance)


def _swapped(source: Source, siblings: list[Entry], chance: random.Random) -> Iterator[tuple[Way, str]]:
    if len(siblings) < 2:
        return
    place = chance.randrange(len(siblings) - 1)
    one, other = siblings[place], siblings[place + 1]
    first = source.text[one.key.start : one.value.end]
    second = source.text[other.key.start : other.value.end]
    edits = [Edit(one.key.start, one.value.end, second), Edit(other.key.start, other.value.end, first)]
    yield Way.ORDER, apply(source.text, edits)


def _comments(source: Source, chance: random.Random) -> Iterator[tuple[Way, str]]:
    for entry in source.block_scalars():
        start, end = source.line_start(entry.key.start), entry.value.end
        indent = " " * chance.randrange(12)
        note = chance.choice(["why?", "größer, ✓", "a: b", "{", "'", '"', "- x", "***", "<<<<<<", "\t tab"])
        yield Way.COMMENT_LINE, apply(source.text, [Edit(start, start, f"{indent}# {note}\n")])
        if "#" not in source.text[end : source.line_end(end)]:
            yield Way.COMMENT_END, apply(source.text, [Edit(end, end, f"  # {note}")])
        blank = "\n" * chance.randint(1, 3)
        yield Way.BLANK, apply(source.text, [Edit(start, start, f"{blank}   \n")])
    lines = source.text.splitlines(keepends=True)
    yield Way.NO_COMMENTS, "".join(line for line in lines if not line.lstrip().startswith("#"))


def _quotes(source: Source, chance: random.Random) -> Iterator[tuple[Way, str]]:
    for entry in source.scalars():
        value = source.value(entry)
        if not is_text(source, entry) or value[0] in "\"'":
            continue
        quote = chance.choice("\"'") if "'" not in value else '"'
        yield Way.QUOTES, _valued(source, entry, f"{quote}{value}{quote}")
        place = chance.randrange(len(value))
        escape = chance.choice(["\\x{:02x}", "\\u{:04x}", "\\U{:08x}"]).format(ord(value[place]))
        yield Way.ESCAPES, _valued(source, entry, f'"{value[:place]}{escape}{value[place + 1 :]}"')


def _keys(source: Source, chance: random.Random) -> Iterator[tuple[Way, str]]:
    for entry in source.entries:
        key = source.text[entry.key.start : entry.key.end]
        if not key.startswith('"'):
            quote = chance.choice("\"'")
            edit = Edit(entry.key.start, entry.key.end, f"{quote}{key}{quote}")
            yield Way.QUOTED_KEY, apply(source.text, [edit])


def _spaces(source: Source, chance: random.Random) -> Iterator[tuple[Way, str]]:
    for entry in source.scalars():
        before, after = " " * chance.randrange(3), " " * chance.randint(2, 9)
        edit = Edit(entry.key.end, entry.value.start, f"{before}:{after}")
        yield Way.SPACING, apply(source.text, [edit])
        if not entry.in_flow:
            edit = Edit(entry.key.end, entry.value.start, ":\t")
            yield Way.TAB, apply(source.text, [edit])


def _indentation(source: Source, _chance: random.Random) -> Iterator[tuple[Way, str]]:
    lines = source.text.splitlines(keepends=True)
    for width in (2, 3, 4):
        wide = [" " * (len(line) - len(line.lstrip(" "))) * (width - 1) + line for line in lines]
        yield Way.INDENTATION, "".join(wide)


def _braces(source: Source, chance: random.Random) -> Iterator[tuple[Way, str]]:
    for entry in source.mappings():
        joint = chance.choice([", ", ",", " , ", ",\n     "])
        if entry.form is Form.BLOCK:
            edit = Edit(entry.key.end, entry.value.end, f": {_in_braces(source, entry, joint)}")
            yield Way.FLOW, apply(source.text, [edit])
        elif not entry.in_flow:
            edit = Edit(entry.key.end, entry.value.end, f":{_in_lines(source, entry, 2)}")
            yield Way.BLOCK, apply(source.text, [edit])


def _in_braces(source: Source, entry: Entry, joint: str) -> str:
    parts = [f"{_key(source, below)}: {_between(source, below, joint)}" for below in source.below(entry.path)]
    return f"{{{joint.join(parts)}}}"


def _between(source: Source, entry: Entry, joint: str) -> str:
    """Write a value as it may stand between braces: one that has braces of its own needs quotes."""
    if entry.form is Form.BLOCK:
        return _in_braces(source, entry, joint)
    value = source.value(entry)
    return f"'{value}'" if entry.is_scalar and "{" in value and value[0] not in "\"'" else value


def _in_lines(source: Source, entry: Entry, indent: int) -> str:
    parts = [
        f"\n{' ' * indent}{_key(source, below)}:"
        f"{' ' + source.value(below) if below.is_scalar else _in_lines(source, below, indent + 3)}"
        for below in source.below(entry.path)
    ]
    return "".join(parts)


def _key(source: Source, entry: Entry) -> str:
    return source.text[entry.key.start : entry.key.end]


def _folded(source: Source, chance: random.Random) -> Iterator[tuple[Way, str]]:
    for entry in source.block_scalars():
        value = source.value(entry)
        if is_text(source, entry) and value[0] not in "\"'":
            end = source.line_end(entry.value.end) - 1
            indent = " " * (len(source.indent(entry)) + chance.randint(1, 4))
            text = f"{chance.choice(['>-', '|-'])}\n{indent}{value}"
            yield Way.FOLDED, apply(source.text, [Edit(entry.value.start, end, text)])


def _files(source: Source, chance: random.Random) -> Iterator[tuple[Way, str]]:
    text = source.text
    yield Way.LINE_ENDS, text.replace("\n", "\r\n")
    yield Way.ORDER_MARK, f"\ufeff{text}"
    yield Way.MARKERS, f"---\n{text}"
    yield Way.MARKERS, f"{text}...\n"
    yield Way.MARKERS, f"--- # the recipe\n{text}...\n# after it\n"
    yield Way.MARKERS, f"%YAML 1.2\n---\n{text}"
    yield Way.NO_LAST_NEWLINE, text.rstrip("\n")
    for _ in range(3):
        lines = [f"{line}{' ' * chance.randrange(4)}" for line in text.split("\n")]
        yield Way.TRAILING, "\n".join(lines)


def _aliases(source: Source, _chance: random.Random) -> Iterator[tuple[Way, str]]:
    """Anchor a value, and write an alias of it where an equal one stands."""
    found = only(source.entries, Form.SCALAR)
    for place, one in enumerate(found):
        for other in found[place + 1 :]:
            if source.value(one) == source.value(other):
                text = f"&{one.name} {source.value(one)}"
                alias = f"*{one.name} " if other.in_flow else f"*{one.name}"
                edits = [
                    Edit(one.value.start, one.value.end, text),
                    Edit(other.value.start, other.value.end, alias),
                ]
                yield Way.ALIAS, apply(source.text, edits)


def _numbers(source: Source, chance: random.Random) -> Iterator[tuple[Way, str]]:
    for entry in source.scalars():
        value = source.value(entry)
        if value in {"true", "false"}:
            yield Way.SWITCH, _valued(source, entry, chance.choice([value.title(), value.upper()]))
        elif value.isdigit():
            whole = [f"+{value}", f"0{value}", hex(int(value)), oct(int(value))]
            whole = (
                ["100", "1.e2", "1e2", "1E+2", "100.0"]
                if entry.name == "percent" and value == "100"
                else whole
            )
            yield Way.NUMBER, _valued(source, entry, chance.choice(whole))
        elif not is_text(source, entry):
            number = Decimal(value)
            texts = [f"{number:f}", f"{number:e}", f"{number:E}", f"{number:f}0".lstrip("0")]
            texts = [text for text in texts if text != value and "." in text]
            for text in texts:
                yield Way.NUMBER, _valued(source, entry, text)


def _valued(source: Source, entry: Entry, text: str) -> str:
    return apply(source.text, [Edit(entry.value.start, entry.value.end, text)])


_MAKERS: tuple[Maker, ...] = (
    _orders,
    _comments,
    _quotes,
    _keys,
    _spaces,
    _indentation,
    _braces,
    _folded,
    _files,
    _aliases,
    _numbers,
)
