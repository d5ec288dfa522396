"""A single mistake as an edit of a text, and where and how it is to be told.

Nothing here asks the reader of recipes: what is expected follows from where the text was edited.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.corpus.source import Source


class Kind(StrEnum):
    """What went wrong in a person's hands."""

    KEY_TYPO = "typo in a key"
    UNKNOWN_KEY = "unknown key"
    MISPLACED_KEY = "key of another section"
    MISSING_KEY = "missing required key"
    BAD_KEY = "wrong form of a key"
    DUPLICATE_KEY = "duplicate key"
    KEY_NOT_TEXT = "key that is no text"
    WRONG_TYPE = "wrong type"
    EMPTY_VALUE = "empty value"
    NOT_ALLOWED = "value outside an enum"
    OUT_OF_RANGE = "out of range"
    WRONG_FORM = "wrong form of a name or version"
    TOO_LONG = "too long"
    BAD_REFERENCE = "reference to the environment"
    SECRET = "secret in the recipe"  # noqa: S105 - a kind of mistake, no password
    NEEDS_SECTION = "section that another one needs"
    SOURCES = "no source, or two"
    WORKSPACE = "half a workspace, or two"
    TRAFFIC_SUM = "traffic that does not add up"
    TRAFFIC_NAME = "traffic to an unknown deployment"
    SAME_DEPLOYMENT = "two deployments of one name"
    NO_TRAFFIC = "samples without traffic"
    INSTANCES = "more instances than there may be"
    SAME_SPLIT = "tested on what is trained on"
    ROWS = "rows that are taken or read two ways"
    UNKNOWN_PARAMETER = "unknown parameter"
    PARAMETER_TYPE = "parameter of the wrong type"
    PARAMETER_VALUE = "parameter outside its enum"
    PARAMETER_RANGE = "parameter out of range"
    DERIVED_PARAMETER = "parameter that other sections decide"
    INDENT_MORE = "indented too far"
    INDENT_LESS = "indented too little"
    TAB = "tab as indentation"
    OPEN_BRACKET = "bracket not closed"
    OPEN_QUOTE = "quote not closed"
    NO_SPACE = "no space after the colon"
    NO_COLON = "no colon"
    SECOND_COLON = "text with a colon, unquoted"
    BAD_START = "value that begins with a sign"
    TAG = "tag"
    MERGE_KEY = "merge key"
    UNKNOWN_ALIAS = "unknown alias"
    NOT_A_NUMBER = "infinity or NaN"
    HUGE_NUMBER = "number beyond 64 bits"
    SECOND_DOCUMENT = "second document"
    CONFLICT = "merge conflict"
    SMART_QUOTES = "typographic quotes"
    NO_BREAK_SPACE = "no-break space"
    CONTROL = "control or invisible character"
    SURROGATE = "lone surrogate"
    ORDER_MARK = "byte order mark in the middle"
    LATIN_1 = "latin-1 byte"
    NUL = "NUL byte"


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces what stands from `start` to `end`."""

    start: int
    end: int
    text: str

    @property
    def growth(self) -> int:
        return len(self.text) - (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Expected:
    """A finding that has to be told, at an offset of the text as it was before any edit.

    With `into`, `at` is the start of an edit, and the place is so far into what that edit writes.
    """

    at: int
    code: str
    into: int | None = None
    says: tuple[int, ...] = ()  # offsets of the original text whose lines the message names


@dataclass(frozen=True, kw_only=True, slots=True)
class Slip:
    """One mistake: the edits that make it, and all that has to be told of it."""

    kind: Kind
    source: Source
    edits: tuple[Edit, ...]
    expected: tuple[Expected, ...]
    section: str = ""

    @property
    def start(self) -> int:
        return min(edit.start for edit in self.edits)


@dataclass(frozen=True, order=True, slots=True)
class Told:
    """A finding at its place."""

    line: int
    column: int
    code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Wrong:
    """A file with mistakes in it; `lines_said` are the line numbers that the first message has to name."""

    name: str
    source: Source
    kinds: tuple[Kind, ...]
    content: bytes
    expected: tuple[Told, ...]
    lines_said: tuple[int, ...] = ()


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Carry out edits that do not overlap."""
    for edit in sorted(edits, key=lambda each: each.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def wrong(slips: Sequence[Slip]) -> Wrong:
    """Make the file that holds all of these mistakes, which are of one recipe and do not overlap."""
    source = slips[0].source
    edits = [edit for slip in slips for edit in slip.edits]
    text = apply(source.text, edits)
    expected = [each for slip in slips for each in slip.expected]
    told = [Told(*_line_and_column(text, _offset(each, edits)), each.code) for each in expected]
    said = [Expected(at, "") for each in expected for at in each.says]
    return Wrong(
        name=f"{source.name}: {', '.join(slip.kind.value for slip in slips)}",
        source=source,
        kinds=tuple(slip.kind for slip in slips),
        content=as_bytes(text),
        expected=tuple(sorted(told)),
        lines_said=tuple(_line_and_column(text, _offset(each, edits))[0] for each in said),
    )


def as_bytes(text: str) -> bytes:
    """Encode a text in which a byte that is not UTF-8 is written as a surrogate from U+DC80 to U+DCFF."""
    return text.encode("utf-8", "surrogateescape")


def _offset(expected: Expected, edits: Iterable[Edit]) -> int:
    """Give where a place of the original text has moved to."""
    if expected.into is None:
        return expected.at + sum(edit.growth for edit in edits if edit.end <= expected.at)
    earlier = (edit for edit in edits if edit.end <= expected.at and edit.start < expected.at)
    return expected.at + sum(edit.growth for edit in earlier) + expected.into


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
