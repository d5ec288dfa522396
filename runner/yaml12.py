"""Reads one YAML 1.2 core mapping, strictly, and remembers at which line and column each value stands.

PyYAML's parser splits the text into events; what they mean is decided here, since PyYAML follows YAML 1.1
(`no` is false, `010` is 8, `5e-6` is text, a second key silently wins). Every problem that can be found is
reported; what could be read in spite of them is handed on. This module knows nothing of recipes.
"""

import math
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol

import yaml

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]
Key = tuple[str | int, ...]

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_ALIASES = 100
MAX_NODES = 10_000

# A binary file would have a finding on every line.
_MOST_ALIKE = 100

_PARSER: type[yaml.CLoader] | type[yaml.Loader] = getattr(yaml, "CLoader", yaml.Loader)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; both count from 1."""

    line: int
    column: int


START = Position(1, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Something that a strict reader refuses; `key` is the path of the value, as far as it is known."""

    position: Position
    code: str
    message: str
    expected: str = ""
    mend: str = ""
    key: Key = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What was read.

    `value` is None where no mapping was found. `places` and `key_places` hold where each value and each key
    stands. `spoiled` are the paths whose value is not what was meant, because a problem already speaks of
    them. `complete` is False where keys were dropped or reading stopped: then nothing follows from a key's
    absence.
    """

    value: dict[str, Value] | None
    problems: tuple[Problem, ...] = ()
    places: Mapping[Key, Position] = field(default_factory=dict)
    key_places: Mapping[Key, Position] = field(default_factory=dict)
    spoiled: frozenset[Key] = frozenset()
    complete: bool = True


class Unreadable(Exception):
    """There is no text to parse; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def read_bytes(path: Path) -> bytes:
    """Read a regular file of at most `MAX_BYTES`; size and kind are looked at before it is opened."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _unreadable("not-a-file", "this is no regular file", "a YAML file")
        if status.st_size > MAX_BYTES:
            raise _too_large()
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _unreadable("no-such-file", "there is no such file", mend="check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path cannot be used"
        raise _unreadable("not-readable", f"the file cannot be read: {reason}") from error
    if len(content) > MAX_BYTES:
        raise _too_large()
    return content


def decode(content: bytes) -> str:
    """Decode UTF-8; one byte order mark at the start is dropped."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        raise _unreadable("not-utf-8", "this is UTF-16 or UTF-32", "UTF-8", "save the file as UTF-8")
    if b"\x00" in content:
        position = _position_of(content[: content.index(b"\x00")])
        raise _unreadable(
            "not-utf-8", "this holds NUL bytes", "UTF-8 text", "save the file as UTF-8", position
        )
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        position = _position_of(content[: error.start])
        raise _unreadable(
            "not-utf-8",
            "this byte is not UTF-8 (Latin-1 or Windows-1252?)",
            "UTF-8 text",
            "save the file as UTF-8",
            position,
        ) from error


def parse(text: str) -> Document:
    """Parse one document that is a mapping. Raises nothing: whatever is wrong stands in `problems`."""
    conflicts = _merge_conflicts(text)
    if conflicts:
        return Document(value=None, problems=conflicts, complete=False)
    hidden = tuple(islice(_hidden_characters(text), _MOST_ALIKE))
    composer = _Composer(_HIDDEN.sub("\ufffd", text), {problem.position.line for problem in hidden})
    value = composer.document()
    return Document(
        value=value,
        problems=(*hidden, *composer.problems),
        places=composer.places,
        key_places=composer.key_places,
        spoiled=frozenset(composer.spoiled),
        complete=composer.complete,
    )


# --- the file's bytes ---------------------------------------------------------------------------------------


def _unreadable(
    code: str, message: str, expected: str = "", mend: str = "", position: Position = START
) -> Unreadable:
    return Unreadable(Problem(position=position, code=code, message=message, expected=expected, mend=mend))


def _too_large() -> Unreadable:
    return _unreadable("too-large", "the file is larger than 1 MiB", "a recipe of a few kilobytes")


def _position_of(before: bytes) -> Position:
    text = before.decode("utf-8", errors="replace").removeprefix("\ufeff")
    return Position(text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1)


# --- the text's characters ----------------------------------------------------------------------------------

# All but: what YAML calls printable, less what no reader sees (line and paragraph separators, zero width
# space, direction marks and overrides, a byte order mark in the middle).
_HIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u200a\u200c\u200d\u2010-\u2027\u202f-\u2065\u206a-\ud7ff"
    "\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?: .*)?\r?$", re.MULTILINE)


def _merge_conflicts(text: str) -> tuple[Problem, ...]:
    found = islice(_CONFLICT.finditer(text), _MOST_ALIKE)
    return tuple(
        Problem(
            position=Position(text.count("\n", 0, match.start()) + 1, 1),
            code="merge-conflict",
            message="an unresolved merge conflict",
            mend="keep one side and delete the marker lines",
        )
        for match in found
    )


def _hidden_characters(text: str) -> Iterator[Problem]:
    for number, line in enumerate(text.split("\n"), start=1):
        match = _HIDDEN.search(line)
        if match:
            yield Problem(
                position=Position(number, match.start() + 1),
                code="hidden-character",
                message=f"the character U+{ord(match.group()):04X} cannot be seen",
                mend="delete it",
            )


# --- the events ---------------------------------------------------------------------------------------------


class _Mark(Protocol):
    """What PyYAML's two kinds of marks have in common; they count from 0."""

    line: int
    column: int


class _Composer:
    """Turns events into values; the state of one reading.

    A path of None stands for values that are read but dropped, such as those of a repeated key.
    """

    def __init__(self, text: str, hidden_lines: set[int]) -> None:
        self.text = text
        self.hidden_lines = hidden_lines
        self.events: Iterator[yaml.Event] = yaml.parse(text, Loader=_PARSER)
        self.problems: list[Problem] = []
        self.places: dict[Key, Position] = {}
        self.key_places: dict[Key, Position] = {}
        self.spoiled: set[Key] = set()
        self.anchors: dict[str, tuple[Value, int] | None] = {}
        self.aliases = 0
        self.nodes = 0
        self.complete = True
        self.halted = False

    def document(self) -> dict[str, Value] | None:
        """Compose the only document, which has to be a mapping."""
        self.next()
        start = self.next()
        if isinstance(start, yaml.DocumentStartEvent):
            self.check_directives(start)
            start = self.next()
        value = self.compose(start, (), 1)
        self.check_end()
        if isinstance(value, dict):
            return value
        if not self.halted:
            position = _position(start.start_mark) if isinstance(start, yaml.NodeEvent) else START
            self.refuse(_problem(position, "not-a-mapping", "this is no mapping of `key: value` lines"))
        return None

    def check_directives(self, event: yaml.DocumentStartEvent) -> None:
        position = _position(event.start_mark)
        if event.version is not None and tuple(event.version) != (1, 2):
            mend = "delete the %YAML line: YAML 1.2 is read"
            self.refuse(_problem(position, "yaml-version", "another YAML version is asked for", mend))
        if event.tags:
            self.refuse(_problem(position, "tag", "tags are not allowed", "delete the %TAG line"))

    def check_end(self) -> None:
        self.next()
        after = self.next()
        if isinstance(after, yaml.DocumentStartEvent):
            position = _position(after.start_mark)
            mend = "keep one document in a file"
            self.refuse(_problem(position, "second-document", "a second document begins here", mend))

    def next(self) -> yaml.Event | None:
        """Give the next event; None once the text cannot be read further."""
        if self.halted:
            return None
        try:
            return next(self.events, None)
        except (yaml.YAMLError, ValueError) as error:
            self.halt(_syntax_problem(error, self.text))
            return None

    def compose(self, event: yaml.Event | None, at: Key | None, depth: int) -> Value:
        """Turn the node that begins with `event` into a value and note where it stands."""
        if not isinstance(event, yaml.NodeEvent):
            self.spoil(at)
            return None
        position = _position(event.start_mark)
        if at is not None:
            self.places[at] = position
        self.count(1, position)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(str(event.anchor), position, at)
        return self.anchored(event, at, depth)

    def anchored(self, event: yaml.NodeEvent, at: Key | None, depth: int) -> Value:
        """Compose a node and keep it for its aliases; until it is whole, they would be cycles."""
        before = self.nodes
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if getattr(event, "tag", None) is not None:
            self.unfit(_position(event.start_mark), at, "tag", "tags are not allowed", "delete the tag")
        value = self.content(event, at, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, self.nodes - before + 1)
        return value

    def content(self, event: yaml.NodeEvent, at: Key | None, depth: int) -> Value:
        position = _position(event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, at, position)
        if depth > MAX_DEPTH:
            self.halt(_problem(position, "too-deep", f"nested deeper than {MAX_DEPTH} levels"))
            return None
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(at, depth)
        return self.sequence(at, depth)

    def mapping(self, at: Key | None, depth: int) -> dict[str, Value]:
        value: dict[str, Value] = {}
        lines: dict[str, int] = {}
        while isinstance(event := self.next(), yaml.NodeEvent):
            position = _position(event.start_mark)
            name = self.key(event, position, depth)
            if name in lines:
                self.repeated(name, position, lines[name], at)
                name = None
            below = None if name is None or at is None else (*at, name)
            if below is not None:
                self.key_places[below] = position
            item = self.compose(self.next(), below, depth + 1)
            if name is not None:
                value[name] = item
                lines[name] = position.line
        return value

    def sequence(self, at: Key | None, depth: int) -> list[Value]:
        value: list[Value] = []
        while isinstance(event := self.next(), yaml.NodeEvent):
            value.append(self.compose(event, None if at is None else (*at, len(value)), depth + 1))
        return value

    def key(self, event: yaml.NodeEvent, position: Position, depth: int) -> str | None:
        """Give a key's text, or None where a problem speaks of it."""
        if isinstance(event, yaml.ScalarEvent):
            if self.is_masked(event):
                self.complete = False
                return None
            if event.value == "<<" and event.implicit[0]:
                said = "merge keys `<<` are not allowed"
                self.refuse(_problem(position, "merge-key", said, "write the keys out"))
                self.complete = False
                return None
        refused = len(self.problems)
        name = self.compose(event, None, depth + 1)
        if isinstance(name, str) and len(self.problems) == refused:
            return name
        if len(self.problems) == refused:
            self.refuse(_problem(position, "key-not-text", "a key has to be text", "put it in quotes"))
        self.complete = False
        return None

    def repeated(self, name: str, position: Position, line: int, at: Key | None) -> None:
        said = f"this key stands on line {line} and again on line {position.line}"
        key = (*(at or ()), name)
        self.refuse(_problem(position, "duplicate-key", said, "keep one of the two", key))

    def alias(self, name: str, position: Position, at: Key | None) -> Value:
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            self.halt(_problem(position, "too-many-aliases", f"more than {MAX_ALIASES} aliases"))
            return None
        known = self.anchors.get(name, (None, 0))
        if name not in self.anchors:
            self.unfit(position, at, "unknown-alias", "no anchor of this name comes before this alias")
        elif known is None:
            self.unfit(position, at, "alias-cycle", "this alias stands for something that holds it")
        if known is None:
            return None
        value, size = known
        self.count(size, position)
        return value

    def scalar(self, event: yaml.ScalarEvent, at: Key | None, position: Position) -> Value:
        text: str = event.value
        if self.is_masked(event):
            self.spoil(at)
            return text
        plain = event.implicit[0]
        fault = _text_fault(text, plain=plain)
        if fault is not None:
            self.unfit(position, at, *fault)
        return self.plain(text, at, position) if plain and fault is None else text

    def is_masked(self, event: yaml.ScalarEvent) -> bool:
        """Tell whether a hidden character stood in this text; it has been reported already."""
        return "\ufffd" in event.value and bool(self.hidden_lines.intersection(_lines(event)))

    def plain(self, text: str, at: Key | None, position: Position) -> Value:
        try:
            return resolve(text)
        except OverflowError:
            self.unfit(
                position, at, "number-range", "no number of 64 bits holds this", "quote it if it is text"
            )
        except ValueError:
            self.unfit(position, at, "not-a-number", "infinity and NaN are not allowed", "write a number")
        return None

    def unfit(self, position: Position, at: Key | None, code: str, message: str, mend: str = "") -> None:
        """Refuse a value: whatever is handed on in its place is not what was meant."""
        self.refuse(_problem(position, code, message, mend, at or ()))
        self.spoil(at)

    def spoil(self, at: Key | None) -> None:
        if at is not None:
            self.spoiled.add(at)

    def refuse(self, problem: Problem) -> None:
        self.problems.append(problem)

    def count(self, nodes: int, position: Position) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            said = f"more than {MAX_NODES:,} values, counting what aliases stand for"
            self.halt(_problem(position, "too-many-values", said))

    def halt(self, problem: Problem) -> None:
        """Report and stop reading: what follows cannot be trusted, or would cost too much."""
        if not self.halted:
            self.refuse(problem)
        self.halted = True
        self.complete = False


def _problem(position: Position, code: str, message: str, mend: str = "", key: Key = ()) -> Problem:
    return Problem(position=position, code=code, message=message, mend=mend, key=key)


def _position(mark: _Mark | None) -> Position:
    return START if mark is None else Position(mark.line + 1, mark.column + 1)


def _lines(event: yaml.ScalarEvent) -> range:
    return range(_position(event.start_mark).line, _position(event.end_mark).line + 1)


# --- what a scalar means ------------------------------------------------------------------------------------

_CONSTANTS: Mapping[str, bool | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LONGEST_NUMBER = 64
_INTEGER_LIMIT = 2**63


def resolve(text: str) -> Value:
    """Give the meaning of an unquoted scalar (YAML 1.2.2, section 10.3.2).

    Raises OverflowError for a number that neither 64 bits nor a float hold, ValueError for infinity and NaN.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return _integer(text, 10)
    if _BASED.fullmatch(text):
        return _integer(text, 0)
    if _FLOAT.fullmatch(text):
        return _float(text)
    if _NO_NUMBER.fullmatch(text):
        raise ValueError(text)
    return text


def _integer(text: str, base: int) -> int:
    number = int(text, base) if len(text) <= _LONGEST_NUMBER else _INTEGER_LIMIT
    if not -_INTEGER_LIMIT <= number < _INTEGER_LIMIT:
        raise OverflowError
    return number


def _float(text: str) -> float:
    number = float(text) if len(text) <= _LONGEST_NUMBER else math.inf
    vanished = number == 0 and re.search("[1-9]", re.split("[eE]", text)[0])
    if math.isinf(number) or vanished:
        raise OverflowError
    return number


def _text_fault(text: str, *, plain: bool) -> tuple[str, str, str] | None:
    hidden = _HIDDEN.search(text)
    if hidden:
        character = f"U+{ord(hidden.group()):04X}"
        return "hidden-character", f"the text holds the character {character}", "delete it"
    if plain and text.startswith(("\u201c", "\u201d", "\u2018", "\u2019", "\u00ab", "\u201e")):
        return "typographic-quote", "a typographic quote is no quote in YAML", "use \" or '"
    if plain and "\u00a0" in text:
        return "hidden-character", "a no-break space stands here", "type a space, or quote the text"
    return None


# --- what a syntax error means ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Explanation:
    """A syntax error in plain words; `from_start`: it is shown where the broken thing begins."""

    message: str
    mend: str
    from_start: bool = False


_INDENTATION = _Explanation("the indentation does not fit the lines above", "align it with the lines above")
_BRACKET = _Explanation(
    "this bracket or brace is not closed, or a comma is missing", "close it", from_start=True
)
_NO_YAML = _Explanation("this is not YAML", "look at this line and the one above it")

# The first part that PyYAML's own words hold; libyaml and the parser in Python differ a little.
_EXPLANATIONS: Mapping[str, _Explanation] = {
    "mapping values are not allowed": _Explanation(
        "a colon where no key can stand", "align the key with those above it; a text with `: ` needs quotes"
    ),
    "could not find expected ':'": _Explanation(
        "this is no `key: value` line", "add a colon and a space after the key", from_start=True
    ),
    "did not find expected ',' or": _BRACKET,
    "expected ',' or": _BRACKET,
    "did not find expected key": _INDENTATION,
    "did not find expected '-'": _INDENTATION,
    "expected <block end>": _INDENTATION,
    "block sequence entries are not allowed": _INDENTATION,
    "unexpected end of stream": _Explanation("this quote is never closed", "close it", from_start=True),
    "escape": _Explanation("no escape that YAML knows", "write \\\\ for a backslash, or use single quotes"),
    "node content": _Explanation("a value is missing here", "write it"),
    "tag": _Explanation("tags are not allowed", "delete the tag"),
    "incompatible YAML": _Explanation("another YAML version is asked for", "delete the %YAML line"),
}


def _syntax_problem(error: Exception, text: str) -> Problem:
    said = str(getattr(error, "problem", None) or "")
    mark = getattr(error, "problem_mark", None)
    explanation = _explain(said, _character_at(text, _position(mark)))
    if explanation.from_start:
        mark = getattr(error, "context_mark", None) or mark
    return _problem(_position(mark), "yaml-syntax", explanation.message, explanation.mend)


def _character_at(text: str, position: Position) -> str:
    line = text.split("\n")[position.line - 1 : position.line]
    return line[0][position.column - 1 : position.column] if line else ""


def _explain(said: str, character: str) -> _Explanation:
    if "cannot start any token" in said and character == "\t":
        return _Explanation("a tab where YAML takes only spaces", "indent with spaces")
    if "cannot start any token" in said and character:
        return _Explanation(f"a value cannot begin with {character}", "put the value in quotes")
    known = (explanation for part, explanation in _EXPLANATIONS.items() if part in said)
    return next(known, _NO_YAML)
